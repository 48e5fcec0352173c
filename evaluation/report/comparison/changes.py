"""The questions on which two runs differ most, with gold answer and both answers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.report import numbers
from evaluation.report.layout import Block, ChangedQuestion, ChangedQuestions, Line, Text
from evaluation.report.words import say
from evaluation.results.records import QueryResult
from evaluation.results.schema import SystemResult

MOST_CHANGES = 20
LONGEST_ANSWER = 300  # characters of an answer
ROUNDING = 12  # digits, so that sums that differ by rounding are the same

Pairs = Sequence[tuple[SystemResult, SystemResult]]


@dataclass(frozen=True)
class _QuestionDifference:
    """A question in both runs; `difference` is the mean of A - B over the metrics of both."""

    ours: QueryResult
    theirs: QueryResult
    difference: float
    changed: tuple[str, ...]


def losses(pairs: Pairs, metrics: Sequence[str]) -> tuple[Block, ...]:
    """Return for each pair the questions on which A is furthest below B."""
    return tuple(_block(one, other, metrics, lost=True) for one, other in pairs)


def gains(pairs: Pairs, metrics: Sequence[str]) -> tuple[Block, ...]:
    """Return for each pair the questions on which A is furthest above B."""
    return tuple(_block(one, other, metrics, lost=False) for one, other in pairs)


def _block(one: SystemResult, other: SystemResult, metrics: Sequence[str], *, lost: bool) -> Block:
    sign = 1 if lost else -1
    found = [each for each in _changes(one, other, metrics) if each.difference * sign < 0]
    found.sort(key=lambda each: (each.difference * sign, each.ours.question_id))
    names = {"a": f"{one.name} (A)", "b": f"{other.name} (B)"}
    if not found:
        return Line(say("difference.no_losses" if lost else "difference.no_gains", **names), "note")
    shown = found[:MOST_CHANGES]
    key = "difference.queries" if lost else "difference.queries_gained"
    return ChangedQuestions(
        say(key, **names, count=len(shown), all=numbers.count(len(found))),
        tuple(_shown(each, (names["a"], names["b"])) for each in shown),
        note=say("difference.queries_note", metrics=", ".join(metrics)),
    )


def _changes(
    one: SystemResult, other: SystemResult, metrics: Sequence[str]
) -> list[_QuestionDifference]:
    theirs = {each.question_id: each for each in other.queries}
    found = []
    for ours in one.queries:
        before = theirs[ours.question_id]
        both = [name for name in metrics if name in ours.metrics and name in before.metrics]
        if both:
            parts = {name: ours.metrics[name] - before.metrics[name] for name in both}
            mean = round(math.fsum(parts.values()) / len(both), ROUNDING)
            changed = tuple(
                _step(name, before.metrics[name], ours.metrics[name])
                for name in both
                if parts[name]
            )
            found.append(_QuestionDifference(ours, before, mean, changed))
    return found


def _step(metric: str, before: float, after: float) -> str:
    return f"{metric} {numbers.fixed(before)} → {numbers.fixed(after)}"


def _shown(each: _QuestionDifference, names: tuple[str, str]) -> ChangedQuestion:
    answers = zip(names, (each.ours, each.theirs), strict=True)
    return ChangedQuestion(
        question=each.ours.question,
        question_id=each.ours.question_id,
        difference=numbers.signed(each.difference),
        state="bad" if each.difference < 0 else "good",
        scores=" · ".join(each.changed),
        pairs=(
            (say("case.gold"), " · ".join(each.ours.golds) or say("case.no_gold")),
            *((say("difference.answer", name=name), _answer(query)) for name, query in answers),
        ),
    )


def _answer(query: QueryResult) -> Text:
    if query.error is not None:
        return say("difference.failed", why=query.error)
    if query.answer is None:
        return say("case.not_asked")
    sure = numbers.fixed(query.confidence or 0.0)
    if query.abstained:
        return say("difference.declined", text=_short(query.best_answer or "–"), value=sure)
    return say("difference.said", text=_short(query.answer or "–"), value=sure)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_ANSWER else text[:LONGEST_ANSWER].rstrip() + " …"
