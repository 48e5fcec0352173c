import asyncio
import time

import pytest
from haystack import Document, Pipeline, component

from rag.retrieval.fusion import Fusion, fuse


def test_the_score_is_the_sum_of_weight_over_k_plus_rank():
    fused = dict(fuse({"bm25": ["a", "b"], "dense": ["b", "c"]}, {"bm25": 2, "dense": 1}, k=60))
    assert fused == {
        "a": pytest.approx(2 / 61),
        "b": pytest.approx(2 / 62 + 1 / 61),
        "c": pytest.approx(1 / 62),
    }


def test_equal_scores_are_ordered_by_id():
    assert [i for i, _ in fuse({"x": ["b"], "y": ["a"]}, {"x": 1, "y": 1})] == ["a", "b"]


def test_a_ranking_without_weight_adds_nothing():
    assert fuse({"x": ["a"], "y": ["b"]}, {"x": 1, "y": 0}) == [("a", 1 / 61)]


def test_a_ranking_that_nobody_weighed_is_an_error():
    with pytest.raises(ValueError, match="`y` has no weight"):
        fuse({"x": ["a"], "y": ["b"]}, {"x": 1})


@component
class Late:
    """A retriever that takes its time."""

    def __init__(self, ids: list[str], delay: float) -> None:
        self.ids, self.delay = ids, delay

    @component.output_types(documents=list[Document])
    def run(self, query: str) -> dict[str, list[Document]]:
        time.sleep(self.delay)
        return {"documents": [Document(id=i, content=i, score=1.0) for i in self.ids]}


@pytest.mark.parametrize("delays", [(0, 0.05), (0.05, 0)])
def test_the_result_does_not_depend_on_which_ranking_arrives_first(delays):
    pipeline = Pipeline()
    pipeline.add_component("z", Late(["x", "y"], delays[0]))
    pipeline.add_component("a", Late(["y", "x"], delays[1]))
    pipeline.add_component("fused", Fusion())
    pipeline.connect("z.documents", "fused.bm25")
    pipeline.connect("a.documents", "fused.dense")
    data = {
        "z": {"query": "q"},
        "a": {"query": "q"},
        "fused": {"weights": {"bm25": 0.9, "dense": 0.1}},
    }
    for output in (pipeline.run(data), asyncio.run(pipeline.run_async(data))):
        assert [document.id for document in output["fused"]["documents"]] == ["x", "y"]
