"""The metrics of one question: those that apply to it, and their values."""

from collections.abc import Callable, Sequence

from evaluation.datasets.schema import JudgedQuestion
from evaluation.metrics.answers import exact_match, f1, normalize_squad
from evaluation.metrics.citations import Span, remove_citations, span_scores, supported_sentences
from evaluation.metrics.multilingual import cmrc_exact_match, cmrc_f1, mlqa_f1, segment_cmrc
from evaluation.metrics.retrieval import (
    average_precision,
    judged_at_k,
    ndcg,
    r_precision,
    recall_at_k,
    reciprocal_rank,
    success_at_k,
)
from evaluation.results.records import CitationMade, RankedItem
from evaluation.run.relevance import Judgement
from rag.language.analysis import language_of
from rag.schema import Answer, Citation

CUTOFFS = (1, 3, 5, 10)
CURVE = tuple(range(1, 11))

RETRIEVAL: dict[str, Callable[[Sequence[str], dict[str, int]], float]] = {
    "nDCG@10": lambda ranking, grades: ndcg(ranking, grades, 10),
    "RR": reciprocal_rank,
    "AP": average_precision,
    "Rprec": r_precision,
    "judged@10": lambda ranking, grades: judged_at_k(ranking, grades, 10),
}


def retrieval_metrics(ranking: Sequence[RankedItem], judgement: Judgement) -> dict[str, float]:
    """Return all retrieval metrics of a question; nothing for one without judgements."""
    grades = dict(judgement.grades)
    if not grades:
        return {}
    items = [each.item for each in ranking]
    found = {name: metric(items, grades) for name, metric in RETRIEVAL.items()}
    for k in CUTOFFS:
        found[f"recall@{k}"] = recall_at_k(items, grades, k)
        found[f"success@{k}"] = success_at_k(items, grades, k)
    return found


def answer_metrics(
    question: JudgedQuestion, answer: str, *, abstained: bool, short: str | None = None
) -> dict[str, float]:
    """Return the metrics of an answer's text; abstaining on an unanswerable question is right.

    Args:
        question: The question with its gold answers.
        answer: Text of the answer, whose markers are removed; empty if it abstained.
        abstained: Whether the system abstained.
        short: The answer's exact words, if a reader found them: EM and F1 are theirs then.
    """
    text, golds = short or remove_citations(answer), question.answers
    found = {"abstained right": float(abstained == (not question.is_answerable))}
    if not question.is_answerable:
        return found | {"EM": float(abstained), "F1": float(abstained)}
    if not golds:
        return found
    if language_of(question.question) == "zh":
        found |= {"EM": cmrc_exact_match(text, golds), "F1": cmrc_f1(text, golds)}
        found["F1 mlqa"] = mlqa_f1(text, golds, "zh")
    else:
        found |= {"EM": exact_match(text, golds), "F1": f1(text, golds)}
    found["gold in answer"] = float(holds_gold(answer, question))
    return found


def holds_gold(answer: str, question: JudgedQuestion) -> bool:
    """Return whether an answer contains the words of a gold answer, in sequence.

    Words are tokenised as for the scores of the question's language: 42 is not found in 1428.

    Example:
        >>> asked = JudgedQuestion("q", "How many?", answers=("42",))
        >>> holds_gold("There are 42 of them.", asked), holds_gold("There are 1428.", asked)
        (True, False)
    """
    split = _split_chinese if language_of(question.question) == "zh" else _split_squad
    words = split(remove_citations(answer))
    golds = (split(gold) for gold in question.answers)
    return any(
        gold == words[place : place + len(gold)]
        for gold in golds
        if gold
        for place in range(len(words) - len(gold) + 1)
    )


def made_citations(citations: Sequence[Citation], judgement: Judgement) -> tuple[CitationMade, ...]:
    """Return citations, each with whether it overlaps gold evidence."""
    known = bool(judgement.grades)
    return tuple(
        CitationMade(
            n=each.n,
            document_id=each.document_id,
            source=each.source,
            start=each.start,
            end=each.end,
            quote=each.quote,
            right=bool(judgement.finds(each.document_id, each.start, each.end)) if known else None,
        )
        for each in citations
    )


def support_metrics(asked: Answer, *, abstained: bool) -> dict[str, float]:
    """Return the share of supported sentences of a written answer; nothing for a quoted one."""
    is_written = any(stage.name == "cite" for stage in asked.trace.stages)
    if abstained or not is_written:
        return {}
    return {"supported sentences": supported_sentences(asked.answer)}


def citation_metrics(
    citations: Sequence[CitationMade], judgement: Judgement, *, abstained: bool
) -> dict[str, float]:
    """Return the overlap of cited spans with gold evidence; nothing without judgements.

    Recall is 0 for a declined question; precision applies only to answered ones. Character
    metrics apply where spans are judged.
    """
    relevant = [item for item, grade in judgement.grades.items() if grade > 0]
    if not relevant:
        return {}
    touched = {
        item
        for each in citations
        for item in judgement.finds(each.document_id, each.start, each.end)
    }
    found = {"citation recall": len(touched) / len(relevant)}
    if not abstained:
        right = sum(bool(each.right) for each in citations)
        found["citation precision"] = right / len(citations) if citations else 0.0
    if not judgement.by_document:
        cited = [Span(each.document_id, each.start, each.end) for each in citations]
        gold = [Span(each.document_id, each.start, each.end) for each in judgement.spans]
        scores = span_scores(cited, gold)
        found["citation characters recall"] = scores.character_recall
        if not abstained:
            found["citation characters precision"] = scores.character_precision
    return found


def failed_metrics(
    question: JudgedQuestion, judgement: Judgement, *, asked: bool
) -> dict[str, float]:
    """Return 0 for every metric that applies to a question with an error."""
    names = list(retrieval_metrics([], judgement))
    if asked:
        names += answer_metrics(question, "", abstained=False)
        names += citation_metrics([], judgement, abstained=False)
    return dict.fromkeys(names, 0.0)


def _split_squad(text: str) -> list[str]:
    return normalize_squad(text).split()


def _split_chinese(text: str) -> list[str]:
    return [token for token in segment_cmrc(text.lower()) if token.strip()]
