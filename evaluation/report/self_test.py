"""The self-test in every report: cases O1 to O11, computed by the code behind the numbers.

Expected values were checked against pytrec_eval, ir_measures, ranx, gdeval and Haystack; where they
differ, the value follows this project's convention. A metric is looked up in its module when the
test runs, so that the code in use is the code that is tested.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evaluation.metrics import averaging, retrieval
from evaluation.metrics.averaging import Grades, Ranking

TOLERANCE = 1e-6  # expected values are exact fractions, or have six decimals


@dataclass(frozen=True)
class Check:
    """One expected value and the value of the shipped code."""

    case: str
    measure: str
    expected: float
    computed: float

    @property
    def passed(self) -> bool:
        """Whether both are equal, up to the decimals of the expected value."""
        return math.isclose(self.expected, self.computed, rel_tol=0, abs_tol=TOLERANCE)


def self_test() -> tuple[Check, ...]:
    """Return every case, computed with the shipped metrics.

    Example:
        >>> all(check.passed for check in self_test())
        True
    """
    cases = [*_by_rank(), *_by_convention(), *_many_queries()]
    return tuple(
        Check(case, measure, expected, compute())
        for case, measure, expected, compute in sorted(cases, key=lambda case: int(case[0][1:]))
    )


_Case = tuple[str, str, float, Callable[[], float]]

_O1: tuple[Ranking, Grades] = (["d1", "d2", "d3", "d4"], {"d1": 1, "d3": 1, "d5": 1, "d2": 0})
_O2: tuple[Ranking, Grades] = (["a", "b", "c", "d", "e"], {"c": 1})
_O3: tuple[Ranking, Grades] = (["b", "a", "d", "c"], {"a": 3, "b": 2, "c": 1, "d": 0})
_O8: tuple[Ranking, Grades] = (["a", "b", "c", "d", "e", "f"], {"f": 1})
_O9: tuple[Ranking, Grades] = (["d1", "x", "d2"], {"d1": 1, "d2": 1, "d3": 1, "d4": 1, "d5": 1})
_O11: tuple[Ranking, Grades] = (["d1", "d1", "d3"], {"d1": 1, "d3": 1})


def _by_rank() -> list[_Case]:
    """Return the cases of a single query and of cutoffs."""
    r = retrieval
    hits = {1: 1, 2: 1, 3: 2, 4: 2, 5: 2, 10: 2}
    return [
        *[("O1", f"P@{k}", n / k, _call(r, "precision_at_k", _O1, k)) for k, n in hits.items()],
        *[
            ("O1", f"recall@{k}", n / 3, _call(r, "recall_at_k", _O1, k))
            for k, n in {1: 1, 2: 1, 3: 2, 10: 2}.items()
        ],
        ("O1", "AP", 5 / 9, lambda: r.average_precision(*_O1)),
        ("O1", "AP@2 (den=R)", 1 / 3, lambda: r.average_precision(*_O1, 2)),
        ("O1", "RR", 1, lambda: r.reciprocal_rank(*_O1)),
        ("O1", "Rprec", 2 / 3, lambda: r.r_precision(*_O1)),
        ("O1", "nDCG@10 linear", 0.703918, lambda: r.ndcg(*_O1, 10)),
        ("O1", "judged@4", 3 / 4, lambda: r.judged_at_k(*_O1, 4)),
        ("O2", "AP", 1 / 3, lambda: r.average_precision(*_O2)),
        ("O2", "RR", 1 / 3, lambda: r.reciprocal_rank(*_O2)),
        ("O2", "nDCG linear", 1 / 2, lambda: r.ndcg(*_O2)),
        ("O2", "P@3", 1 / 3, lambda: r.precision_at_k(*_O2, 3)),
        ("O2", "recall@2", 0, lambda: r.recall_at_k(*_O2, 2)),
        ("O2", "recall@3", 1, lambda: r.recall_at_k(*_O2, 3)),
    ]


def _by_convention() -> list[_Case]:
    """Return the cases of grades, denominators and duplicates."""
    r = retrieval
    return [
        ("O3", "nDCG linear", 0.907936, lambda: r.ndcg(*_O3)),
        ("O3", "nDCG@2 linear", 0.913402, lambda: r.ndcg(*_O3, 2)),
        ("O3", "nDCG exponential", 0.835448, lambda: r.ndcg(*_O3, gain="exponential")),
        ("O3", "AP (grade >= 1)", 0.916667, lambda: r.average_precision(*_O3)),
        ("O3", "AP (grade >= 2)", 1, lambda: r.average_precision(*_O3, min_grade=2)),
        ("O8", "RR", 1 / 6, lambda: r.reciprocal_rank(*_O8)),
        ("O8", "RR@5", 0, lambda: r.reciprocal_rank(*_O8, 5)),
        ("O8", "RR@6", 1 / 6, lambda: r.reciprocal_rank(*_O8, 6)),
        ("O9", "AP@3 (den=R)", 1 / 3, lambda: r.average_precision(*_O9, 3)),
        (
            "O9",
            "AP@3 (den=min(R,k))",
            5 / 9,
            lambda: r.average_precision(*_O9, 3, denominator="min(relevant,k)"),
        ),
        (
            "O9",
            "AP@3 (den=found)",
            5 / 6,
            lambda: r.average_precision(*_O9, 3, denominator="found"),
        ),
        ("O11", "AP, duplicate dropped", 1, lambda: r.average_precision(*_O11)),
        ("O11", "nDCG, duplicate dropped", 1, lambda: r.ndcg(*_O11)),
    ]


def _many_queries() -> list[_Case]:
    """Return the cases of several queries, and of equal scores."""
    tie, near = {"a": 1.0, "b": 1.0}, {"a": 1.00000001, "b": 1.0}
    one, two = {"q1": {"a": 1}}, {"q1": {"a": 1}, "q2": {"b": 1}}
    return [
        ("O4", "RR, equal scores, b relevant", 1, lambda: _mean({"q": tie}, {"q": {"b": 1}})),
        ("O4", "RR, equal scores, a relevant", 1 / 2, lambda: _mean({"q": tie}, {"q": {"a": 1}})),
        ("O5", "MRR, a query is missing", 1 / 2, lambda: _mean({"q1": ["a"]}, two)),
        ("O6", "MRR, a query too many", 1, lambda: _mean({"q1": ["a"], "q9": ["z"]}, one)),
        (
            "O7",
            "MRR, none relevant",
            1 / 2,
            lambda: _mean({"q1": ["a"], "q2": ["b"]}, {"q1": {"a": 1}, "q2": {"b": 0}}),
        ),
        ("O10", "RR, 1.00000001 above 1.0", 1, lambda: _mean({"q": near}, {"q": {"a": 1}})),
    ]


def _call(module: object, name: str, case: tuple[Ranking, Grades], k: int) -> Callable[[], float]:
    return lambda: float(getattr(module, name)(*case, k))


def _mean(run: Mapping[str, Ranking | Mapping[str, float]], qrels: Mapping[str, Grades]) -> float:
    return averaging.mean_over_queries(run, qrels, retrieval.reciprocal_rank).value
