"""Metrics of retrieval, answers, citations and abstention, and significance tests.

Pure functions over plain values, importing neither haystack nor torch: rankings and judgements in
`retrieval` and `averaging`, SQuAD in `answers`, CMRC 2018 and MLQA in `multilingual`, ALCE and
span overlap in `citations`, selective answering in `abstention`, tests in `significance` with
`intervals` and `corrections`.
Values are from 0 to 1, never percentages; each follows trec_eval, the data set's official script or
a paper, named under Reference. Only the most used names are re-exported here.
"""

from evaluation.metrics.answers import evaluate_predictions, exact_match, f1
from evaluation.metrics.averaging import mean_over_queries
from evaluation.metrics.retrieval import (
    average_precision,
    ndcg,
    recall_at_k,
    reciprocal_rank,
    success_at_k,
)

__all__ = [
    "average_precision",
    "evaluate_predictions",
    "exact_match",
    "f1",
    "mean_over_queries",
    "ndcg",
    "recall_at_k",
    "reciprocal_rank",
    "success_at_k",
]
