"""`rag collections reembed`: from one embedder to another, and what is open meanwhile."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_runs import done, refused
from tiny_models import save_encoder

from indexing.reembedding import reembed_collection, reembed_store
from rag.collections import open_rag, open_store
from rag.config import Config, EmbedderConfig
from rag.errors import MismatchError, ModelError
from rag.models import embedder as embedders
from rag.models.embedder import _load as load_embedder
from rag.schema import SearchOptions


@pytest.fixture
def both(rag, monkeypatch, embedder):
    """The command; the bundled embedder is loaded once, any other really."""

    def load(files, config):
        if files.name == embedder.files.name:
            return embedder._model, embedder.ran_by
        return load_embedder(files, config)

    monkeypatch.setattr(embedders, "_load", load)
    return rag


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """An embedder with vectors of 16 numbers, which reads 126 letters."""
    return save_encoder(tmp_path_factory.mktemp("tiny"))


def configured(model):
    return Config(embedder=EmbedderConfig(model=str(model), device="cpu", dtype="float32"))


def test_a_collection_goes_to_another_embedder_and_back(both, docs, tiny):
    rooms = " ".join(f"Room {number} has {number + 2} beds and a lamp." for number in range(99))
    (docs / "rooms.md").write_text(f"# The rooms\n\n{rooms}")
    assert both("index", docs)[0] == 0
    before = done(both("collections", "show", "default", "--json"))
    asked = ("search", "How old is the dog?", "--method", "dense", "--json")
    found = done(both(*asked))["results"]
    status, out, err = both("collections", "reembed", "default", "--embedder", tiny, "--json")
    said = json.loads(out)
    assert (status, said["dimension"], said["embedder"]) == (0, 16, str(tiny))
    assert said["generation"] > before["generation"]
    assert said["passages"] == before["counts"]["passages"]
    assert 2 < said["cut"] < said["passages"]
    assert err.count("\n") == 1
    assert f"{said['cut']} of {said['passages']} passages are longer than `{tiny}` reads" in err
    after = done(both("collections", "show", "default", "--json"))
    assert after["documents"] == before["documents"]
    assert after["manifest"] == before["manifest"] | {
        "embedder": str(tiny), "dimension": 16,
        "embedder_sha256": after["manifest"]["embedder_sha256"],
        "floor": after["manifest"]["floor"],
    }  # fmt: skip
    assert done(both("collections", "check", "default", "--json"))["sound"]
    Path("rag.yaml").write_text("embedder: {model: all-MiniLM-L6-v2}\n")
    refused(both(*asked), "was made with", "rag collections reembed default")
    Path("rag.yaml").write_text(f"embedder: {{model: '{tiny}', dtype: float32}}\n")
    assert done(both(*asked))["results"]
    Path("rag.yaml").unlink()
    status, out, err = both("collections", "reembed", "default")
    assert (status, err) == (0, "")
    assert f"Embedded {said['passages']} passages of `default` with `all-MiniLM-L6-v2`" in out
    again = done(both(*asked))["results"]
    assert [each["passage_id"] for each in again] == [each["passage_id"] for each in found]
    np.testing.assert_allclose(
        [each["score"] for each in again], [each["score"] for each in found], atol=0.01
    )
    status, out, _ = both("collections", "reembed", "default")
    assert "Embedded 0 passages" in out


def test_the_next_step_is_said_where_the_configuration_names_another(both, docs, tiny):
    both("index", docs)
    Path("rag.yaml").write_text("embedder: {model: all-MiniLM-L6-v2}\n")
    status, out, err = both("collections", "reembed", "default", "--embedder", tiny)
    assert (status, out.count("\n")) == (0, 1)
    assert f"Next: set `embedder.model: {tiny}`" in err
    Path("rag.yaml").unlink()  # `auto` goes with the collection
    done(both("search", "dog", "--method", "dense", "--json"))
    _, _, err = both("collections", "reembed", "default")
    assert "Next" not in err


def test_what_is_wrong_is_one_line(both, docs, tiny, tmp_path):
    refused(both("collections", "reembed", "default"), "no collection `default`", "rag index")
    refused(both("collections", "reembed", "../x"), "cannot be a collection's name")
    both("index", docs)
    before = done(both("collections", "show", "default", "--json"))
    away = tmp_path / "away"
    refused(both("collections", "reembed", "default", "--embedder", away), "no model folder")
    noise = save_encoder(tmp_path / "noise")
    (noise / "model.safetensors").write_bytes(b"noise" * 100)
    refused(both("collections", "reembed", "default", "--embedder", noise), "cannot be loaded")
    assert done(both("collections", "show", "default", "--json")) == before


def test_an_open_collection_is_not_asked_with_the_old_embedder(both, docs, tiny):
    both("index", docs)
    config = Config()
    asked = open_rag("default", config)
    assert asked.search("dog", SearchOptions(method="dense")).results
    other = save_encoder(Path("other"), seed=3)
    reembed_collection("default", configured(tiny))
    for method in ("dense", "hybrid"):
        with pytest.raises(MismatchError, match=r"was made with .* but the configuration asks"):
            asked.search("dog", SearchOptions(method=method))
    assert asked.search("dog", SearchOptions(method="bm25")).results
    asked.store.close()
    same = open_rag("default", configured(tiny))  # as many numbers, but of another model
    assert same.search("dog", SearchOptions(method="dense")).results
    reembed_collection("default", configured(other))
    with pytest.raises(MismatchError):
        same.search("dog", SearchOptions(method="dense"))
    same.store.close()


def test_an_embedder_that_gives_no_numbers_changes_nothing(both, docs, tiny, embedder):
    both("index", docs)
    before = done(both("collections", "show", "default", "--json"))
    config = configured(tiny)
    store = open_store("default", config)

    class Broken:
        files = replace(embedder.files, name="broken")
        floor = 0.0

        def encode_passages(self, texts):
            return np.full((len(texts), self.files.dimension), np.nan, np.float32)

    with pytest.raises(ModelError, match="`broken` gives numbers that are not finite"):
        reembed_store(store, Broken(), config)
    store.close()
    assert done(both("collections", "show", "default", "--json")) == before
