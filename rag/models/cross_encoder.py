"""A cross-encoder of sentence-transformers, and the protocol of every model that ranks."""

import threading
from collections.abc import Sequence
from typing import Any, Protocol

from rag.config.ranker import RankerConfig
from rag.errors import ModelError, first_line
from rag.language.forms import in_one_script
from rag.models.batching import in_batches
from rag.models.embedder import pick_device, pick_dtype
from rag.models.model_files import ModelFiles, find_model


class RelevanceModel(Protocol):
    """A model that scores the relevance of texts to a question.

    Attributes:
        files: The model's files.
    """

    files: ModelFiles

    def warm_up(self) -> None:
        """Load the model, once."""

    def relevance(
        self, question: str, texts: Sequence[str], *, deadline: float | None = None
    ) -> list[float] | None:
        """Return a score for each text, higher is better; None if the deadline came first.

        Args:
            question: The question.
            texts: Texts; any may be empty.
            deadline: Time limit on the clock of `time.monotonic`.
        """


class CrossEncoderModel:
    """A cross-encoder of sentence-transformers; loaded when first used, safe between threads.

    Args:
        config: The model and its device.

    Attributes:
        files: The model's files.
    """

    def __init__(self, config: RankerConfig) -> None:
        self.config = config
        self.files = find_model(config.model, setting="ranker.model")
        self._model: Any = None
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Load the model, once.

        Raises:
            ModelError: If it cannot be loaded, or gives more than one number for a pair.
        """
        with self._lock:
            if self._model is None:
                self._model = _load(self.files, self.config)

    def relevance(
        self, question: str, texts: Sequence[str], *, deadline: float | None = None
    ) -> list[float] | None:
        """Return the logit of each text; see `RelevanceModel`.

        Raises:
            ModelError: If memory does not suffice even for one text at a time.
        """
        from torch.nn import Identity

        self.warm_up()
        order = sorted(range(len(texts)), key=lambda place: (-len(texts[place]), place))
        scores = [0.0] * len(texts)

        def predict(places: Sequence[int]) -> None:
            pairs = [(in_one_script(question), in_one_script(texts[place])) for place in places]
            with self._lock:
                found = self._model.predict(
                    pairs,
                    batch_size=len(pairs),
                    activation_fn=Identity(),  # a sigmoid in bfloat16 makes ties at its ends
                    show_progress_bar=False,
                )
            for place, score in zip(places, found.tolist(), strict=True):
                scores[place] = score

        done = in_batches(order, predict, self.config.batch_size, deadline=deadline)
        return scores if done else None


def _load(files: ModelFiles, config: RankerConfig) -> Any:  # noqa: ANN401 - no types there
    import torch
    from safetensors import SafetensorError
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    _check_head(files)
    device = pick_device(config.device)
    try:
        return CrossEncoder(
            str(files.folder),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"dtype": getattr(torch, pick_dtype(config.dtype, device))},
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        reason = first_line(error)
        raise ModelError(
            f"the ranker `{files.name}` in `{files.folder}` cannot be loaded: {reason}"
        ) from error


def _check_head(files: ModelFiles) -> None:
    """Reject a model without a head trained to give one number per pair."""
    config = files.read("config.json")
    kinds = [str(name) for name in config.get("architectures") or ()]
    if not any(name.endswith("ForSequenceClassification") for name in kinds):
        raise ModelError(
            f"`{files.name}` is no ranker (`{', '.join(kinds) or 'unknown'}`). Set `ranker.model` "
            "to a cross-encoder, such as cross-encoder/ms-marco-MiniLM-L-6-v2, or to a model that "
            "`rag train ranker` made."
        )
    labels = len(config.get("id2label") or "12")  # transformers' default, if the file names none
    if labels != 1:
        raise ModelError(
            f"`{files.name}` gives {labels} numbers for a question and a passage; a ranker gives "
            "one. Set `ranker.model` to a cross-encoder that was trained for search."
        )
