"""Evaluation conventions, printed in every report, and the choice of main metrics."""

from collections.abc import Mapping

SIGNIFICANCE_LEVEL = 0.05  # two-sided
BY_DOCUMENT = ("nDCG@10", "recall@10", "RR", "AP")
BY_SPAN = ("recall@1", "recall@5", "recall@10", "RR")
OF_ANSWERS = ("gold in answer", "F1", "EM", "citation recall", "citation precision")

CONVENTIONS: Mapping[str, str] = {
    "ties": "none: rankings are lists, and the scores in the .trec files come from ranks",
    "missing queries": "a question without a result counts as 0",
    "queries without relevant documents": "count as 0, and are counted apart; questions without "
    "any judgement are in no retrieval metric",
    "duplicates": "the first rank of a document or piece of evidence counts",
    "non-finite scores": "an error",
    "precision": "k stays the denominator",
    "AP": "divided by all relevant items, over the whole ranking retrieved",
    "nDCG": "linear gain; the ideal ranking holds all judged items",
    "recall and success": "recall@k is the share of the relevant items found, success@k whether "
    "any was (called recall or hit rate elsewhere)",
    "EM and F1": "SQuAD 2.0's script; CMRC 2018's for questions in Chinese, with F1 mlqa beside",
    "gold in answer": "a gold answer's normalised words stand in the answer, one after the other",
    "right": "gold in answer, for the answer that would be given without abstaining; never for an "
    "unanswerable question",
    "no-answer threshold": "chosen for the best F1 on half of the documents (by a hash of document "
    "and seed), reported on the other half; of equal ones the highest, as SQuAD 2.0's script; what "
    "a generator declined itself stays declined",
    "citation precision": "over answered questions; recall over all that are judged",
    "intervals": "95 %: Wilson for values 0 and 1, else percentile bootstrap of 10,000 (1,000 in "
    "slices); over documents where questions share them",
    "tests": "two-sided paired t test (of document means where shared) decides; sign-flip "
    "randomisation and McNemar beside it; Holm over the table",
    "errors": "a question that ended in an error counts as 0 and is listed",
}
