"""Rows of a table in a passage: the one that a question names is read by itself.

A reader that sees many rows of one form mixes them up; the same row alone it reads well.
"""

import re
from collections import Counter
from collections.abc import Sequence

from rag.language.analysis import tokens
from rag.view import Span, View

_LINE = re.compile(r"[^\n]+")


def row_spans(view: View) -> list[Span]:
    """Return the lines of a view that are rows of a table: column names were put into them."""
    if not view.lines_end:
        return []
    lines = (match.span() for match in _LINE.finditer(view.text))
    return [span for span in lines if view.puts_words_in(*span)]


def named_row(question: Sequence[str], view: View, rows: Sequence[Span]) -> Span | None:
    """Return the row that a question names; None if it names none, or several as well.

    A row is named by the words of the question that few rows have: each counts by the share of
    rows that lack it.

    Args:
        question: Tokens of the question.
        view: The passage's view.
        rows: Its rows.
    """
    held = [set(tokens(view.text[start:end])) for start, end in rows]
    counts = Counter(word for words in held for word in words)
    wanted = set(question)
    scores = [sum(1 - counts[word] / len(rows) for word in wanted & words) for words in held]
    best = max(scores, default=0.0)
    if best <= 0 or scores.count(best) > 1:
        return None
    return rows[scores.index(best)]
