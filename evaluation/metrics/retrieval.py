r"""Retrieval metrics for one query; `averaging` has the mean over queries and the rule for ties.

Conventions that hold for all of them, so that values equal trec_eval's:

- A ranking is a sequence of document ids, best first. A repeated id counts at its first rank; the
  later ones are dropped before scoring, and the rest moves up.
- Grades map each judged document to an integer. A document is relevant if its grade is at least
  `min_grade` (1); unjudged documents are not relevant, and grades below 0 gain nothing.
- R is the number of relevant documents. A query with R = 0 has the value 0.
- Values are from 0 to 1, never percentages. `recall` is the share of the relevant documents that
  was found; "anything found", which some books also call recall, is `success`.
"""

import math
from collections.abc import Sequence
from typing import Literal

from evaluation.metrics.averaging import Grades, Ranking, mean_over_queries, rank_by_score

__all__ = [
    "average_precision",
    "judged_at_k",
    "mean_over_queries",
    "ndcg",
    "precision_at_k",
    "r_precision",
    "rank_by_score",
    "recall_at_k",
    "reciprocal_rank",
    "success_at_k",
]

Denominator = Literal["relevant", "min(relevant,k)", "found"]


def precision_at_k(ranking: Ranking, grades: Grades, k: int, *, min_grade: int = 1) -> float:
    r"""Return the share of the first `k` ranks that hold a relevant document: hits@k / k.

    Args:
        ranking: Document ids, best first. A ranking shorter than `k` is still divided by `k`.
        grades: Judged document -> grade; may be empty.
        k: Cutoff rank, at least 1.
        min_grade: Lowest grade that is relevant, at least 1.

    Returns:
        A multiple of 1/k from 0 to 1.

    Raises:
        ValueError: If `k` or `min_grade` is less than 1.

    Example:
        >>> precision_at_k(["d3", "d1"], {"d1": 1, "d2": 1}, k=4)
        0.25

    Reference:
        trec_eval `P.k`.
    """
    return sum(_hits(ranking, grades, k, min_grade)) / k


def recall_at_k(ranking: Ranking, grades: Grades, k: int, *, min_grade: int = 1) -> float:
    """Return the share of the relevant documents that are among the first `k`: hits@k / R.

    Arguments and errors are those of `precision_at_k`. 0 if no document is relevant.

    Example:
        >>> recall_at_k(["d3", "d1"], {"d1": 1, "d2": 1, "d3": 0}, k=4)
        0.5

    Reference:
        trec_eval `recall.k`; Manning et al. (2008), Introduction to Information Retrieval, 8.3.
    """
    return _ratio(sum(_hits(ranking, grades, k, min_grade)), _relevant(grades, min_grade))


def success_at_k(ranking: Ranking, grades: Grades, k: int, *, min_grade: int = 1) -> float:
    """Return 1 if any of the first `k` documents is relevant, else 0; also known as hit rate.

    Arguments and errors are those of `precision_at_k`. 0 if no document is relevant.

    Example:
        >>> success_at_k(["d3", "d1"], {"d1": 1, "d2": 1}, k=2)
        1.0

    Reference:
        trec_eval `success.k`.
    """
    return float(any(_hits(ranking, grades, k, min_grade)))


def average_precision(
    ranking: Ranking,
    grades: Grades,
    k: int | None = None,
    *,
    denominator: Denominator = "relevant",
    min_grade: int = 1,
) -> float:
    r"""Return the sum of the precisions at the ranks of relevant documents over `denominator`.

    $$\mathrm{AP@}k = \frac{1}{D} \sum_{i \le k:\, d_i \in \mathrm{Rel}} \mathrm{P@}i$$

    Three denominators D are in use and give different numbers, so a report has to name its own.

    Args:
        ranking: Document ids, best first.
        grades: Judged document -> grade; may be empty.
        k: Cutoff rank, at least 1, or None for the whole ranking.
        denominator: "relevant" is R (trec_eval); "min(relevant,k)" does not penalise a cutoff
            below R and equals "relevant" without `k`; "found" is the number of relevant documents
            within the cutoff, so missed documents cost nothing.
        min_grade: Lowest grade that is relevant, at least 1.

    Returns:
        A number from 0 to 1; 0 if no document is relevant or none was found.

    Raises:
        ValueError: If `k` or `min_grade` is less than 1, or `denominator` is unknown.

    Example:
        Five relevant, found at ranks 1 and 3: (1/1 + 2/3) / 5, / 3 and / 2.

        >>> grades = {"d1": 1, "d2": 1, "d3": 1, "d4": 1, "d5": 1}
        >>> for name in ("relevant", "min(relevant,k)", "found"):
        ...     print(f"{average_precision(['d1', 'x', 'd2'], grades, 3, denominator=name):.4f}")
        0.3333
        0.5556
        0.8333

    Reference:
        trec_eval `map` and `map_cut.k`; Kaggle MAP@k; RAGAS context precision.
    """
    hits = _hits(ranking, grades, k, min_grade)
    relevant = _relevant(grades, min_grade)
    found = sum(hits)
    divisors = {
        "relevant": relevant,
        "min(relevant,k)": relevant if k is None else min(relevant, k),
        "found": found,
    }
    if denominator not in divisors:
        raise ValueError(f"`denominator` must be one of {list(divisors)}, got {denominator!r}.")
    ranks = [rank for rank, hit in enumerate(hits, start=1) if hit]
    total = math.fsum(position / rank for position, rank in enumerate(ranks, start=1))
    return _ratio(total, divisors[denominator])


def reciprocal_rank(
    ranking: Ranking, grades: Grades, k: int | None = None, *, min_grade: int = 1
) -> float:
    """Return 1 / rank of the first relevant document; 0 if there is none within `k`.

    Arguments and errors are those of `average_precision`. The mean over queries is MRR (MRR@k).

    Example:
        >>> reciprocal_rank(["d3", "d1"], {"d1": 1})
        0.5
        >>> reciprocal_rank(["d3", "d1"], {"d1": 1}, k=1)
        0.0

    Reference:
        trec_eval `recip_rank` (no cutoff); MS MARCO MRR@10.
    """
    hits = _hits(ranking, grades, k, min_grade)
    return 1 / (hits.index(True) + 1) if any(hits) else 0.0


def r_precision(ranking: Ranking, grades: Grades, *, min_grade: int = 1) -> float:
    """Return precision at rank R: hits@R / R, the point where precision and recall are equal.

    Arguments and errors are those of `precision_at_k`. 0 if no document is relevant.

    Example:
        >>> r_precision(["d1", "d9", "d2"], {"d1": 1, "d2": 1})
        0.5

    Reference:
        trec_eval `Rprec`.
    """
    relevant = _relevant(grades, min_grade)
    return _ratio(sum(_hits(ranking, grades, None, min_grade)[:relevant]), relevant)


def ndcg(
    ranking: Ranking,
    grades: Grades,
    k: int | None = None,
    *,
    gain: Literal["linear", "exponential"] = "linear",
) -> float:
    r"""Return the discounted cumulative gain, divided by that of the best possible ranking.

    $$\mathrm{DCG@}k = \sum_{i=1}^{k} g(d_i) / \log_2(i + 1)$$

    The best possible ranking holds all judged documents by grade, cut at `k` as well.

    Args:
        ranking: Document ids, best first.
        grades: Judged document -> grade; below 0 counts as 0; may be empty.
        k: Cutoff rank, at least 1, or None for the whole ranking.
        gain: "linear" is g = grade (trec_eval, BEIR); "exponential" is 2^grade - 1 (gdeval, MSLR).
                The two are equal if no grade exceeds 1; a report has to name its choice.

    Returns:
        A number from 0 to 1; 0 if no document is relevant.

    Raises:
        ValueError: If `k` is less than 1 or `gain` is unknown.

    Example:
        Grades 0 and 2 where 2 and 0 were possible: (0/1 + 2/1.585) / (2/1).

        >>> round(ndcg(["d2", "d1"], {"d1": 2, "d2": 0}), 4)
        0.6309

    Reference:
        trec_eval `ndcg` and `ndcg_cut.k`; Jarvelin and Kekalainen (2002), ACM TOIS 20(4);
        Burges et al. (2005), ICML, for the exponential gain.
    """
    if gain not in ("linear", "exponential"):
        raise ValueError(f"`gain` must be 'linear' or 'exponential', got {gain!r}.")
    _check_cutoff(k)
    ideal = sorted(grades.values(), reverse=True)
    reached = [grades.get(document, 0) for document in dict.fromkeys(ranking)]
    return _ratio(_dcg(reached[:k], gain), _dcg(ideal[:k], gain))


def judged_at_k(ranking: Ranking, grades: Grades, k: int) -> float:
    """Return the share of the first `k` ranks that hold a judged document: judged@k / k.

    Arguments and errors are those of `precision_at_k`. A low value means that the judgements do
    not fit the run, and that the other metrics underrate it. `k` stays the denominator for a
    shorter ranking, where ir_measures divides by the number of documents returned.

    Example:
        >>> judged_at_k(["d1", "x", "d2", "y"], {"d1": 1, "d2": 0}, k=4)
        0.5

    Reference:
        ir_measures `Judged@k`, except for rankings shorter than k; 1 - Hole@k.
    """
    _check_cutoff(k)
    return sum(document in grades for document in list(dict.fromkeys(ranking))[:k]) / k


def _hits(ranking: Ranking, grades: Grades, k: int | None, min_grade: int) -> list[bool]:
    _check_cutoff(k)
    _check_grade(min_grade)
    documents = list(dict.fromkeys(ranking))[:k]
    return [document in grades and grades[document] >= min_grade for document in documents]


def _relevant(grades: Grades, min_grade: int) -> int:
    return sum(grade >= min_grade for grade in grades.values())


def _dcg(grades: Sequence[int], gain: str) -> float:
    gains = [max(grade, 0) if gain == "linear" else 2 ** max(grade, 0) - 1 for grade in grades]
    return math.fsum(value / math.log2(rank + 1) for rank, value in enumerate(gains, start=1))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _check_cutoff(k: int | None) -> None:
    if k is not None and k < 1:
        raise ValueError(f"`k` must be at least 1, got {k}.")


def _check_grade(min_grade: int) -> None:
    if min_grade < 1:
        raise ValueError(f"`min_grade` must be at least 1, got {min_grade}.")
