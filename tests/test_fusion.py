import asyncio
import math
import time

import pytest
from haystack import Document, Pipeline, component
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.retrieval.fusion import Fusion, fuse, fuse_scores


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


# -- by scores

QUICK = settings(max_examples=60, deadline=None)
BOTH = {"bm25": 0.35, "dense": 0.65}
positive = st.floats(0.01, 60, allow_nan=False)
cosine = st.floats(-1, 1, allow_nan=False)
names = st.text("abcdef", min_size=1, max_size=2)


def scored(values):
    return st.dictionaries(names, values, max_size=8).map(lambda found: list(found.items()))


def by_scores(bm25, dense, *, floor=0.1, depth=8, weights=None):
    lists = {"bm25": bm25, "dense": dense}
    return fuse_scores(lists, weights or BOTH, floors={"dense": floor}, depth=depth)


def test_the_score_is_the_weighted_mean_of_the_shares_of_the_best():
    # bm25: 8/8, 2/8; dense from the floor .1: (.5-.1)/.4 = 1, (.3-.1)/.4 = .5. `c` is missing in
    # bm25's list of two, which is full: it counts there as the last, .25.
    found = by_scores([("a", 8.0), ("b", 2.0)], [("c", 0.5), ("a", 0.3)], depth=2)
    assert found == [
        ("c", pytest.approx(0.35 * 0.25 + 0.65)),
        ("a", pytest.approx(0.35 + 0.65 * 0.5)),
        ("b", pytest.approx(0.35 * 0.25 + 0.65 * 0.5)),
    ]


def test_what_a_short_list_lacks_was_not_found_by_it():
    found = dict(by_scores([("a", 8.0)], [("b", 0.5), ("a", 0.3)], depth=50))
    assert found["b"] == pytest.approx(0.65)


@QUICK
@given(scored(positive), scored(cosine), st.randoms())
def test_the_order_in_which_scores_come_changes_nothing(bm25, dense, random):
    before = by_scores(bm25, dense)
    random.shuffle(bm25)
    random.shuffle(dense)
    lists = {"dense": dense, "bm25": bm25}
    after = fuse_scores(lists, BOTH, floors={"dense": 0.1}, depth=8)
    assert after == before


@QUICK
@given(scored(positive), scored(cosine), st.sampled_from([0.25, 4.0, 1024.0]))
def test_the_scale_of_bm25_changes_nothing(bm25, dense, scale):
    scaled = [(name, score * scale) for name, score in bm25]
    assert by_scores(scaled, dense) == by_scores(bm25, dense)


@QUICK
@given(scored(positive), scored(cosine))
def test_the_best_of_both_lists_is_first(bm25, dense):
    for found, top in ((bm25, 61.0), (dense, 1.01)):
        found[:] = [(name, score) for name, score in found if name != "z"] + [("z", top)]
    assert by_scores(bm25, dense)[0] == ("z", pytest.approx(1))


@QUICK
@given(scored(positive), scored(cosine))
def test_scores_lie_between_0_and_1_and_hold_every_passage(bm25, dense):
    found = by_scores(bm25, dense)
    assert {name for name, _ in found} == {name for name, _ in (*bm25, *dense)}
    assert all(0 <= score <= 1 + 1e-9 for _, score in found)


@pytest.mark.parametrize("dense", [[("a", 0.9), ("b", 0.2)], [("a", -0.2), ("b", -0.3)]])
def test_with_one_list_empty_the_other_one_keeps_its_order(dense):
    assert [name for name, _ in by_scores([], dense)] == ["a", "b"]
    assert [name for name, _ in by_scores(dense, [])] == ["a", "b"]


def test_a_list_of_equal_scores_leaves_the_order_to_the_other():
    many = [(f"{number:06}", 1.0) for number in range(100_000)]
    found = by_scores(many, [("000007", 0.9), ("000003", 0.5)], depth=100_000)
    assert [name for name, _ in found[:3]] == ["000007", "000003", "000000"]
    assert len(found) == len(many)


def test_one_passage_alone_is_found():
    assert by_scores([], [("a", 0.4)]) == [("a", pytest.approx(0.65))]
    assert by_scores([("a", 0.0)], [("a", 0.1)]) == [("a", pytest.approx(1))]


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_an_error(score):
    with pytest.raises(ValueError, match=r"`a` has the score .* in the list `dense`"):
        by_scores([("b", 1.0)], [("a", score)])


@pytest.mark.parametrize("score", [None, math.nan, math.inf])
def test_lists_without_scores_are_joined_by_ranks_and_that_is_said(score):
    bm25 = [Document(id="a", content="a", score=1.0), Document(id="b", content="b", score=0.5)]
    dense = [Document(id="b", content="b", score=score)]
    found = Fusion().run(bm25, dense, {"bm25": 1, "dense": 1}, note="said before")
    assert [each.id for each in found["documents"]] == ["b", "a"]
    note = "said before; joined by ranks: `dense` gave passages without finite scores"
    assert found["stage"].note == note


def test_copies_of_one_text_are_joined_to_bm25s_best():
    bm25 = [Document(id="a", content="same", score=4.0), Document(id="b", content="b", score=3.0)]
    dense = [Document(id="c", content="same", score=0.9), Document(id="b", content="b", score=0.1)]
    found = Fusion().run(bm25, dense, BOTH)["documents"]
    assert (found[0].id, found[0].score) == ("a", pytest.approx(1))
    assert [each.id for each in found] == ["a", "b"]


def test_the_floor_decides_how_much_a_cosine_says():
    # From 0 the cosines .5 and .4 nearly agree, so that bm25 decides; from .4 on `b` has nothing.
    bm25, dense = [("b", 4.0), ("a", 2.4)], [("a", 0.5), ("b", 0.4)]
    order = [[name for name, _ in by_scores(bm25, dense, floor=floor)] for floor in (0, 0.4)]
    assert order == [["b", "a"], ["a", "b"]]
