"""A trainable embedder, its loss, and its sentence-transformers folder.

The base's prompts, pooling and normalisation are kept. Dropout is off.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from evaluation.training.embedder.pairs import QuestionTexts, Row, batches, mask, spread_of
from evaluation.training.loop import Schedule, autocast
from rag.errors import ModelError, first_line
from rag.models.model_files import OWN, ModelFiles
from rag.models.reader_ranker import ROUNDED

LENGTH = 256  # tokens of a text in training
SCALE = 20.0  # factor of cosines before the softmax
MARGINS = 0.5  # weight of the margin loss beside the ranking loss
BATCH = 32  # texts encoded at once

Vectors = npt.NDArray[np.float32]
Kind = Literal["query", "document"]


class EmbedderNetwork(torch.nn.Module):
    """A sentence-transformers model that can be trained.

    Args:
        model: A `SentenceTransformer`.

    Attributes:
        model: The `SentenceTransformer`.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - no types there
        super().__init__()
        self.model = model
        self.length = min(LENGTH, int(model.max_seq_length or LENGTH))

    def forward(self, texts: Sequence[str], kind: Kind) -> torch.Tensor:
        """Return the vectors of texts: float32 of shape (n_texts, dim), rows of length 1.

        Args:
            texts: Texts, at least one.
            kind: Kind of the texts, which selects the model's prompt.
        """
        device = next(self.parameters()).device
        inputs = self.model.preprocess(
            list(texts), prompt=self._prompt(kind), task=kind, max_length=self.length
        )
        inputs = {name: self._rounded(name, each, device) for name, each in inputs.items()}
        with autocast(device):
            found = self.model(inputs)["sentence_embedding"]
        return functional.normalize(found.float(), dim=-1)

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """Return the vectors of any number of texts, without gradients."""
        order = sorted(range(len(texts)), key=lambda place: (-len(texts[place]), place))
        found: Vectors | None = None
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            with torch.inference_mode():
                made = self([texts[place] for place in places], kind).cpu().numpy()
            if found is None:
                found = np.empty((len(texts), made.shape[1]), np.float32)
            found[places] = made
        return np.empty((0, 0), np.float32) if found is None else found

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of questions; see `evaluation.training.data.neighbours.Encoder`."""
        return self.encode(texts, "query")

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of passages; see `evaluation.training.data.neighbours.Encoder`."""
        return self.encode(texts, "document")

    def _prompt(self, kind: Kind) -> str | None:
        """Return the prompt that the model's `encode_query` or `encode_document` uses."""
        names = [kind] if kind == "query" else ["document", "passage", "corpus"]
        prompts = self.model.prompts
        name = next((name for name in names if name in prompts), self.model.default_prompt_name)
        return prompts.get(name) or None

    def _rounded(self, name: str, each: Any, device: torch.device) -> Any:  # noqa: ANN401
        """Pad inputs to a few lengths, as the processor plans again for each new one."""
        if not isinstance(each, torch.Tensor):
            return each
        tokenizer = self.model.tokenizer
        if each.ndim == 2 and tokenizer.padding_side == "right":
            more = min(-each.shape[1] % ROUNDED, self.length - each.shape[1])
            fill = tokenizer.pad_token_id or 0 if name == "input_ids" else 0
            each = functional.pad(each, (0, max(more, 0)), value=fill)
        return each.to(device)


class EmbedderObjective:
    """The `Objective` of an embedder.

    The loss is the cross-entropy of the positive text among all texts of the batch that count for
    the question (multiple-negatives ranking loss), with 20 times the cosine as logit. A teacher
    adds the squared difference between its margin and the student's, at half weight (MarginMSE).

    Args:
        asked: Questions with their texts, at least one; with or without a teacher's scores.
        schedule: Batch size and number of epochs.

    Attributes:
        steps: Number of steps of the whole training.

    Reference:
        Henderson et al., Efficient natural language response suggestion (2017), section 4.4;
        Hofstätter et al., Improving efficient neural ranking models with cross-architecture
        knowledge distillation (2020); Thakur et al., Augmented SBERT (2021), for questions with
        teacher scores alone.
    """

    def __init__(self, asked: Sequence[QuestionTexts], schedule: Schedule) -> None:
        self.asked, self.schedule = asked, schedule
        self.spread = spread_of(asked)
        self.steps = max(1, round(schedule.epochs * -(-len(asked) // schedule.batch_size)))

    def batches(self) -> Iterator[list[Row]]:
        """Yield the rows of each step: questions with a text or two."""
        return batches(self.asked, self.schedule, spread=self.spread)

    def loss(self, model: EmbedderNetwork, batch: Sequence[Row]) -> torch.Tensor:
        """Return the loss of a batch."""
        wrong = [row.wrong for row in batch if row.wrong is not None]
        texts = [*(row.right for row in batch), *wrong]
        questions = model([row.asked.question for row in batch], "query")
        passages = model([each.text for each in texts], "document")
        logits = SCALE * questions @ passages.T
        return ranking_loss(logits, mask(batch, texts)) + margin_loss(logits, batch)


def ranking_loss(logits: torch.Tensor, counted: npt.NDArray[np.bool_]) -> torch.Tensor:
    """Return the mean cross-entropy of each question's own text among the texts that count.

    Args:
        logits: Array of shape (questions, texts); a question's own text has the same index.
        counted: Mask of the same shape; a question whose own text does not count is left out.
    """
    shown = torch.from_numpy(counted).to(logits.device)
    rows = shown.diagonal()
    if not bool(rows.any()):
        return logits.sum() * 0
    goals = torch.arange(len(logits), device=logits.device)
    found = logits.masked_fill(~shown, float("-inf"))
    return functional.cross_entropy(found[rows], goals[rows])


def margin_loss(logits: torch.Tensor, batch: Sequence[Row]) -> torch.Tensor:
    """Return half the mean squared difference between the teacher's and the student's margins.

    Args:
        logits: Array of shape (questions, texts); the negatives follow the positives.
        batch: Rows, with or without a teacher's margins.
    """
    having = [place for place, row in enumerate(batch) if row.wrong is not None]
    wrong = {place: len(batch) + number for number, place in enumerate(having)}
    rows = [place for place in having if batch[place].margin is not None]
    if not rows:
        return logits.sum() * 0
    goals = torch.tensor([batch[place].margin for place in rows], device=logits.device)
    margins = logits[rows, rows] - logits[rows, [wrong[place] for place in rows]]
    return MARGINS * functional.mse_loss(margins, goals)


def load_embedding(base: ModelFiles) -> EmbedderNetwork:
    """Return the model in a folder, in float32 and without dropout.

    Raises:
        ModelError: If it cannot be loaded.
    """
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        model = SentenceTransformer(
            str(base.folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"dtype": torch.float32},
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        reason = first_line(error)
        raise ModelError(
            f"--base: `{base.name}` in `{base.folder}` is no embedder that can be trained: {reason}"
        ) from error
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0  # drawing the random numbers would take as long as the rest of a step
    return EmbedderNetwork(model)


def save_embedding(embedding: EmbedderNetwork, folder: Path, *, facts: dict[str, Any]) -> None:
    """Write a complete sentence-transformers model with weights in float16 into a folder.

    Args:
        embedding: The model; its weights are float16 afterwards.
        folder: An existing folder.
        facts: Values under `citewell` in `config.json`.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    embedding.model.half().save_pretrained(str(folder), create_model_card=False)
    _add(folder / "config.json", {OWN: facts})
    length = int(embedding.model.max_seq_length)  # or nobody knows it without loading the model
    _add(folder / "sentence_bert_config.json", {"max_seq_length": length})


def _add(path: Path, facts: dict[str, Any]) -> None:
    content = json.loads(path.read_text(encoding="utf-8")) | facts
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
