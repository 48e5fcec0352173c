"""A cross-encoder of sentence-transformers, and the protocol of every model that ranks."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from rag.config.ranker import RankerConfig
from rag.errors import ModelError, first_line
from rag.language.forms import in_one_script
from rag.models.batching import in_batches
from rag.models.model_files import ModelFiles, find_model
from rag.models.onnx_encoder import pad
from rag.models.onnx_graphs import OnnxModel, open_graph
from rag.models.runtime import pick_device, pick_dtype, pick_graph, quiet_transformers
from rag.models.windows import copy_tokenizer


class RelevanceModel(Protocol):
    """A model that scores the relevance of texts to a question.

    Attributes:
        files: The model's files.
    """

    files: ModelFiles

    @property
    def ran_by(self) -> str:
        """`onnx` or `torch`, whichever runs it; empty until it is loaded."""

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


Scorer = Callable[[Sequence[tuple[str, str]]], list[float]]  # of pairs of a question and a text


class CrossEncoderModel:
    """A cross-encoder of sentence-transformers; loaded when first used, safe between threads.

    Args:
        config: The model and its device.

    Attributes:
        files: The model's files.
        ran_by: `onnx` or `torch`, whichever runs it; empty until it is loaded.
    """

    def __init__(self, config: RankerConfig) -> None:
        self.config = config
        self.files = find_model(config.model, setting="ranker.model")
        self.ran_by = ""
        self._score: Scorer | None = None
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Load the model, once.

        Raises:
            ModelError: If it cannot be loaded, or gives more than one number for a pair.
        """
        with self._lock:
            if self._score is None:
                self._score, self.ran_by = _load(self.files, self.config)

    def relevance(
        self, question: str, texts: Sequence[str], *, deadline: float | None = None
    ) -> list[float] | None:
        """Return the logit of each text; see `RelevanceModel`.

        Raises:
            ModelError: If memory does not suffice even for one text at a time.
        """
        self.warm_up()
        order = sorted(range(len(texts)), key=lambda place: (-len(texts[place]), place))
        scores = [0.0] * len(texts)

        def predict(places: Sequence[int]) -> None:
            pairs = [(in_one_script(question), in_one_script(texts[place])) for place in places]
            with self._lock:
                assert self._score is not None  # noqa: S101 - loaded
                found = self._score(pairs)
            for place, score in zip(places, found, strict=True):
                scores[place] = score

        done = in_batches(order, predict, self.config.batch_size, deadline=deadline)
        return scores if done else None


def _load(files: ModelFiles, config: RankerConfig) -> tuple[Scorer, str]:
    """Return what scores pairs, and `onnx` or `torch`, whichever runs it."""
    from safetensors import SafetensorError

    _check_head(files)
    graph = pick_graph(config, files, "ranker")
    try:
        if graph is not None:
            return _onnx_scorer(files, open_graph(graph, files, "ranker")), "onnx"
        device = pick_device(config.device)
        import torch

        dtype = getattr(torch, pick_dtype(config.dtype, device))
        return _torch_scorer(load_cross_encoder(files, device, dtype)), "torch"
    except (ImportError, OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        reason = first_line(error)
        raise ModelError(
            f"the ranker `{files.name}` in `{files.folder}` cannot be loaded: {reason}"
        ) from error


def _onnx_scorer(files: ModelFiles, model: OnnxModel) -> Scorer:
    tokenizer = copy_tokenizer(files.tokenizer)
    most = files.read("tokenizer_config.json").get("model_max_length") or files.longest
    tokenizer.enable_truncation(int(min(most, files.longest)))

    def score(pairs: Sequence[tuple[str, str]]) -> list[float]:
        found = tokenizer.encode_batch(list(pairs))
        outputs = model.run(
            pad([each.ids for each in found], files.padding),
            pad([each.attention_mask for each in found]),
            pad([each.type_ids for each in found]),
        )
        scores: list[float] = outputs["relevance"].tolist()
        return scores

    return score


def _torch_scorer(model: Any) -> Scorer:  # noqa: ANN401 - no types there
    from torch.nn import Identity

    def score(pairs: Sequence[tuple[str, str]]) -> list[float]:
        found = model.predict(
            list(pairs),
            batch_size=len(pairs),
            activation_fn=Identity(),  # a sigmoid in bfloat16 makes ties at its ends
            show_progress_bar=False,
        )
        scores: list[float] = found.tolist()
        return scores

    return score


def load_cross_encoder(files: ModelFiles, device: str, dtype: Any) -> Any:  # noqa: ANN401
    """Return the model as sentence-transformers reads it.

    Raises:
        OSError: If the folder cannot be read.
        ValueError: If its configuration cannot be used.
        RuntimeError: If weights are missing or do not fit.
    """
    from sentence_transformers import CrossEncoder

    quiet_transformers()
    return CrossEncoder(
        str(files.folder),
        device=device,
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"dtype": dtype},
    )


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
