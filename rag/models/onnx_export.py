"""Export of a model's operations as an ONNX graph without weights, checked against torch."""

import io
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from torch import nn

from rag.errors import ModelError, first_line
from rag.files import make_folder, new_file
from rag.models.cross_encoder import load_cross_encoder
from rag.models.embedder import load_sentence_transformer
from rag.models.model_files import ModelFiles
from rag.models.onnx_graphs import (
    INPUTS,
    OUTPUTS,
    GraphKind,
    graph_key,
    graph_name,
    open_graph,
    own_graphs,
    write_graph,
)
from rag.models.pair_model import transformers_tokenizer
from rag.models.reader_ranker import load_reader_ranker
from rag.models.weight_files import read_shapes
from rag.models.window_models import load_stock_reader

OPSET = 18
SMALL = 1 << 16  # bytes of constants that a graph may hold itself, such as positions
TOLERANCE = 2e-3  # of a logit, or of a coordinate of a vector of length 1
_WEIGHTS = "model.safetensors"
# Texts whose tokens show whether `tokenizer.json` alone gives those of transformers.
PROBES = (
    "What is the dog called?",
    "A naïve café, Ärger [SEP] and a ﬁ ligature;\ttabs\nand \x07 lines, 3,141.59 %",
    "电池组能用多久? 台北的 U.S.A. 🙂 ｆｕｌｌ　ｗｉｄｔｈ",
    "<s> </s> [CLS] [MASK] don't can not  two  spaces ",
    "",
)


class _Named(nn.Module):
    """A model that takes the inputs by position and returns a tuple of tensors."""

    def __init__(self, model: Any, kind: GraphKind, names: Sequence[str]) -> None:  # noqa: ANN401
        super().__init__()
        self.model, self._kind, self._names = model, kind, names

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the outputs that `OUTPUTS` lists."""
        inputs = dict(zip(self._names, tensors, strict=True))
        if self._kind == "embedder":
            return (self.model(inputs)["sentence_embedding"],)
        found = self.model(**inputs)
        if self._kind == "reader-ranker":
            return tuple(found)
        if self._kind == "reader":
            return found.start_logits, found.end_logits
        return (found.logits.squeeze(-1),)


def export_graph(files: ModelFiles, kind: GraphKind, folder: Path | None = None) -> Path:
    """Write a model's graph and return its path; one that is there already is made again.

    Args:
        files: The model.
        kind: Kind of the graph.
        folder: Folder of the graph, by default that in which `find_graph` looks first.

    Raises:
        ModelError: If the model cannot be exported, or ONNX Runtime does not give its results.
        OSError: If the graph cannot be written.
    """
    _check_tokenizer(files)
    folder = folder or own_graphs()
    make_folder(folder)
    path = folder / graph_name(files, kind)
    with FileLock(folder / ".export.lock"):
        model = _load(files, kind)
        try:
            content, names = _without_weights(_exported(model), files)
        except (RuntimeError, ValueError, TypeError, MemoryError) as error:
            raise ModelError(
                f"`{files.name}` cannot be exported: {first_line(error)}. It runs in torch."
            ) from error
        with new_file(path) as part:
            write_graph(part, content, names, graph_key(files, kind))
            _check_agreement(model, part, files, kind)
    return path


def _load(files: ModelFiles, kind: GraphKind) -> _Named:
    try:
        if kind == "embedder":
            model = load_sentence_transformer(files, "cpu", torch.float32)
            encoder = model[0].auto_model
        elif kind == "reader-ranker":
            model = load_reader_ranker(files.folder)
            encoder = model.encoder
        elif kind == "reader":
            model = encoder = load_stock_reader(files.folder, torch.float32)
        else:
            model = encoder = load_cross_encoder(files, "cpu", torch.float32).model
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"`{files.name}` cannot be loaded: {first_line(error)}") from error
    encoder.set_attn_implementation("eager")  # its operations are the plainest
    taken: tuple[str, ...] = (
        INPUTS if getattr(encoder.config, "type_vocab_size", 1) > 1 else INPUTS[:2]
    )
    if kind == "ranker":  # sentence-transformers gives it what its tokenizer lists
        listed = transformers_tokenizer(files).model_input_names
        taken = tuple(name for name in taken if name in listed)
    return _Named(model, kind, taken).eval()


def _exported(model: _Named) -> Any:  # noqa: ANN401 - of onnx
    import onnx

    example = torch.ones((2, 16), dtype=torch.long)
    axes = {0: "texts", 1: "tokens"}
    names = OUTPUTS[model._kind]
    lengths = {name: axes if name in ("starts", "ends") else {0: "texts"} for name in names}
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # what a trace does not record is checked afterwards
        torch.onnx.export(
            model,
            tuple(example for _ in model._names),
            buffer,  # type: ignore[arg-type]
            input_names=list(model._names),
            output_names=list(names),
            dynamic_axes=dict.fromkeys(model._names, axes) | lengths,
            opset_version=OPSET,
            do_constant_folding=False,  # it renames weights
            dynamo=False,  # the other exporter takes six times as long
        )
    return onnx.load_from_string(buffer.getvalue())


def _without_weights(graph: Any, files: ModelFiles) -> tuple[bytes, dict[str, bool]]:  # noqa: ANN401
    """Return a graph whose weights are left to the model's files, and the weights it takes.

    Those are given by their names in the files, and whether their transpose is taken.
    """
    import onnx

    shapes = read_shapes(files.folder)
    names: dict[str, str] = {}
    for each in graph.graph.initializer:
        name = _stored_name(each.name, tuple(each.dims), shapes)
        if name is None:
            if each.ByteSize() > SMALL:
                raise ValueError(f"the weight {each.name} is not in {_WEIGHTS}")
            continue
        names[each.name] = each.name = name
        each.ClearField("raw_data")
        each.data_location = onnx.TensorProto.EXTERNAL
        each.external_data.add(key="location", value=_WEIGHTS)
    for node in graph.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = names.get(name, name)
    transposed = _transposed(graph.graph, set(names.values()))
    weights = {name: name in transposed for name in sorted(names.values())}
    return graph.SerializeToString(deterministic=True), weights


def _transposed(graph: Any, weights: set[str]) -> set[str]:  # noqa: ANN401 - of onnx
    """Take the transposition of weights out of a graph; return the names of those weights.

    ONNX Runtime would transpose them when it loads the graph, and needs memory for both.
    """
    uses = Counter(name for node in graph.node for name in node.input)
    found = {
        node.input[0]: node
        for node in graph.node
        if node.op_type == "Transpose" and node.input[0] in weights and uses[node.input[0]] == 1
    }
    outputs = {node.output[0]: name for name, node in found.items()}
    for node in found.values():
        graph.node.remove(node)
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = outputs.get(name, name)
    for each in graph.initializer:
        if each.name in found:
            each.dims[:] = reversed(each.dims)
    return set(found)


def _stored_name(
    name: str, shape: tuple[int, ...], shapes: dict[str, tuple[int, ...]]
) -> str | None:
    """Return the name in the model's files of a weight of a graph; None if it is not there."""
    parts = name.split(".")
    for start in range(len(parts)):
        end = ".".join(parts[start:])
        for each in (end, *(stored for stored in shapes if stored.partition(".")[2] == end)):
            if shapes.get(each) == shape:
                return each
    return None


def _check_tokenizer(files: ModelFiles) -> None:
    backend = transformers_tokenizer(files)
    for text in PROBES:
        ids = backend(text, PROBES[0])["input_ids"]
        if files.tokenizer.encode(text, PROBES[0]).ids != ids:
            raise ModelError(
                f"`{files.name}` cannot be exported: its `tokenizer.json` alone does not give the "
                "tokens that transformers makes. It runs in torch."
            )


def _check_agreement(model: _Named, path: Path, files: ModelFiles, kind: GraphKind) -> None:
    opened = open_graph(path, files, kind)
    for inputs in _batches(files):
        tensors = [torch.from_numpy(inputs[name]) for name in model._names]
        with torch.inference_mode():
            wanted = [each.numpy() for each in model(*tensors)]
        found = opened.run(*(inputs[name] for name in INPUTS))
        mask = inputs["attention_mask"] > 0
        for name, one in zip(OUTPUTS[kind], wanted, strict=True):
            apart = np.abs(one - found[name])  # of shape (texts,), (texts, tokens) or (texts, dim)
            far = float((apart[mask] if name in ("starts", "ends") else apart).max())
            if not far <= TOLERANCE:
                raise ModelError(
                    f"`{files.name}` cannot be exported: ONNX Runtime gives other {name} "
                    f"(a difference of {far:.2g}). It runs in torch."
                )


def _batches(files: ModelFiles) -> Iterable[dict[str, Any]]:
    """Return inputs of several sizes, with padding and without."""
    random = np.random.default_rng(0)
    vocabulary = files.tokenizer.get_vocab_size()
    for count, tokens in ((1, 3), (3, 40), (2, min(200, files.longest))):
        ids = random.integers(0, vocabulary, (count, tokens))
        lengths = np.linspace(tokens, max(tokens // 2, 2), count).astype(int)
        mask = (np.arange(tokens)[None] < lengths[:, None]).astype(np.int64)
        types = (np.arange(tokens)[None] >= tokens // 3).astype(np.int64) * mask
        yield {
            "input_ids": np.where(mask > 0, ids, files.padding),
            "attention_mask": mask,
            "token_type_ids": types,
        }
