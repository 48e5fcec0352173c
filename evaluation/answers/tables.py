"""Means over an answer set by type and language, comparisons of systems, and their tables."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.answers.answer_set import QUESTION_TYPES, AnswerQuestion
from evaluation.answers.given_answers import AnswerMade
from evaluation.answers.verdict import (
    DECLINED_RIGHTLY,
    DECLINED_WRONGLY,
    IN_PASSAGES,
    RIGHT_AND_READABLE,
    AnswerVerdict,
    judge_answer,
)
from evaluation.metrics.significance import mcnemar_exact
from evaluation.results.comparison import compare_values
from evaluation.results.summaries import MetricMean
from evaluation.results.terminal_tables import table
from evaluation.run.aggregation import mean_of

ALL = "all"
PARTS = ("contains", "readable", "cited", DECLINED_WRONGLY, IN_PASSAGES)
COMPARED = (RIGHT_AND_READABLE, "contains", "readable", "cited", DECLINED_WRONGLY, DECLINED_RIGHTLY)


@dataclass(frozen=True)
class JudgedAnswer:
    """A question, its answer and the verdict."""

    question: AnswerQuestion
    made: AnswerMade
    verdict: AnswerVerdict


@dataclass(frozen=True)
class AnswerGroup:
    """Means over the questions of one type and language, either of which may be `all`.

    Attributes:
        type: Type of the questions, or `all`.
        language: Their language, or `all`.
        n: Number of questions that have an answer, and of those that have none.
        means: Score -> mean with its interval, over the questions to which it applies.
    """

    type: str
    language: str
    n: tuple[int, int]
    means: Mapping[str, MetricMean]


def judge_all(
    questions: Sequence[AnswerQuestion], made: Mapping[str, AnswerMade]
) -> list[JudgedAnswer]:
    """Return the verdicts on all answers of one system, in the order of the questions."""
    return [
        JudgedAnswer(each, made[each.question_id], judge_answer(each, made[each.question_id]))
        for each in questions
    ]


def answer_groups(judged: Sequence[JudgedAnswer]) -> list[AnswerGroup]:
    """Return the groups by type and language, then by type, by language, and over all."""
    languages = sorted({each.question.language for each in judged})
    types = [kind for kind in QUESTION_TYPES if any(each.question.type == kind for each in judged)]
    several = [*languages, ALL] if len(languages) > 1 else languages
    keys = [(kind, language) for kind in [*types, ALL] for language in several]
    found = []
    for kind, language in keys:
        those = [
            each
            for each in judged
            if kind in (each.question.type, ALL) and language in (each.question.language, ALL)
        ]
        if those:
            found.append(_group(kind, language, those))
    return found


def _group(kind: str, language: str, those: Sequence[JudgedAnswer]) -> AnswerGroup:
    names = dict.fromkeys(name for each in those for name in each.verdict.scores)
    means = {}
    for name in names:
        values = [each.verdict.scores[name] for each in those if name in each.verdict.scores]
        means[name] = mean_of(values, [str(place) for place in range(len(values))], seed=0)
    answerable = sum(each.question.answerable for each in those)
    return AnswerGroup(kind, language, (answerable, len(those) - answerable), means)


def group_lines(name: str, judged: Sequence[JudgedAnswer]) -> list[str]:
    """Return the table of one system."""
    answerable = sum(each.question.answerable for each in judged)
    head = f"{len(judged)} questions, {answerable} with an answer; share [95 % interval]"
    rows = [["type", "language", "n", RIGHT_AND_READABLE, *PARTS, "n without", DECLINED_RIGHTLY]]
    for group in answer_groups(judged):
        rows.append(
            [
                group.type,
                group.language,
                str(group.n[0]),
                share_of(group.means.get(RIGHT_AND_READABLE), interval=True),
                *(share_of(group.means.get(part)) for part in PARTS),
                str(group.n[1]),
                share_of(group.means.get(DECLINED_RIGHTLY), interval=True),
            ]
        )
    errors = [each for each in judged if each.made.error is not None]
    lines = [f"{name}: {head}; p50 {median_ms(judged):.0f} ms", *table(rows)]
    return lines + [f"failed: {each.question.question_id}: {each.made.error}" for each in errors]


def share_of(mean: MetricMean | None, *, interval: bool = False) -> str:
    """Return a share in words, with its interval if wanted.

    Example:
        >>> share_of(MetricMean(0.5, 4, 0.15, 0.85, "wilson"), interval=True), share_of(None)
        ('.50 [.15, .85]', '-')
    """
    if mean is None:
        return "-"
    low, high = _short(mean.low), _short(mean.high)
    return f"{_short(mean.value)} [{low}, {high}]" if interval else _short(mean.value)


def _short(value: float) -> str:
    return f"{value:.2f}".removeprefix("0") if value < 1 else "1.0"


def median_ms(judged: Sequence[JudgedAnswer]) -> float:
    """Return the median duration of the answers that did not fail, in milliseconds."""
    values = [each.made.ms for each in judged if each.made.error is None]
    return statistics.median(values) if values else 0.0


@dataclass(frozen=True)
class AnswerComparison:
    """Two systems on one score, over the questions to which it applies under both.

    Attributes:
        score: Name of the score.
        a: The later system.
        b: The earlier one.
        values: Mean of A, and of B.
        interval: 95 % interval of A - B, by bootstrap.
        wins: Number of questions on which A is higher.
        losses: Number of those on which B is.
        n: Number of questions.
        p: Two-sided p-value of the exact McNemar test.
    """

    score: str
    a: str
    b: str
    values: tuple[float, float]
    interval: tuple[float, float]
    wins: int
    losses: int
    n: int
    p: float


def compare_answers(judged: Mapping[str, Sequence[JudgedAnswer]]) -> list[AnswerComparison]:
    """Return the comparison of every pair of systems on every score, the later with the earlier."""
    names = list(judged)
    pairs = [(a, b) for place, b in enumerate(names) for a in names[place + 1 :]]
    found = (_compare(score, a, b, judged) for score in COMPARED for a, b in pairs)
    return [each for each in found if each is not None]


def _compare(
    score: str, a: str, b: str, judged: Mapping[str, Sequence[JudgedAnswer]]
) -> AnswerComparison | None:
    pairs = [
        (one.verdict.scores[score], other.verdict.scores[score])
        for one, other in zip(judged[a], judged[b], strict=True)
        if score in one.verdict.scores and score in other.verdict.scores
    ]
    if len(pairs) < 2:
        return None
    ours, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    clusters = [str(place) for place in range(len(pairs))]
    made = compare_values(score, (a, b), (ours, theirs, clusters), 0)
    test = mcnemar_exact([bool(value) for value in ours], [bool(value) for value in theirs])
    means = (sum(ours) / len(pairs), sum(theirs) / len(pairs))
    return AnswerComparison(
        score, a, b, means, (made.low, made.high), made.wins, made.losses, made.n, test.p_value
    )


def compared_lines(comparisons: Sequence[AnswerComparison]) -> list[str]:
    """Return the table of comparisons."""
    head = ["score", "systems", "values", "difference", "95 % interval", "won, lost", "n", "p"]
    rows = [
        [
            each.score,
            f"{each.a} - {each.b}",
            f"{_short(each.values[0])}, {_short(each.values[1])}",
            f"{each.values[0] - each.values[1]:+.3f}",
            f"{each.interval[0]:+.3f} to {each.interval[1]:+.3f}",
            f"{each.wins}, {each.losses}",
            str(each.n),
            f"{each.p:.2g}",
        ]
        for each in comparisons
    ]
    return table([head, *rows])
