"""A view maps every character back: total, in order, and to what reads the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.view import EDITS, Edit, View, load_edits, view_of

SOURCE = "The eﬃ-\nciency of\n\nthe | A | 27 | pump"


@st.composite
def views(draw):
    """Any text with any edits: characters changed, left out, put in."""
    source = draw(st.text("ab ﬁ\n|。", max_size=40))
    borders = draw(st.lists(st.integers(0, len(source)), max_size=12).map(sorted))
    edits = [
        Edit(start, end, draw(st.text("xyz ", max_size=4)))
        for start, end in zip(borders[::2], borders[1::2], strict=False)
    ]
    return View(source, edits)


@given(views())
def test_the_text_is_the_source_with_every_edit_made(view):
    expected, last = "", 0
    for edit in view.edits:
        expected += view.source[last : edit.start] + edit.put
        last = edit.end
    assert view.text == expected + view.source[last:]


@given(views(), st.data())
def test_every_span_has_a_place_in_the_source_and_later_ones_stand_later(view, data):
    ends = st.lists(st.integers(0, len(view.text)), min_size=4, max_size=4).map(sorted)
    a, b, c, d = data.draw(ends)
    first, second = view.to_source(a, b), view.to_source(c, d)
    for start, end in (first, second):
        assert 0 <= start <= end <= len(view.source)
    assert first[0] <= second[0]
    assert first[1] <= second[1]


@given(views(), st.data())
def test_a_span_without_edits_reads_the_same_in_the_source(view, data):
    start, end = data.draw(
        st.lists(st.integers(0, len(view.text)), min_size=2, max_size=2).map(sorted)
    )
    first, last = view.to_source(start, end)
    if not any(each.start <= last and first <= each.end for each in view.edits):
        assert view.source[first:last] == view.text[start:end]


@given(views(), st.data())
def test_a_span_of_the_source_that_nothing_changes_comes_back(view, data):
    start, end = data.draw(
        st.lists(st.integers(0, len(view.source)), min_size=2, max_size=2).map(sorted)
    )
    if start < end and not any(each.start <= end and start <= each.end for each in view.edits):
        there = view.to_view(start, end)
        assert view.text[slice(*there)] == view.source[start:end]
        assert view.to_source(*there) == (start, end)


@given(views(), st.data())
def test_a_part_reads_as_it_does_in_the_whole(view, data):
    places = {0, len(view.source), *(each.start for each in view.edits),
              *(each.end for each in view.edits)}  # fmt: skip
    start, end = data.draw(
        st.lists(st.sampled_from(sorted(places)), min_size=2, max_size=2).map(sorted)
    )
    part = view.part(start, end)
    assert part.source == view.source[start:end]
    assert part.text in view.text


@given(views(), st.data())
def test_what_covers_a_span_shows_all_of_it(view, data):
    start, end = data.draw(
        st.lists(st.integers(0, len(view.text)), min_size=2, max_size=2).map(sorted)
    )
    if start < end and all(each.start < each.end for each in view.edits):
        assert view.text[start:end] in view.part(*view.cover(start, end)).text


def test_a_ligature_counts_whole_and_a_gap_between_words_is_no_part_of_either():
    view = View("The eﬃ-\nciency of\nit", [Edit(5, 6, "ffi"), Edit(6, 8, ""), Edit(17, 18, " ")])
    assert view.text == "The efficiency of it"
    start = view.text.index("fi")
    assert view.source[slice(*view.to_source(start, start + 2))] == "ﬃ"
    assert view.source[slice(*view.to_source(4, 14))] == "eﬃ-\nciency"
    assert view.source[slice(*view.to_source(15, 18))] == "of"


def test_words_put_in_are_told_from_words_of_the_text():
    view = View("| A | 27 |", [Edit(6, 6, "The kg of A is ")])
    start = view.text.index("27")
    assert view.puts_words_in(6, start + 2)
    assert not view.puts_words_in(start, start + 2)
    assert view.source[slice(*view.to_source(6, start + 2))] == "27"
    assert view.source[slice(*view.to_source(8, 12))] == ""


def test_a_span_of_nothing_but_words_put_in_shows_nothing_of_the_text():
    view = View("- a rope", [Edit(0, 0, "Bring these:\n")])
    assert not view.puts_words_in(0, 12)
    assert view.puts_words_in(0, len(view.text))
    assert view.source[slice(*view.to_source(0, 12))] == ""
    assert view.to_view(0, 8) == (13, 21)


@pytest.mark.parametrize("edits", [[(0, 3), (2, 4)], [(3, 4), (0, 1)], [(0, 99)], [(2, 1)]])
def test_edits_that_do_not_fit_are_refused(edits):
    with pytest.raises(ValueError, match="does not fit"):
        View("a text", [Edit(*each, "") for each in edits])


def test_a_view_comes_back_from_json_and_one_of_another_program_is_left_alone():
    view = View(SOURCE, [Edit(5, 6, "ffi"), Edit(6, 8, "")])
    assert view_of(SOURCE, {EDITS: view.dump()}).text == view.text
    assert view_of(SOURCE, {EDITS: view.dump()}).lines_end
    assert load_edits(view.dump()) == view.edits
    for other in (None, "front", 7, [["a"]], [[1, 2, "x"], [0, 1, ""]], [[0, 999, ""]]):
        read = view_of(SOURCE, {EDITS: other})
        assert read.text == SOURCE
        assert not read.lines_end
