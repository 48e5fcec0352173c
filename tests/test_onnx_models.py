"""Models in ONNX Runtime: the numbers of torch, their graphs, and what is wrong with a graph."""

import json
import shutil
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from test_joint import save_joint_folder
from tiny_models import (
    change_config,
    save_cross_encoder,
    save_embedder,
    save_encoder,
    save_reader,
)
from typer.testing import CliRunner

from rag.config import EmbedderConfig
from rag.config.ranker import RankerConfig
from rag.errors import ModelError
from rag.models import onnx_export, onnx_graphs, runtime
from rag.models.batching import in_batches
from rag.models.cross_encoder import CrossEncoderModel
from rag.models.embedder import Embedder
from rag.models.model_files import find_model
from rag.models.onnx_export import export_graph
from rag.models.onnx_graphs import SHIPPED, OnnxModel, find_graph, graph_key, graph_kind, open_graph
from rag.models.pair_model import PairModel
from rag.models.weight_files import read_shapes, read_weights
from ui.commands.main import app

TEXTS = [
    "What is the dog called?",
    "A naïve café, Ärger [SEP] and a ﬁ ligature;\ttabs\nand \x07 lines",
    "",
    "电池组能用多久? 台北 🙂",
    "x",
    "word " * 120,
]
PAIRS = [(TEXTS[0], TEXTS[1]), (TEXTS[3], TEXTS[3]), (TEXTS[0], TEXTS[5] * 4), (TEXTS[0], "")]
MADE = {
    "embedder": save_embedder,
    "reader-ranker": lambda folder: save_joint_folder(
        folder, save_encoder(folder.with_name("encoder"))
    ),
    "reader": save_reader,
    "ranker": save_cross_encoder,
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RAG_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def find(name):
    return find_model(str(name), setting="NAME")


def make(kind, folder):
    if kind == "reader-ranker":
        MADE[kind](folder)
    else:
        folder.mkdir()
        MADE[kind](folder)
    return find(folder)


def numbers_of(name, kind, wanted):
    """What a model says about the texts, run by the wanted runtime."""
    if kind == "embedder":
        model = Embedder(EmbedderConfig(model=name, runtime=wanted, dtype="float32"))
        found = [model.encode_passages(TEXTS), model.encode_query(TEXTS[0])]
    elif kind == "ranker":
        model = CrossEncoderModel(RankerConfig(model=name, runtime=wanted, dtype="float32"))
        found = [np.array(model.relevance(TEXTS[0], TEXTS))]
    else:
        model = PairModel(name, setting="reader.model", runtime=wanted, dtype="float32")
        read = [window for windows in model.read(PAIRS) for window in windows]
        found = [each for one in read for each in (one.starts, one.ends)]
        found.append(np.array([[one.null, one.doubt or 0, one.relevance or 0] for one in read]))
        found.append(np.array([hash(one.window.offsets) for one in read]))
    assert model.ran_by == wanted
    return found


def check_agreement(name, kind):
    ours, theirs = (numbers_of(name, kind, wanted) for wanted in ("onnx", "torch"))
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape and np.abs(one - other).max() < 1e-3
    if kind == "embedder":
        assert (ours[0] * theirs[0]).sum(axis=1).min() > 0.9999


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("all-MiniLM-L6-v2", "embedder"),
        ("citewell-embedder-zh", "embedder"),
        ("citewell-reader-en", "reader-ranker"),
        ("citewell-reader-zh", "reader-ranker"),
    ],
)
def test_models_of_the_package_give_the_numbers_of_torch(home, name, kind):
    files = find(name)
    assert graph_kind(files) == kind and find_graph(files, kind).parent == SHIPPED
    check_agreement(name, kind)


@pytest.mark.parametrize("kind", MADE)
def test_an_exported_model_gives_the_numbers_of_torch(home, tmp_path, kind):
    files = make(kind, tmp_path / "made")
    before = {path.name: path.read_bytes() for path in files.folder.glob("*.*")}
    assert graph_kind(files) == kind and find_graph(files, kind) is None
    done = CliRunner().invoke(app, ["models", "export", str(files.folder), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["graph"] == str(find_graph(files, kind))
    assert {path.name: path.read_bytes() for path in files.folder.glob("*.*")} == before
    check_agreement(files.name, kind)


def test_without_a_graph_torch_runs_the_model_unless_onnx_is_asked_for(home, tmp_path):
    name = make("embedder", tmp_path / "made").name
    model = Embedder(EmbedderConfig(model=name))
    model.warm_up()
    assert model.ran_by == "torch"
    with pytest.raises(ModelError, match=rf"no ONNX graph: run `rag models export {name}`"):
        Embedder(EmbedderConfig(model=name, runtime="onnx")).warm_up()


@pytest.mark.parametrize(("field", "value"), [("device", "cuda"), ("dtype", "bfloat16")])
def test_what_onnx_does_not_run_here_is_run_by_torch_or_refused(home, field, value):
    files = find("all-MiniLM-L6-v2")
    assert runtime.pick_graph(EmbedderConfig(**{field: value}), files, "embedder") is None
    with pytest.raises(ModelError, match="float32 on the processor"):
        runtime.pick_graph(EmbedderConfig(runtime="onnx", **{field: value}), files, "embedder")


def test_on_a_gpu_torch_runs_the_model(home, monkeypatch):
    files = find("all-MiniLM-L6-v2")
    assert runtime.pick_graph(EmbedderConfig(device="cpu"), files, "embedder")
    monkeypatch.setattr(runtime, "may_have_gpu", lambda: True)
    monkeypatch.setattr(runtime, "pick_device", lambda wanted: "cuda")
    assert runtime.pick_graph(EmbedderConfig(), files, "embedder") is None
    assert runtime.pick_graph(EmbedderConfig(device="cpu"), files, "embedder")


def test_a_graph_serves_other_weights_of_the_same_shape_and_no_other_model(home, tmp_path):
    first = make("embedder", tmp_path / "first")
    (tmp_path / "second").mkdir()
    second = find(save_embedder(tmp_path / "second", seed=1))
    graph = export_graph(first, "embedder")
    assert find_graph(second, "embedder") == graph
    check_agreement(second.name, "embedder")
    changes = {"num_attention_heads": 4, "layer_norm_eps": 1e-5, "hidden_act": "relu"}
    for name, value in changes.items():
        other = shutil.copytree(first.folder, tmp_path / name)
        change_config(other, **{name: value})
        assert find_graph(find(other), "embedder") is None
    assert find_graph(first, "reader") is None
    with pytest.raises(ModelError, match="of another model"):
        open_graph(graph, find(tmp_path / "hidden_act"), "embedder")


def test_facts_that_change_no_operation_keep_the_key(home, tmp_path):
    files = make("reader-ranker", tmp_path / "made")
    key = graph_key(files, "reader-ranker")
    change_config(files.folder, citewell={"length": 7}, transformers_version="99", dtype="float16")
    assert graph_key(find(files.folder), "reader-ranker") == key


def test_a_damaged_graph_is_named_with_what_to_do(home, tmp_path):
    files = make("embedder", tmp_path / "made")
    path = export_graph(files, "embedder")
    for content in (b"", path.read_bytes()[:200]):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"cannot be opened: .*rag models export"):
            Embedder(EmbedderConfig(model=files.name)).warm_up()
    with zipfile.ZipFile(path, "w") as archive:
        facts = {"key": graph_key(files, "embedder"), "weights": []}
        archive.writestr("facts.json", json.dumps(facts))
        archive.writestr("graph.onnx", b"no graph")
    with pytest.raises(ModelError, match=r"cannot be opened: .*rag models export"):
        Embedder(EmbedderConfig(model=files.name)).warm_up()
    export_graph(files, "embedder")
    check_agreement(files.name, "embedder")


def test_a_graph_that_gives_other_numbers_is_not_written(home, tmp_path, monkeypatch):
    files = make("reader", tmp_path / "made")
    monkeypatch.setattr(onnx_export, "TOLERANCE", -1.0)
    with pytest.raises(ModelError, match="ONNX Runtime gives other starts"):
        export_graph(files, "reader")
    assert not list(onnx_graphs.own_graphs().glob("*.zip*"))


def test_a_tokenizer_that_only_transformers_builds_is_not_exported(home, tmp_path, monkeypatch):
    files = make("reader", tmp_path / "made")
    path = files.folder / "tokenizer.json"
    content = json.loads(path.read_text())
    content["normalizer"]["lowercase"] = False
    built = onnx_export.transformers_tokenizer(files)
    monkeypatch.setattr(onnx_export, "transformers_tokenizer", lambda files: built)
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError, match="does not give the tokens"):
        export_graph(find(files.folder), "reader")


def test_two_exports_at_once_leave_one_whole_graph(home, tmp_path):
    files = make("reader", tmp_path / "made")
    with ThreadPoolExecutor(2) as pool:
        paths = set(pool.map(lambda _: export_graph(files, "reader"), range(2)))
    assert [*paths] == list(onnx_graphs.own_graphs().glob("*.zip*"))
    check_agreement(files.name, "reader")


def test_what_is_no_model_of_a_role_is_refused(home, tmp_path):
    save_encoder(tmp_path / "encoder")
    done = CliRunner().invoke(app, ["models", "export", str(tmp_path / "encoder")])
    assert isinstance(done.exception, ModelError)
    assert "no embedder of sentence-transformers" in str(done.exception)


def test_where_memory_is_short_fewer_texts_are_read_at_a_time():
    class Session:
        def run(self, outputs, inputs):
            if len(inputs["input_ids"]) > 1:
                raise SystemError("Failed to allocate memory for requested buffer of size 8")
            return [inputs["input_ids"][:, 0].astype(np.float32)]

    model, found = OnnxModel(Session(), ("input_ids",), ("relevance",)), []
    ids = np.arange(6).reshape(3, 2)

    def work(places):
        found.extend(model.run(ids[list(places)], ids[:1], ids[:1])["relevance"])

    assert in_batches(range(3), work, 2) and found == [0, 2, 4]


def test_weights_of_every_number_format_are_read(tmp_path):
    made = {
        "a": torch.tensor([[1.5, -2.0]], dtype=torch.bfloat16),
        "b": torch.tensor([0.25], dtype=torch.float16),
        "c": torch.tensor([[3]]),
    }
    save_file(made, tmp_path / "model.safetensors")
    found = read_weights(tmp_path)
    assert {name: each.tolist() for name, each in found.items()} == {
        "a": [[1.5, -2.0]], "b": [0.25], "c": [[3]],
    }  # fmt: skip
    assert found["a"].dtype == found["b"].dtype == np.float32
    assert read_shapes(tmp_path) == {"a": (1, 2), "b": (1,), "c": (1, 1)}


def test_threads_are_those_that_are_allowed(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert onnx_graphs.thread_count() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert onnx_graphs.thread_count() >= 1


def test_without_torch_what_needs_it_says_so(home, tmp_path, monkeypatch):
    name = make("embedder", tmp_path / "made").name
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match=r"needs torch, which is not installed"):
        Embedder(EmbedderConfig(model=name)).warm_up()
    found = Embedder(EmbedderConfig()).encode_query("What is the dog called?")
    assert found.shape == (384,)
