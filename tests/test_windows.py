"""Windows and the spans in them, against slow definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import save_tokenizer
from transformers import AutoTokenizer

from rag.models.windows import (
    ScoredSpan,
    Window,
    WindowCutter,
    WindowOutput,
    by_length,
    find_spans,
    prefix,
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return AutoTokenizer.from_pretrained(
        save_tokenizer(tmp_path_factory.mktemp("tokenizer"))
    ).backend_tokenizer


def cutter(tokenizer, **options):
    return WindowCutter(tokenizer, **{"length": 24, "stride": 5, "longest_question": 8} | options)


TEXT = "the cat sleeps, 9 dogs bark."
LONG = " ".join(f"word{number}" for number in range(12))


@pytest.mark.parametrize("text", [TEXT, LONG, "a"])
def test_offsets_of_all_windows_are_those_of_the_text_tokenized_alone(tokenizer, text):
    # the slow definition: the text's tokens, cut every (room - stride) tokens
    whole = tokenizer.encode(text, add_special_tokens=False).offsets
    question = "a cat?"
    room = 24 - len(tokenizer.encode(question, add_special_tokens=False).ids) - 3
    expected = []
    start = 0
    while True:
        expected.append(tuple(whole[start : start + room]))
        if start + room >= len(whole):
            break
        start += room - 5
    windows = cutter(tokenizer).cut(question, [text])
    assert [window.offsets for window in windows] == expected
    assert all(len(window.ids) <= 24 for window in windows)


def test_the_question_stands_before_the_text_with_its_own_token_type(tokenizer):
    (window,) = cutter(tokenizer).cut("a?", ["b."])
    # [CLS] a ? [SEP] b . [SEP]
    assert window.types == (0, 0, 0, 0, 1, 1, 1)
    assert (window.first, window.offsets) == (4, ((0, 1), (1, 2)))


def test_an_empty_text_is_a_window_without_tokens_of_its_own(tokenizer):
    (window,) = cutter(tokenizer).cut("a?", [""])
    assert window.offsets == ()
    assert find_spans([reading(window, [0] * len(window.ids))], most=3, longest=9) == []


def test_a_long_question_is_shortened_and_leaves_room(tokenizer):
    question = "why " * 500
    short = cutter(tokenizer).shorten(question)
    assert question.startswith(short)
    assert len(tokenizer.encode(short, add_special_tokens=False).ids) == 8
    windows = cutter(tokenizer).cut(question, [LONG])
    assert max(len(window.ids) for window in windows) == 24
    covered = {place for window in windows for place in window.offsets}
    assert len(covered) == len(tokenizer.encode(LONG, add_special_tokens=False).ids)


def test_windows_without_room_are_refused(tokenizer):
    with pytest.raises(ValueError, match="windows of 16 tokens have no room"):
        cutter(tokenizer, length=16)


def test_the_longest_windows_come_first_and_equal_ones_in_order(tokenizer):
    windows = cutter(tokenizer).cut("a?", ["b", "b c", "d", "b c d"])
    assert by_length(windows) == [3, 1, 0, 2]


def test_the_title_is_cut_to_what_helps():
    assert prefix("") == ""
    assert len(prefix("a" * 500)) == 82


# -- spans


def reading(window, starts, ends=None, null=0.0):
    starts = np.asarray(starts, np.float32)
    return WindowOutput(
        window, starts, starts if ends is None else np.asarray(ends, np.float32), null
    )


def slow_spans(readings, *, most, longest, begin=0):
    """Every pair of tokens of every window, sorted, each taken if it overlaps none before."""
    every = []
    for each in readings:
        first, offsets = each.window.first, each.window.offsets
        for start in range(len(offsets)):
            for end in range(start, min(start + longest, len(offsets))):
                if offsets[start][0] < begin or offsets[start][0] >= offsets[end][1]:
                    continue
                score = float(each.starts[first + start] + each.ends[first + end]) - each.null
                every.append(ScoredSpan(offsets[start][0], offsets[end][1], score))
    chosen = []
    for span in sorted(every, key=lambda each: (-each.score, each.start, each.end)):
        if all(span.end <= other.start or other.end <= span.start for other in chosen):
            chosen.append(span)
    return chosen[:most]


@st.composite
def readings(draw):
    """Windows over a text of words of three letters, that overlap, with whole logits: many ties."""
    found = []
    first = 0
    for _ in range(draw(st.integers(1, 3))):
        count = draw(st.integers(0, 9))
        offsets = tuple((4 * place, 4 * place + 3) for place in range(first, first + count))
        question = draw(st.integers(2, 4))
        size = question + count + 1
        window = Window(0, tuple(range(size)), (0,) * size, question, offsets)
        logits = st.lists(st.integers(-4, 4), min_size=size, max_size=size)
        found.append(reading(window, draw(logits), draw(logits), draw(st.integers(-3, 3))))
        first += draw(st.integers(1, 6))
    return found


@given(readings(), st.integers(1, 5), st.integers(1, 12), st.integers(0, 20))
def test_spans_are_those_of_the_slow_definition(found, most, longest, begin):
    options = {"most": most, "longest": longest, "begin": begin}
    assert find_spans(found, **options) == slow_spans(found, **options)


def test_a_span_in_two_windows_has_its_better_score():
    one = Window(0, (0, 0, 0), (0, 0, 0), 1, ((0, 3),))
    found = [reading(one, [0, 1, 0]), reading(one, [0, 3, 0])]
    assert find_spans(found, most=5, longest=5) == [ScoredSpan(0, 3, 6.0)]  # 3 + 3 - 0


def test_scores_do_not_depend_on_what_else_the_window_holds():
    short = Window(0, (0,) * 3, (0,) * 3, 1, ((0, 3),))
    long = Window(0, (0,) * 9, (0,) * 9, 1, tuple((4 * n, 4 * n + 3) for n in range(7)))
    one = find_spans([reading(short, [0, 2, 0], null=1.0)], most=1, longest=5)[0]
    other = find_spans([reading(long, [0, 2, 2, 2, 2, 2, 2, 2, 0], null=1.0)], most=1, longest=1)[0]
    assert one.score == other.score == 3.0  # 2 + 2 - 1 in both, however many rivals there are
