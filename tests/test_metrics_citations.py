"""Citation metrics: markers, supported sentences, and spans by character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.citations import (
    Span,
    SpanScores,
    remove_citations,
    span_scores,
    supported_sentences,
)


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("Yes.", "Yes."),
        ("Yes [1][2].", "Yes."),
        ("Yes [1, 2].", "Yes."),
        ("Yes[1] and no [ 3 ,2 ].", "Yes and no."),
        ("是的[1，2]。", "是的。"),
        ("Again [1][1].", "Again."),
        ("Zero [0], big [12].", "Zero, big."),
        ("No marker: [a] [1-3] [1.5] [] [1,].", "No marker: [a] [1-3] [1.5] [] [1,]."),
    ],
)
def test_markers_are_removed_as_a_whole(text, claim):
    assert remove_citations(text) == claim


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ("A. [1] B. [?] C. [2][3]", 2 / 3),
        ("甲。 [1]乙。 [?]", 1 / 2),
        ("A. [?]", 0 / 1),
        ("", 0),
    ],
)
def test_supported_sentences_are_those_not_marked_otherwise(answer, share):
    assert supported_sentences(answer) == share


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
    )
    assert span_scores(cited, gold) == expected


def test_span_scores_count_characters_once_and_by_document():
    cited = [Span("a", 0, 10), Span("a", 5, 15), Span("b", 0, 5)]
    gold = [Span("a", 10, 30), Span("c", 0, 5)]
    assert span_scores(cited, gold) == SpanScores(
        character_precision=5 / (15 + 5),  # a[10:15] of a[0:15] and b[0:5]
        character_recall=5 / (20 + 5),
    )


def test_no_citation_and_no_gold_span_score_0():
    assert span_scores([], [Span("a", 0, 1)]) == span_scores([Span("a", 0, 1)], [])
    assert span_scores([], []) == SpanScores(0, 0)


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 3), (4, 3)])
def test_an_empty_or_negative_span_is_an_error(start, end):
    with pytest.raises(ValueError, match="start < end"):
        Span("a", start, end)
