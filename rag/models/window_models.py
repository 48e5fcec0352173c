"""Models that read windows of a question and a text, run by ONNX Runtime or torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from rag.errors import ModelError, first_line
from rag.models.model_files import ModelFiles
from rag.models.onnx_encoder import pad
from rag.models.onnx_graphs import GraphKind, OnnxModel, open_graph
from rag.models.runtime import (
    RuntimeSettings,
    pick_device,
    pick_dtype,
    pick_graph,
    quiet_transformers,
)
from rag.models.windows import Logits, Window


class WindowLogits(NamedTuple):
    """Outputs for some windows.

    Attributes:
        starts: float32 array of shape (windows, tokens): logit that the answer starts at a token.
        ends: The same for its last token.
        null: float32 array of shape (windows,), from the head for no answer; None without one.
        relevance: The same from the head for relevance.
    """

    starts: Logits
    ends: Logits
    null: Logits | None
    relevance: Logits | None


class WindowModel(Protocol):
    """A model that is ready to read windows."""

    def run(self, windows: Sequence[Window]) -> WindowLogits:
        """Return the outputs for at least one window.

        Raises:
            RuntimeError: If it fails; says "out of memory" if memory is short.
        """


class OnnxWindowModel:
    """A window model in ONNX Runtime.

    Args:
        model: The model.
        padding: Token that fills up short windows.
    """

    def __init__(self, model: OnnxModel, padding: int) -> None:
        self._model, self._padding = model, padding

    def run(self, windows: Sequence[Window]) -> WindowLogits:
        """Return the outputs for at least one window; see `WindowModel`."""
        found = self._model.run(
            pad([each.ids for each in windows], self._padding),
            pad([[1] * len(each.ids) for each in windows]),
            pad([each.types for each in windows]),
        )
        return WindowLogits(
            found["starts"], found["ends"], found.get("null"), found.get("relevance")
        )


class TorchWindowModel:
    """A window model in torch: the joint reader-ranker, or a stock `...ForQuestionAnswering`.

    Args:
        model: The model.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - of torch
        self._model = model

    def run(self, windows: Sequence[Window]) -> WindowLogits:
        """Return the outputs for at least one window; see `WindowModel`."""
        import torch

        from rag.models.reader_ranker import ReaderRanker, to_tensors

        joint = isinstance(self._model, ReaderRanker)
        inputs = to_tensors(windows, self._model.encoder if joint else self._model)
        with torch.inference_mode():
            found = self._model(**inputs)
        if joint:
            return WindowLogits(
                *map(_array, (found.starts, found.ends, found.null, found.relevance))
            )
        return WindowLogits(_array(found.start_logits), _array(found.end_logits), None, None)


def _array(tensor: Any) -> npt.NDArray[np.float32]:  # noqa: ANN401 - of torch
    found: npt.NDArray[np.float32] = tensor.float().cpu().numpy()
    return found


def open_window_model(files: ModelFiles, settings: RuntimeSettings) -> tuple[WindowModel, str]:
    """Return a model, and `onnx` or `torch`, whichever runs it.

    Raises:
        ModelError: If it cannot be loaded.
    """
    from safetensors import SafetensorError

    kind: GraphKind = "reader-ranker" if files.own else "reader"
    graph = pick_graph(settings, files, kind)
    try:
        if graph is not None:
            return OnnxWindowModel(open_graph(graph, files, kind), files.padding), "onnx"
        return TorchWindowModel(_load_torch(files, settings)), "torch"
    except (ImportError, OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise ModelError(
            f"the model `{files.name}` in `{files.folder}` cannot be loaded: {first_line(error)}"
        ) from error


def _load_torch(files: ModelFiles, settings: RuntimeSettings) -> Any:  # noqa: ANN401 - of torch
    device = pick_device(settings.device)
    import torch

    from rag.models.reader_ranker import load_reader_ranker

    dtype = getattr(torch, pick_dtype(settings.dtype, device))
    if files.own:
        model: Any = load_reader_ranker(files.folder)
        model.encoder.to(dtype)  # the heads stay exact
    else:
        model = load_stock_reader(files.folder, dtype)
    return model.to(device).eval()


def load_stock_reader(folder: Path, dtype: Any) -> Any:  # noqa: ANN401 - of torch
    """Return a `...ForQuestionAnswering` model in a number format of torch.

    Raises:
        OSError: If the folder cannot be read.
        ValueError: If its configuration cannot be used.
    """
    from transformers import AutoModelForQuestionAnswering

    quiet_transformers()
    return AutoModelForQuestionAnswering.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False, dtype=dtype
    )
