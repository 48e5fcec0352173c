"""Scores of predicted answer texts against gold texts, as SQuAD 1.1 and 2.0 compute them.

The scores for other languages, `cmrc_*` and `mlqa_*`, are in `multilingual` and re-exported here.
They differ in normalisation and in their definition of F1, so a report has to name the script. Of
several gold answers, the best counts. Values are from 0 to 1, never percentages.
"""

import math
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from evaluation.metrics.multilingual import (
    cmrc_exact_match,
    cmrc_f1,
    mlqa_f1,
    normalize_mlqa,
    segment_cmrc,
)
from evaluation.metrics.overlap import bag_f1, best_over_golds

__all__ = [
    "AnswerScores",
    "BestThreshold",
    "PredictionScores",
    "best_threshold",
    "cmrc_exact_match",
    "cmrc_f1",
    "evaluate_predictions",
    "exact_match",
    "f1",
    "mlqa_f1",
    "normalize_mlqa",
    "normalize_squad",
    "segment_cmrc",
]

Version = Literal["1.1", "2.0"]


@dataclass(frozen=True)
class AnswerScores:
    """Mean exact match and F1 over `n` questions; both 0 if there is none."""

    exact: float
    f1: float
    n: int


@dataclass(frozen=True)
class BestThreshold:
    """The highest mean score over all no-answer thresholds, and its threshold."""

    score: float
    threshold: float


@dataclass(frozen=True)
class PredictionScores:
    """Scores of a set of predictions, in total and by kind of question.

    Attributes:
        total: Scores over all questions.
        has_answer: Scores over the questions with a gold answer.
        no_answer: Scores over the questions without one.
        unanswered: Number of questions without a prediction, which count as 0.
        best_exact: Best exact match over all thresholds; None without `na_probs`.
        best_f1: Best F1 over all thresholds; None without `na_probs`.
    """

    total: AnswerScores
    has_answer: AnswerScores
    no_answer: AnswerScores
    unanswered: int
    best_exact: BestThreshold | None = None
    best_f1: BestThreshold | None = None


def normalize_squad(text: str) -> str:
    """Return an answer in lower case, without ASCII punctuation, a/an/the and extra spaces.

    Args:
        text: Any text; accents and other scripts stay as they are, so Chinese is one long token.

    Returns:
        Tokens joined by single spaces; empty if the text is only punctuation and articles.

    Example:
        >>> normalize_squad("The  Norman Conquest!")
        'norman conquest'

    Reference:
        `normalize_answer` of SQuAD evaluate-v1.1.py and evaluate-v2.0.py.
    """
    kept = "".join(char for char in text.lower() if char not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())


def exact_match(prediction: str, golds: Sequence[str], *, version: Version = "2.0") -> float:
    """Return 1 if the normalised prediction equals a normalised gold answer, else 0.

    Args:
        prediction: Answer text; empty means "no answer".
        golds: Acceptable answers. Version 2.0 drops those that normalise to nothing; if none is
            left, "no answer" is right. Version 1.1 needs at least one.
        version: Which official script to follow.

    Returns:
        0.0 or 1.0.

    Raises:
        ValueError: If `golds` is empty under version 1.1.

    Example:
        >>> exact_match("Norman conquest", ["1066", "The Norman Conquest!"])
        1.0

    Reference:
        Rajpurkar et al. (2016, 2018), EMNLP and ACL; the scripts' `compute_exact`.
    """
    return best_over_golds(
        lambda gold: normalize_squad(prediction) == gold, _squad_golds(golds, version)
    )


def f1(prediction: str, golds: Sequence[str], *, version: Version = "2.0") -> float:
    r"""Return the harmonic mean of token precision and recall against the best gold answer.

    $$\mathrm{F1} = 2 c \,/\, (|P| + |G|)$$, with c the size of the common multiset of tokens.

    Arguments and errors are those of `exact_match`. If a side normalises to nothing, version 2.0
    gives 1 if both do, else 0; version 1.1 gives 0, even where the exact match is 1.

    Example:
        {new x1, york, city} and {new x2, york} share two: 2*2 / (3+3).

        >>> round(f1("new york city", ["new new york"]), 4)
        0.6667

    Reference:
        The official scripts' `f1_score` (1.1) and `compute_f1` (2.0).
    """
    tokens = normalize_squad(prediction).split()
    if version == "2.0" and not tokens:
        return exact_match(prediction, golds)
    return best_over_golds(lambda gold: bag_f1(tokens, gold.split()), _squad_golds(golds, version))


def evaluate_predictions(
    dataset_examples: Mapping[str, Sequence[str]],
    predictions: Mapping[str, str],
    na_probs: Mapping[str, float] | None = None,
    threshold: float = 1.0,
    *,
    version: Version = "2.0",
) -> PredictionScores:
    """Return the scores of a set of predictions at a no-answer threshold, and the best threshold.

    A question without a prediction counts as 0 and is reported, as in the 1.1 script; the 2.0
    script leaves it out of the mean. The best thresholds are chosen on the questions they are
    scored on and are therefore optimistic: choose on a development set, report on a test set.

    Args:
        dataset_examples: Question id -> gold answers; none means that it has no answer.
        predictions: Question id -> answer text; empty means "no answer". Others are ignored.
        na_probs: Question id -> probability of "no answer", for all predicted questions, or None.
        threshold: A question whose probability is above (not equal to) it counts as answered
            with "no answer". Ignored if `na_probs` is None.
        version: Script whose rules for empty texts apply.

    Returns:
        Means from 0 to 1 with their number of questions.

    Raises:
        ValueError: If there is no question, or a probability is missing or not finite.

    Example:
        >>> golds = {"q1": ["Paris"], "q2": []}
        >>> scores = evaluate_predictions(golds, {"q1": "Paris", "q2": "x"}, {"q1": 0.1, "q2": 0.9})
        >>> scores.total.exact, scores.has_answer.exact, scores.best_exact
        (0.5, 1.0, BestThreshold(score=1.0, threshold=0.1))

    Reference:
        SQuAD evaluate-v2.0.py `main`, `apply_no_ans_threshold`.
    """
    if not dataset_examples:
        raise ValueError("`dataset_examples` is empty: there is no question to score.")
    answered = {name: predictions[name] for name in dataset_examples if name in predictions}
    golds = dataset_examples
    exact = {q: exact_match(text, golds[q], version=version) for q, text in answered.items()}
    f1s = {q: f1(text, golds[q], version=version) for q, text in answered.items()}
    best_exact = best_f1 = None
    if na_probs is not None:
        _check_probabilities(na_probs, answered)
        best_exact = best_threshold(exact, answered, na_probs, golds)
        best_f1 = best_threshold(f1s, answered, na_probs, golds)
        declined = {q: float(not golds[q]) for q in answered if na_probs[q] > threshold}
        exact, f1s = exact | declined, f1s | declined
    return PredictionScores(
        total=_mean_scores(exact, f1s, list(golds)),
        has_answer=_mean_scores(exact, f1s, [q for q in golds if golds[q]]),
        no_answer=_mean_scores(exact, f1s, [q for q in golds if not golds[q]]),
        unanswered=len(golds) - len(answered),
        best_exact=best_exact,
        best_f1=best_f1,
    )


def best_threshold(
    scores: Mapping[str, float],
    predictions: Mapping[str, str],
    na_probs: Mapping[str, float],
    dataset_examples: Mapping[str, Sequence[str]],
) -> BestThreshold:
    """Return the highest mean score over all no-answer thresholds, and its lowest threshold.

    Starts from "no answer" everywhere, then answers question by question in the order of
    `na_probs`: an answerable one adds its score, an unanswerable one with a text subtracts 1. As
    in the script, the start has the threshold 0, and equal probabilities are taken one after the
    other in the order of `na_probs`, so with ties no threshold may reach the returned score.

    Args:
        scores: Question id -> score before any threshold, from 0 to 1; the predicted questions.
        predictions: Question id -> answer text, for the same questions.
        na_probs: Question id -> probability of "no answer", for at least these questions.
        dataset_examples: Question id -> gold answers, for all questions: the denominator.

    Returns:
        The mean score from 0 to 1 and its threshold.

    Example:
        >>> golds = {"q1": ["x"], "q2": []}
        >>> predictions, na_probs = {"q1": "x", "q2": "y"}, {"q1": 0.2, "q2": 0.7}
        >>> best_threshold({"q1": 1.0, "q2": 0.0}, predictions, na_probs, golds)
        BestThreshold(score=1.0, threshold=0.2)

    Reference:
        SQuAD evaluate-v2.0.py `find_best_thresh`.
    """
    current = best = float(sum(not dataset_examples[name] for name in scores))
    threshold = 0.0
    for name in sorted(na_probs, key=na_probs.__getitem__):
        if name not in scores:
            continue
        current += scores[name] if dataset_examples[name] else -float(bool(predictions[name]))
        if current > best:
            best, threshold = current, na_probs[name]
    return BestThreshold(best / len(dataset_examples), threshold)


def _squad_golds(golds: Sequence[str], version: Version) -> list[str]:
    normal = [normalize_squad(gold) for gold in golds]
    return ([gold for gold in normal if gold] or [""]) if version == "2.0" else normal


def _mean_scores(
    exact: Mapping[str, float], f1s: Mapping[str, float], names: Sequence[str]
) -> AnswerScores:
    sums = [math.fsum(scores.get(name, 0.0) for name in names) for scores in (exact, f1s)]
    n = max(len(names), 1)
    return AnswerScores(sums[0] / n, sums[1] / n, len(names))


def _check_probabilities(na_probs: Mapping[str, float], answered: Mapping[str, str]) -> None:
    broken = [name for name in answered if not math.isfinite(na_probs.get(name, math.nan))]
    if broken:
        raise ValueError(
            f"`na_probs` lacks a finite number for {len(broken)} predicted questions, "
            f"the first of them {broken[0]!r}."
        )
