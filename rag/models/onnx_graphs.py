"""Models as ONNX graphs, which run without torch.

A graph file is a ZIP archive with the operations alone, `graph.onnx`, and the names of the weights
that they take from the model's `.safetensors` files. So one graph serves all models of the same
kind, such as a model and what was trained from it, and it cannot be paired with the wrong weights:
it is found by a key over all that determines the operations.
"""

import ctypes
import hashlib
import json
import os
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rag.config import data_folder
from rag.errors import ModelError, first_line
from rag.files import sha256_of
from rag.models.model_files import OWN, ModelFiles
from rag.models.weight_files import read_shapes, read_stored, take_weight

Outputs = Mapping[str, npt.NDArray[np.float32]]
# Kind of a graph -> its outputs.
OUTPUTS = {
    "embedder": ("vectors",),  # (texts, dim)
    "reader-ranker": ("starts", "ends", "null", "relevance"),  # (windows, tokens) or (windows,)
    "reader": ("starts", "ends"),  # (windows, tokens)
    "ranker": ("relevance",),  # (pairs,)
}
GraphKind = Literal["embedder", "reader-ranker", "reader", "ranker"]
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_GRAPH, _FACTS = "graph.onnx", "facts.json"  # in a graph file
FORMAT = 1  # of the graphs; another one makes every graph of the format before unknown
SHIPPED = Path(__file__).parent / "graphs"  # of the models of the package
# Settings in config.json that change no operation.
_IDLE = frozenset({
    OWN, "_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version",
    "id2label", "label2id", "use_cache", "gradient_checkpointing", "_commit_hash",
})  # fmt: skip
_MODULES = ("config.json", "*/config.json")


def graph_kind(files: ModelFiles) -> GraphKind:
    """Return the kind of a model's graph, by the files in its folder.

    Raises:
        ModelError: If the model has none of the heads of our roles and is no embedder.
    """
    names = [str(name) for name in files.read("config.json").get("architectures") or ()]
    if (files.folder / "modules.json").is_file():
        return "embedder"
    if files.own:
        return "reader-ranker"
    if any(name.endswith("ForQuestionAnswering") for name in names):
        return "reader"
    if any(name.endswith("ForSequenceClassification") for name in names):
        return "ranker"
    raise ModelError(
        f"`{files.name}` is no embedder of sentence-transformers (`modules.json` is missing), no "
        f"reader and no ranker (`{', '.join(names) or 'unknown'}`)."
    )


def graph_key(files: ModelFiles, kind: GraphKind) -> str:
    """Return the key of a model's graph: a hash over all that determines its operations.

    That is its configuration, names and shapes of its weights, and its tokenizer.

    Raises:
        OSError: If the folder cannot be read.
        ValueError: If a file is damaged.
    """
    modules = files.folder / "modules.json"
    facts = {
        "format": FORMAT,
        "kind": kind,
        "config": _configuration(files, kind),
        "modules": json.loads(modules.read_text("utf-8")) if modules.is_file() else None,
        "weights": sorted((name, *shape) for name, shape in read_shapes(files.folder).items()),
        "tokenizer": sha256_of(files.folder / "tokenizer.json"),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _configuration(files: ModelFiles, kind: GraphKind) -> dict[str, Any]:
    patterns = _MODULES if kind == "embedder" else _MODULES[:1]
    paths = sorted(each for pattern in patterns for each in files.folder.glob(pattern))
    names = [path.relative_to(files.folder).as_posix() for path in paths]
    return {
        name: {key: value for key, value in files.read(name).items() if key not in _IDLE}
        for name in names
    }


def own_graphs() -> Path:
    """Return the folder of the graphs that `rag models export` makes, whether it exists or not."""
    return data_folder() / "models" / "graphs"


def graph_name(files: ModelFiles, kind: GraphKind) -> str:
    """Return the name of a model's graph file; raises what `graph_key` raises."""
    return f"{graph_key(files, kind)[:32]}.zip"


def write_graph(path: Path, graph: bytes, weights: Mapping[str, bool], key: str) -> None:
    """Write a graph file, the same bytes for the same content.

    Args:
        path: The file.
        graph: The ONNX model without weights.
        weights: Names of the weights that it takes -> whether it takes their transpose.
        key: The key of its model, see `graph_key`.

    Raises:
        OSError: If it cannot be written.
    """
    facts = json.dumps({"key": key, "weights": dict(weights)})
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in ((_GRAPH, graph), (_FACTS, facts.encode())):
            info = zipfile.ZipInfo(name)  # dated 1980
            archive.writestr(info, content, zipfile.ZIP_DEFLATED, compresslevel=9)


def find_graph(files: ModelFiles, kind: GraphKind) -> Path | None:
    """Return the file of a model's graph; None if there is none."""
    try:
        name = graph_name(files, kind)
    except (OSError, ValueError):  # whoever loads the weights says what is wrong with them
        return None
    paths = (folder / name for folder in (own_graphs(), SHIPPED))
    return next((path for path in paths if path.is_file()), None)


@dataclass(frozen=True)
class OnnxModel:
    """A model that is ready to run on the processor; may be shared between threads.

    Attributes:
        session: The session of ONNX Runtime.
        inputs: Names of the inputs that it takes, out of `INPUTS`.
        outputs: Names of its outputs, see `OUTPUTS`.
    """

    session: Any
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def run(self, ids: npt.ArrayLike, mask: npt.ArrayLike, types: npt.ArrayLike) -> Outputs:
        """Return the outputs for some texts.

        Args:
            ids: Tokens, of shape (texts, tokens), padded.
            mask: 1 for a token and 0 for padding, of the same shape.
            types: 0 for the first text of a pair and 1 for the second, of the same shape.

        Raises:
            RuntimeError: If it fails; says "out of memory" if memory is short.
        """
        values = zip(INPUTS, (ids, mask, types), strict=True)
        given = {name: np.asarray(each, np.int64) for name, each in values if name in self.inputs}
        try:
            found = self.session.run(self.outputs, given)
        except Exception as error:
            reason = first_line(error)
            short = any(word in reason.lower() for word in ("alloc", "memory"))
            raise RuntimeError(f"out of memory: {reason}" if short else reason) from error
        return dict(zip(self.outputs, found, strict=True))


def open_graph(path: Path, files: ModelFiles, kind: GraphKind) -> OnnxModel:
    """Return a model that runs a graph with the weights of the model's files.

    Raises:
        ModelError: If the graph is damaged or of another model, or memory is short.
        OSError: If the weights cannot be read.
        safetensors.SafetensorError: If the weights are damaged.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = thread_count(), 1
    # Threads that wait in a loop take the processor from others.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors
    stored = read_stored(files.folder)
    try:
        with zipfile.ZipFile(path) as archive:
            graph, facts = archive.read(_GRAPH), json.loads(archive.read(_FACTS))
        if facts["key"] != graph_key(files, kind):
            raise ValueError("it is of another model")
        values = {}
        for name, transposed in facts["weights"].items():
            value = take_weight(stored, name)
            value = np.ascontiguousarray(value.T if transposed else value)
            values[name] = onnxruntime.OrtValue.ortvalue_from_numpy(value)
        stored.clear()
        options.add_external_initializers(list(values), list(values.values()))
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(
            f"the ONNX graph `{path}` of `{files.name}` cannot be opened: {first_line(error)}. Run "
            f"`rag models export {files.name}`, reinstall onnxruntime, or set `runtime: torch`."
        ) from error
    del options, values
    _release_memory()
    return OnnxModel(session, tuple(each.name for each in session.get_inputs()), OUTPUTS[kind])


def _release_memory() -> None:
    """Return freed memory to the system, where the C library keeps it: glibc keeps 90 MB here."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def thread_count() -> int:
    """Return the number of threads for one operation: OMP_NUM_THREADS, or the processors."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    allowed = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(allowed(0)) if allowed else os.cpu_count() or 1
