"""Citation metrics: ALCE's oracle cases, its definition written out, and spans by character."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.citations import (
    Span,
    SpanScores,
    citation_scores,
    mean_citation_scores,
    parse_citations,
    remove_citations,
    span_scores,
)

PASSAGES = ["D1", "D2", "D3"]


def judge(*supporting):
    """An `entails` that says yes if the premises hold one of the sets of passages."""
    return lambda premises, _: any(needed <= set(premises) for needed in supporting)


@pytest.mark.parametrize(
    ("text", "numbers", "claim"),
    [
        ("Yes.", [], "Yes."),
        ("Yes [1][2].", [1, 2], "Yes."),
        ("Yes [1, 2].", [1, 2], "Yes."),
        ("Yes[1] and no [ 3 ,2 ].", [1, 3, 2], "Yes and no."),
        ("是的[1，2]。", [1, 2], "是的。"),
        ("Again [1][1].", [1, 1], "Again."),
        ("Zero [0], big [12].", [0, 12], "Zero, big."),
        ("No marker: [a] [1-3] [1.5] [] [1,].", [], "No marker: [a] [1-3] [1.5] [] [1,]."),
    ],
)
def test_markers_are_read_and_removed_as_a_whole(text, numbers, claim):
    assert parse_citations(text) == numbers
    assert remove_citations(text) == claim


@pytest.mark.parametrize(
    ("sentences", "entails", "recall", "precision"),
    [
        pytest.param(["S1 [1][2]."], judge({"D1"}), 1 / 1, 1 / 2, id="A1"),
        pytest.param(["S1 [1, 2]."], judge({"D1"}), 1 / 1, 1 / 2, id="A1 with a comma"),
        pytest.param(["S1 [1][2].", "S2.", "S3 [5]."], judge({"D1"}), 1 / 3, 1 / 2, id="A2"),
        pytest.param(["S1 [1][2]."], judge({"D1", "D2"}), 1 / 1, 2 / 2, id="A3"),
        pytest.param(["S1 [1][2]."], judge(), 0 / 1, 0 / 2, id="not supported"),
        pytest.param(["S1 [3]."], judge({"D3"}), 1 / 1, 1 / 1, id="one citation"),
        pytest.param(["S1 [1][2]."], judge({"D1"}, {"D2"}), 1 / 1, 2 / 2, id="each alone"),
        pytest.param(["S1 [0]."], judge({"D3"}), 0 / 1, 0.0, id="0 is out of range"),
        pytest.param(["S1 [1][4]."], judge({"D1"}), 0 / 1, 0.0, id="one out of range spoils all"),
        pytest.param([], judge(), 0.0, 0.0, id="no sentence"),
    ],
)
def test_alce_scores_are_those_worked_out_by_hand(sentences, entails, recall, precision):
    scores = citation_scores(sentences, PASSAGES, entails)
    assert (scores.recall, scores.precision) == (recall, precision)


def test_uncited_sentences_and_citations_out_of_range_are_counted():
    scores = citation_scores(["S1 [1][2].", "S2.", "S3 [5][0].", "S4 [1]."], PASSAGES, judge())
    assert (scores.sentences, scores.uncited, scores.out_of_range) == (4, 1, 2)
    assert scores.citations == 2 + 1  # those of S3 are not in the denominator


def test_only_the_first_citations_are_used_if_so_asked():
    cited = ["S1 [1][2][3]."]
    assert citation_scores(cited, PASSAGES, judge({"D3"})).recall == 1
    scores = citation_scores(cited, PASSAGES, judge({"D3"}), at_most=2)
    assert (scores.recall, scores.citations) == (0, 2)


def test_the_judge_sees_the_sentence_without_markers_and_the_passages_in_cited_order():
    seen = []
    citation_scores(["S1 [2][1]."], PASSAGES, lambda *asked: seen.append(asked) or True)
    assert seen == [(["D2", "D1"], "S1."), (["D2"], "S1."), (["D1"], "S1.")]


def test_the_mean_leaves_out_answers_without_a_sentence_and_says_how_many_are_left():
    good = citation_scores(["S1 [1][2]."], PASSAGES, judge({"D1"}))
    uncited = citation_scores(["S1."], PASSAGES, judge())
    nothing = citation_scores([], PASSAGES, judge())
    assert mean_citation_scores([good, uncited, nothing]) == ((1 + 0) / 2, (0.5 + 0) / 2, 2)
    assert mean_citation_scores([nothing]) == (0, 0, 0)


def slow_alce(cited, passages, entails):
    """Princeton's loop over sentences, with its names."""
    entail = entail_prec = total_citations = 0
    for ref in cited:
        if not ref or any(n > len(passages) for n in ref):
            continue
        total_citations += len(ref)
        if not entails([passages[n - 1] for n in ref], ""):
            continue
        entail += 1
        for place in range(len(ref)):
            alone = entails([passages[ref[place] - 1]], "")
            rest = [passages[n - 1] for i, n in enumerate(ref) if i != place]
            entail_prec += alone or not (rest and entails(rest, ""))
    precision = entail_prec / total_citations if total_citations else 0
    return (entail / len(cited) if cited else 0, precision)


SUBSETS = [set(c) for size in (1, 2, 3) for c in itertools.combinations(PASSAGES, size)]


@given(
    st.lists(st.lists(st.integers(1, 4), max_size=4), max_size=4),
    st.lists(st.sampled_from(SUBSETS), max_size=2),
)
def test_alce_scores_equal_the_slow_definition(cited, supporting):
    sentences = ["S " + "".join(f"[{n}]" for n in numbers) for numbers in cited]
    entails = judge(*supporting)
    scores = citation_scores(sentences, PASSAGES, entails)
    assert (scores.recall, scores.precision) == pytest.approx(slow_alce(cited, PASSAGES, entails))


SPANS = st.lists(
    st.builds(
        lambda document, start, length: Span(document, start, start + length),
        st.sampled_from("ab"),
        st.integers(0, 12),
        st.integers(1, 6),
    ),
    max_size=4,
)


def characters(spans):
    return {(span.document_id, i) for span in spans for i in range(span.start, span.end)}


def share(part, whole):
    return len(part) / len(whole) if whole else 0.0


@given(SPANS, SPANS)
def test_span_scores_equal_sets_of_characters(cited, gold):
    common = characters(cited) & characters(gold)
    expected = SpanScores(
        character_precision=share(common, characters(cited)),
        character_recall=share(common, characters(gold)),
        span_precision=share({s for s in cited if characters([s]) & characters(gold)}, set(cited)),
        span_recall=share({s for s in gold if characters([s]) & characters(cited)}, set(gold)),
    )
    assert span_scores(cited, gold) == expected


def test_span_scores_count_characters_once_and_by_document():
    cited = [Span("a", 0, 10), Span("a", 5, 15), Span("b", 0, 5)]
    gold = [Span("a", 10, 30), Span("c", 0, 5)]
    assert span_scores(cited, gold) == SpanScores(
        character_precision=5 / (15 + 5),  # a[10:15] of a[0:15] and b[0:5]
        character_recall=5 / (20 + 5),
        span_precision=1 / 3,  # a[5:15]; a[0:10] only touches
        span_recall=1 / 2,
    )


def test_no_citation_and_no_gold_span_score_0():
    assert span_scores([], [Span("a", 0, 1)]) == span_scores([Span("a", 0, 1)], [])
    assert span_scores([], []) == SpanScores(0, 0, 0, 0)


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 3), (4, 3)])
def test_an_empty_or_negative_span_is_an_error(start, end):
    with pytest.raises(ValueError, match="start < end"):
        Span("a", start, end)
