"""Embedder: a sentence-transformers model with its own prompts, pooling and length."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.config import EmbedderConfig
from rag.errors import ModelError, first_line
from rag.language.forms import in_one_script
from rag.models.default_models import AUTO, model_for
from rag.models.model_files import ModelFiles, find_model
from rag.models.onnx_encoder import OnnxEncoder
from rag.models.onnx_graphs import open_graph
from rag.models.runtime import pick_device, pick_dtype, pick_graph, quiet_transformers
from rag.models.similarity_floor import measure_floor, shipped_floor

log = logging.getLogger(__name__)

Vectors = npt.NDArray[np.float32]
MOST_PARTS = 8  # of a long question that are embedded


class Embedder:
    """A sentence-transformers model; loaded when first used, safe to share between threads.

    Chinese is read in simplified characters, of questions as of passages.

    Args:
        config: The model, its device and its languages; `auto` is the English default here, see
            `embedder_settings`.

    Attributes:
        files: The model's files; its tokenizer, length and dimension are known before loading.
        languages: Languages that it serves.
        ran_by: `onnx` or `torch`, whichever runs it; empty until it is loaded.
    """

    def __init__(self, config: EmbedderConfig) -> None:
        self.config, self.ran_by = config, ""
        name = (model_for("embedder", "en") or "") if config.model == AUTO else config.model
        self.files: ModelFiles = find_model(name, setting="embedder.model")
        self.languages = config.languages or embedder_languages(self.files)
        self._model: Any = None
        self._lock = threading.Lock()

    def serves(self, language: str) -> bool:
        """Return whether it serves a language; an unknown one ("") counts as served."""
        return not language or language in self.languages

    @cached_property
    def floor(self) -> float:
        """Cosine of unrelated texts, see `rag.models.similarity_floor`; measured if unknown."""
        known = shipped_floor(self.files)
        if known is not None:
            return known
        log.info("Measuring where unrelated texts lie for `%s`.", self.files.name)
        return measure_floor(self)

    def warm_up(self) -> None:
        """Load the model, once."""
        with self._lock:
            if self._model is None:
                self._model, self.ran_by = _load(self.files, self.config)

    def encode_query(self, text: str) -> Vectors:
        """Return the vector of a question: float32 of shape (dim,), of length 1.

        That of a question which is longer than the model reads is the mean of its parts' vectors.
        """
        parts = self.query_parts(text)
        alone = self.ran_by == "torch" and len(parts) == 1
        with self._lock, _one_thread() if alone else nullcontext():
            found = _unit(self._model.encode_query(parts, **_OPTIONS))
        if len(parts) > 1:
            found = _unit(found.mean(axis=0, keepdims=True))
        mean: Vectors = found[0]
        return mean

    def query_parts(self, text: str) -> list[str]:
        """Return a question in parts of equal numbers of tokens, no longer than the model reads.

        Of more than `MOST_PARTS` so many are taken that lie evenly in the text, the first and the
        last among them.
        """
        self.warm_up()
        text = in_one_script(text)
        prompt = self._model.prompts.get("query") or ""
        if len((prompt + text).encode()) <= self.files.max_tokens:  # a token has a byte at least
            return [text]
        tokenizer = self.files.tokenizer
        room = self.files.max_tokens - len(tokenizer.encode(prompt, add_special_tokens=False).ids)
        offsets = tokenizer.encode(text, add_special_tokens=False).offsets
        count = max(-(-len(offsets) // max(room, 1)), 1)
        borders = [len(offsets) * place // count for place in range(count + 1)]
        if count == 1:
            return [text]
        most = min(count, MOST_PARTS)
        taken = [place * (count - 1) // (most - 1) for place in range(most)]
        return [text[offsets[borders[n]][0] : offsets[borders[n + 1] - 1][1]] for n in taken]

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of passages.

        Args:
            texts: Texts to embed; those longer than the model reads are truncated.

        Returns:
            float32 array of shape (len(texts), dim), rows of length 1, in the order of the texts.

        Raises:
            ModelError: If memory does not suffice even for one text at a time.
        """
        if not texts:
            return np.empty((0, self.files.dimension), np.float32)
        self.warm_up()
        size, texts = self.config.batch_size, list(map(in_one_script, texts))
        while True:
            try:
                with self._lock:
                    found = self._model.encode_document(texts, batch_size=size, **_OPTIONS)
                return _unit(found)
            except RuntimeError as error:  # torch raises it, or a subclass, when memory is short
                if "out of memory" not in str(error).lower() or size == 1:
                    raise ModelError(f"the embedder failed: {error}") from error
                size //= 2
                log.warning("Memory is short: embedding %d passages at a time.", size)


def embedder_settings(
    settings: EmbedderConfig, *, made_with: str | None = None, language: str = ""
) -> EmbedderConfig:
    """Return the embedder's settings with a model's name in place of `auto`.

    Args:
        settings: The configured settings; a named model stays.
        made_with: The embedder of an existing collection.
        language: Language of the documents, for a new collection.

    Raises:
        ModelError: If there is no model for `auto`.
    """
    if settings.model != AUTO:
        return settings
    name = made_with or model_for("embedder", language) or model_for("embedder", "en")
    if name is None:
        raise ModelError("there is no embedder for `auto`: set `embedder.model`.")
    return settings.model_copy(update={"model": name})


def embedder_languages(files: ModelFiles) -> tuple[str, ...]:
    """Return the languages that an embedder declares, or English."""
    return tuple(files.own.get("languages") or ()) or ("en",)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Limit torch to one thread while a short text is encoded.

    Two threads save three of eight milliseconds on an idle machine, but on a busy one they wait
    for each other at every layer: half a second was measured.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _unit(vectors: npt.ArrayLike) -> Vectors:
    """Return rows of length 1; bfloat16 leaves them only approximately so."""
    rows = np.asarray(vectors, np.float32)
    unit: Vectors = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


# Longer texts first within a call, so that batches hold equal lengths: sentence-transformers does.
_OPTIONS: dict[str, Any] = {
    "show_progress_bar": False,
    "convert_to_numpy": True,
}


def _load(files: ModelFiles, config: EmbedderConfig) -> tuple[Any, str]:
    """Return the model and `onnx` or `torch`, whichever runs it."""
    from safetensors import SafetensorError

    graph = pick_graph(config, files, "embedder")
    try:
        if graph is not None:
            return OnnxEncoder(files, open_graph(graph, files, "embedder")), "onnx"
        device = pick_device(config.device)
        import torch

        dtype = getattr(torch, pick_dtype(config.dtype, device))
        return load_sentence_transformer(files, device, dtype), "torch"
    except (ImportError, OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        reason = first_line(error)
        raise ModelError(
            f"the embedder `{files.name}` in `{files.folder}` cannot be loaded: {reason}"
        ) from error


def load_sentence_transformer(files: ModelFiles, device: str, dtype: Any) -> Any:  # noqa: ANN401
    """Return the embedder's model as sentence-transformers reads it, whatever its modules are.

    Raises:
        OSError: If the folder cannot be read.
        ValueError: If its configuration cannot be used.
        RuntimeError: If weights are missing or do not fit.
    """
    from sentence_transformers import SentenceTransformer

    from rag.models.int8 import load_weights

    quiet_transformers()
    model: Any = SentenceTransformer(
        str(files.folder),
        device=device,
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"dtype": dtype},
    )
    if files.own:  # it may be packed: the weights read of such a file were whole numbers
        fitted = model[0].auto_model.load_state_dict(load_weights(files.folder), strict=False)
        missing = [name for name in fitted.missing_keys if not name.startswith("pooler.")]
        if missing:
            raise RuntimeError(f"no weights for {missing[0]} and {len(missing) - 1} others")
    return model
