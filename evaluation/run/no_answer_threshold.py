"""A no-answer threshold chosen on one half of the documents and reported on the other.

A threshold chosen on the questions it is reported on is optimistic. So documents are split in two;
neither a document nor questions that share one are in both halves.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.datasets.schema import JudgedQuestion
from evaluation.metrics.abstention import abstention_scores
from evaluation.results.records import QueryResult
from evaluation.results.summaries import AtThreshold, ChosenThreshold, Half, MetricMean
from evaluation.run.aggregation import SLICE_SAMPLES, mean_of
from evaluation.run.scoring import answer_metrics

FEWEST = 10  # questions in a half
ABOVE_ALL = 2.0  # a threshold above every confidence
ROUNDING = 12  # digits, so that sums that differ by rounding are the same


@dataclass(frozen=True)
class _Scored:
    """A question with its scores if it is answered; if declined, 1 if it is unanswerable."""

    result: QueryResult
    exact: float
    f1: float

    @property
    def confidence(self) -> float:
        return self.result.confidence or 0.0

    def is_declined(self, threshold: float) -> bool:
        """Return whether it is declined at a threshold; always if it has no best answer."""
        if self.result.error is not None:
            return False
        silent = bool(self.result.abstained) and not self.result.best_answer
        return silent or self.confidence < threshold

    def scores(self, *, declined: bool) -> tuple[float, float]:
        right = float(not self.result.answerable)
        return (right, right) if declined else (self.exact, self.f1)


def choose_threshold(
    results: Sequence[QueryResult], configured: float, *, seed: int
) -> ChosenThreshold | None:
    """Return the threshold of the best F1 on the dev half, and its scores on the test half.

    Args:
        results: All questions of one system; those without gold answers are left out.
        configured: The threshold of its configuration, which decided `abstained`.
        seed: Random seed of the split and of the intervals.

    Returns:
        The threshold with scores if both halves have at least 10 questions and both kinds of
        them, else the reason. None in a run without answers, or if every question has an answer.
    """
    those = [_scored(each) for each in results if "F1" in each.metrics]
    if all(each.result.answerable for each in those):
        return None
    in_dev = split_by_document([each.result for each in those], seed)
    dev = [each for each, first in zip(those, in_dev, strict=True) if first]
    test = [each for each, first in zip(those, in_dev, strict=True) if not first]
    halves = (_half(dev), _half(test))
    if any(each.questions < FEWEST for each in halves):
        return ChosenThreshold(*halves, not_measured="few questions")
    if any(not each.answerable or not each.unanswerable for each in halves):
        return ChosenThreshold(*halves, not_measured="one kind")
    best = _best_f1(dev)
    return ChosenThreshold(
        *halves,
        chosen_on_dev=_at(best, dev, seed),
        chosen=_at(best, test, seed),
        configured=_as_configured(configured, test, seed),
    )


def split_by_document(results: Sequence[QueryResult], seed: int) -> list[bool]:
    """Return whether each question is in the dev half.

    Questions that share a document, or have gold evidence in the same one, belong together; a
    hash of the first document's name and the seed decides, so that a document is in the same half
    whatever else is asked.
    """
    names = _joined(results)
    return [_is_dev(names[each.cluster], seed) for each in results]


def _is_dev(name: str, seed: int) -> bool:
    return hashlib.sha256(f"{seed}:{name}".encode(errors="backslashreplace")).digest()[0] < 128


def _joined(results: Sequence[QueryResult]) -> dict[str, str]:
    """Return cluster -> first name, in order, of all clusters linked to it by gold documents."""
    first = {each.cluster: each.cluster for each in results}

    def root(name: str) -> str:
        while first[name] != name:
            first[name] = first[first[name]]
            name = first[name]
        return name

    owners: dict[str, str] = {}
    for each in results:
        for span in each.gold_spans:
            one, other = root(each.cluster), root(owners.setdefault(span.document_id, each.cluster))
            first[max(one, other)] = min(one, other)
    return {name: root(name) for name in first}


def _scored(result: QueryResult) -> _Scored:
    if result.error is not None or not result.best_answer or not result.answerable:
        return _Scored(result, 0.0, 0.0)
    question = JudgedQuestion(result.question_id, result.question, result.golds)
    found = answer_metrics(question, result.best_answer, abstained=False)
    return _Scored(result, found["EM"], found["F1"])


def _half(those: Sequence[_Scored]) -> Half:
    answerable = sum(each.result.answerable for each in those)
    documents = len({each.result.cluster for each in those})
    return Half(documents, len(those), answerable, len(those) - answerable)


def _best_f1(those: Sequence[_Scored]) -> float:
    """Return the threshold of the highest mean F1; of equal ones the highest, as in SQuAD's script.

    Candidates are every confidence and 1, from the highest down: first every question that can be
    is declined, then they are answered level by level.
    """
    total = sum(each.scores(declined=each.is_declined(ABOVE_ALL))[1] for each in those)
    ordered = sorted(those, key=lambda each: (-each.confidence, each.result.question_id))
    levels = sorted({1.0, *(each.confidence for each in those)}, reverse=True)
    best, threshold, place = -1.0, 1.0, 0
    for level in levels:
        while place < len(ordered) and ordered[place].confidence >= level:
            each = ordered[place]
            gained = each.scores(declined=each.is_declined(level))[1]
            total += gained - each.scores(declined=each.is_declined(ABOVE_ALL))[1]
            place += 1
        if round(total, ROUNDING) > best:
            best, threshold = round(total, ROUNDING), level
    return threshold


def _at(threshold: float, those: Sequence[_Scored], seed: int) -> AtThreshold:
    declined = [each.is_declined(threshold) for each in those]
    scores = [each.scores(declined=flag) for each, flag in zip(those, declined, strict=True)]
    return _summary(threshold, those, declined, scores, seed)


def _as_configured(threshold: float, those: Sequence[_Scored], seed: int) -> AtThreshold:
    """Return the scores of the run's own decisions, made on unrounded confidences."""
    declined = [bool(each.result.abstained) for each in those]
    scores = [(each.result.metrics["EM"], each.result.metrics["F1"]) for each in those]
    return _summary(threshold, those, declined, scores, seed)


def _summary(
    threshold: float,
    those: Sequence[_Scored],
    declined: Sequence[bool],
    scores: Sequence[tuple[float, float]],
    seed: int,
) -> AtThreshold:
    kinds = [each.result.answerable for each in those]
    clusters = [each.result.cluster for each in those]

    def mean(which: int, wanted: Sequence[bool]) -> MetricMean:
        chosen = [place for place, kind in enumerate(kinds) if kind in wanted]
        values = [scores[place][which] for place in chosen]
        shared = [clusters[place] for place in chosen]
        return mean_of(values, shared, seed=seed, samples=SLICE_SAMPLES)

    fit = abstention_scores(declined, kinds)
    return AtThreshold(
        threshold=threshold,
        metrics={
            "EM": mean(0, (True, False)),
            "F1": mean(1, (True, False)),
            "HasAns EM": mean(0, (True,)),
            "HasAns F1": mean(1, (True,)),
            "NoAns": mean(1, (False,)),
        },
        abstention_precision=fit.precision,
        abstention_recall=fit.recall,
        abstained=fit.abstained,
        unanswerable=fit.unanswerable,
    )
