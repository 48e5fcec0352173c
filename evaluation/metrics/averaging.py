"""Rankings from scores, and the mean of a retrieval metric over queries.

- Ties: equal scores are ordered by document id, descending, as in trec_eval.
- Repeated documents: the first rank counts, the later ones are dropped before scoring.
- Scores that are not finite: an error.
- Judged queries without results, and those without relevant documents, count as 0; the mean comes
  with the number of each.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Ranking = Sequence[str]
Grades = Mapping[str, int]
Metric = Callable[[Ranking, Grades], float]


@dataclass(frozen=True)
class QueryMean:
    """The mean of a metric over all judged queries, with the value of each query.

    Attributes:
        value: The mean; unanswered queries and those without relevant documents count as 0.
        per_query: Query id -> value, in the order of the judgements.
        unanswered: Number of judged queries that are missing from the run or have no results.
        without_relevant: Number of judged queries without a document of grade 1 or more.
    """

    value: float
    per_query: Mapping[str, float]
    unanswered: int
    without_relevant: int

    @property
    def n(self) -> int:
        """Number of queries in the mean."""
        return len(self.per_query)


def rank_by_score(scores: Mapping[str, float]) -> list[str]:
    """Return document ids by score, highest first; equal scores by id, descending.

    Args:
        scores: Document id -> score, higher is better, compared in double precision (pytrec_eval
            compares in single precision and sees more ties); may be empty.

    Returns:
        All ids, each once.

    Raises:
        ValueError: If a score is not finite; trec_eval would rank it silently.

    Example:
        >>> rank_by_score({"a": 1.0, "b": 1.0, "c": 2.0})
        ['c', 'b', 'a']

    Reference:
        trec_eval form_res_rels.c, `comp_sim_docno`.
    """
    broken = {document: score for document, score in scores.items() if not math.isfinite(score)}
    if broken:
        raise ValueError(f"scores must be finite, got {broken}; fix the retriever or drop these.")
    return sorted(scores, key=lambda document: (scores[document], document), reverse=True)


def mean_over_queries(
    run: Mapping[str, Ranking | Mapping[str, float]], qrels: Mapping[str, Grades], metric: Metric
) -> QueryMean:
    """Return the mean of a metric over all judged queries, with or without results.

    Args:
        run: Query id -> ranking, or -> scores, which `rank_by_score` turns into one. Queries
            that are not in `qrels` are ignored.
        qrels: Query id -> grades. These queries are the denominator, whatever the run holds.
        metric: Function of a ranking and grades; bind its options with `functools.partial`.

    Returns:
        The mean, the value of each query, and the numbers of unanswered queries and of queries
        without relevant documents; both kinds count as 0.

    Raises:
        ValueError: If `qrels` is empty, or a score is not finite.

    Example:
        >>> from evaluation.metrics.retrieval import reciprocal_rank
        >>> qrels = {"q1": {"d1": 1}, "q2": {"d2": 1}}
        >>> mean = mean_over_queries({"q1": ["d1"]}, qrels, reciprocal_rank)
        >>> mean.value, mean.n, mean.unanswered
        (0.5, 2, 1)

    Reference:
        trec_eval -c. Its default, and pytrec_eval, average over the answered queries only.
    """
    if not qrels:
        raise ValueError("`qrels` is empty: there is no query to average over.")
    rankings = {query: _ranking(run.get(query, ())) for query in qrels}
    values = {query: metric(rankings[query], grades) for query, grades in qrels.items()}
    return QueryMean(
        value=math.fsum(values.values()) / len(values),
        per_query=values,
        unanswered=sum(not ranking for ranking in rankings.values()),
        without_relevant=sum(max(grades.values(), default=0) < 1 for grades in qrels.values()),
    )


def _ranking(entry: Ranking | Mapping[str, float]) -> list[str]:
    return rank_by_score(entry) if isinstance(entry, Mapping) else list(dict.fromkeys(entry))
