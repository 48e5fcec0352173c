"""Systems of an evaluation: their names, and files that name them by their overrides."""

import pytest

from evaluation.run.systems import resolve_systems
from rag.config import Config
from rag.errors import ConfigError


def test_a_system_with_a_ranker_needs_one():
    with pytest.raises(ConfigError, match="no ranker is configured"):
        resolve_systems("hybrid+rank", Config(ranker=None))


def test_a_yaml_file_names_systems_by_their_overrides(tmp_path):
    path = tmp_path / "systems.yaml"
    path.write_text("few: {retrieval.top_k: 2}\nnested: {fusion: {k: 5}}\nplain:\n")
    few, nested, plain = resolve_systems(str(path), Config())
    assert (few.config.retrieval.top_k, nested.overrides) == (2, {"fusion.k": 5})
    assert plain.config == Config()
    path.write_text("zero: {retrieval.top_k: 0, retrieval.topk: 1}\n")
    with pytest.raises(
        ConfigError, match=r"retrieval.top_k: expected(.|\n)*retrieval.topk: unknown"
    ):
        resolve_systems(str(path), Config())
    path.write_text("typo: {fusoin.k: 1}\n")
    with pytest.raises(ConfigError, match=r"fusoin\.k: unknown key"):
        resolve_systems(str(path), Config())
