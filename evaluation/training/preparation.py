"""Preparation of a training: data, tokenizer and language, checked before any time is spent."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.training.data.cloze_sets import make_datasets
from evaluation.training.data.neighbours import Encoder
from evaluation.training.data.sets import Mining, TrainingSet, load_training_set
from evaluation.training.options import TrainingOptions
from rag.errors import DatasetError, ModelError, first_line
from rag.models.model_files import ModelFiles

if TYPE_CHECKING:
    from tokenizers import Tokenizer


MOST_UNKNOWN = 0.1  # share of tokens that may be unknown to a base


def refuse_existing(out: Path) -> None:
    """Check that the folder of the new model does not exist.

    Raises:
        ModelError: If it does; choose another folder.
    """
    if out.exists():
        raise ModelError(f"`{out}` exists. Nothing was overwritten; give another --out.")


def load_data(
    options: TrainingOptions,
    encoder: Callable[[str], Encoder],
    mined: Callable[[int, int, str], None],
) -> TrainingSet:
    """Return the training set of a training; the encoder is used for dense negatives only.

    Raises:
        DatasetError: If there is nothing to learn from the data sets.
        ModelError: If the temporary index for mining cannot be written; free some space.
    """
    seed = options.schedule.seed
    try:
        return load_training_set(
            options.paths,
            options.role,
            mining=Mining(options.negatives, options.mine, encoder, mined),
            seed=seed,
            evaluated_on=options.evaluated_on,
            repair=options.repair,
            made=make_datasets(options.cloze, options.cloze_questions, seed=seed),
        )
    except OSError as error:
        folder = tempfile.gettempdir()
        raise ModelError(
            f"`{folder}` cannot be written: {error.strerror or error}. Free some space there, or "
            "name another place with the variable TMPDIR. Nothing was installed."
        ) from error


def load_tokenizer(base: ModelFiles) -> Any:  # noqa: ANN401 - transformers' own type
    """Return the tokenizer of a base model.

    Raises:
        ModelError: If it cannot be used.
    """
    from transformers import AutoTokenizer

    try:
        found: Any = AutoTokenizer.from_pretrained(
            base.folder, local_files_only=True, trust_remote_code=False
        )
        found.backend_tokenizer.get_vocab_size()
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        reason = first_line(error)
        raise ModelError(
            f"--base: the tokenizer of `{base.name}` cannot be used: {reason}"
        ) from error
    return found


def check_served(base: ModelFiles, language: str) -> None:
    """Check that a base does not exclude a language."""
    served = base.own.get("languages")
    if served and language and language not in served:
        raise DatasetError(
            f"the questions are in `{language}`, but `{base.name}` serves "
            f"`{', '.join(served)}`: give a --base for that language."
        )


def check_language(base: ModelFiles, tokenizer: "Tokenizer", data: TrainingSet) -> None:
    """Check that a base serves the language of the questions and knows their words."""
    check_served(base, data.language)
    unknown = tokenizer.token_to_id("[UNK]")
    if unknown is None:
        return
    texts = [f"{each.question} {each.text}" for each in data.examples[:200]]
    ids = [i for each in tokenizer.encode_batch(texts, add_special_tokens=False) for i in each.ids]
    share = ids.count(unknown) / max(len(ids), 1)
    if share > MOST_UNKNOWN:
        raise DatasetError(
            f"`{base.name}` does not know {share:.0%} of the words (`{data.language}`): give a "
            "--base for that language."
        )
