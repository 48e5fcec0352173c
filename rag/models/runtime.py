"""Choice of what runs a model: ONNX Runtime or torch, on which device and in which numbers."""

import ctypes
import importlib.metadata
import logging
import platform
import sys
from pathlib import Path
from typing import Literal, Protocol

from rag.errors import ModelError
from rag.models.model_files import ModelFiles
from rag.models.onnx_graphs import GraphKind, find_graph

log = logging.getLogger(__name__)

Runtime = Literal["auto", "onnx", "torch"]
_DRIVERS = ("libcuda.so.1", "nvcuda.dll", "libamdhip64.so")


class RuntimeSettings(Protocol):
    """Settings of a role that say how its model is run."""

    @property
    def runtime(self) -> Runtime:
        """`auto` is ONNX Runtime on a processor, if the model has a graph, else torch."""

    @property
    def device(self) -> str:
        """`auto` is a GPU if there is one."""

    @property
    def dtype(self) -> str:
        """`auto` is float32 in ONNX Runtime."""


def pick_graph(settings: RuntimeSettings, files: ModelFiles, kind: GraphKind) -> Path | None:
    """Return the graph to run in ONNX Runtime; None if torch runs the model.

    Raises:
        ModelError: If `runtime` is `onnx` and device, number format or model cannot be run by it.
    """
    if settings.runtime == "torch":
        return None
    wanted = settings.runtime == "onnx"
    if settings.dtype not in ("auto", "float32") or not _may_be_cpu(settings.device):
        if wanted:
            raise ModelError(
                f"`runtime: onnx` computes in float32 on the processor, and `{files.name}` is set "
                f"to {settings.dtype} on {settings.device}: set `runtime: torch`, or `device: cpu` "
                "and `dtype: auto`."
            )
        return None
    if not wanted and settings.device == "auto" and may_have_gpu() and pick_device("auto") != "cpu":
        return None
    found = find_graph(files, kind)
    if found is None and wanted:
        raise ModelError(
            f"`{files.name}` has no ONNX graph: run `rag models export {files.name}`, or set "
            "`runtime: auto`."
        )
    if found is None:
        log.info(
            "`%s` has no ONNX graph and is run by torch; `rag models export %s` makes one.",
            files.name,
            files.name,
        )
    return found


def _may_be_cpu(device: str) -> bool:
    return device == "auto" or device.partition(":")[0] == "cpu"


def may_have_gpu() -> bool:
    """Return whether torch may find a GPU; known without importing torch, which takes seconds."""
    if "torch" not in sys.modules:
        try:
            if importlib.metadata.version("torch").endswith("+cpu"):
                return False
        except importlib.metadata.PackageNotFoundError:
            return False
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    return any(_loads(name) for name in _DRIVERS)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def pick_device(wanted: str) -> str:
    """Return the device of torch: `auto` is a GPU if torch sees one.

    Raises:
        ModelError: If torch is not installed.
    """
    try:
        import torch
    except ImportError:
        raise ModelError(
            "this needs torch, which is not installed: pip install torch transformers "
            "sentence-transformers."
        ) from None
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def pick_dtype(wanted: str, device: str) -> str:
    """Return the number format of torch: `auto` is bfloat16 where it is fast, else float32."""
    import torch

    if wanted != "auto":
        return wanted
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    fast = device == "cpu" and torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if fast else "float32"


def quiet_transformers() -> None:
    """Keep transformers from drawing progress bars and from warnings."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
