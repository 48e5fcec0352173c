"""A data set of any form with answers, written in SQuAD 2.0's form.

A document becomes a paragraph below its title, a review of SubjQA one with its `review_id` below
its item. `load_squad` reads the result back as the same set: filters, documents that no question
is about, and the mark of a synthetic set are kept, which readers of plain SQuAD ignore.
"""

from collections.abc import Mapping
from typing import Any

from evaluation.datasets.schema import Dataset, JudgedQuestion, SourceDocument
from rag.errors import DatasetError

SHOWN = 80  # characters of a text in an error

Rows = dict[str, list[dict[str, Any]]]  # document -> its questions


def squad_json(dataset: Dataset) -> dict[str, Any]:
    """Return a set in SQuAD 2.0's form.

    Args:
        dataset: A set with gold answers that stand in its documents' texts.

    Raises:
        DatasetError: If the set has no answers or no texts, or if a question has no place in
            SQuAD's form: several pieces of evidence, evidence in several documents, or an answer
            that does not stand in its evidence. Names the question.
    """
    texts = {each.document_id: each for each in dataset.documents}
    if not dataset.has_answers or not texts:
        raise DatasetError(f"`{dataset.path}` holds no gold answers that stand in its documents.")
    if dataset.folder is not None or dataset.quoted:
        raise DatasetError(
            f"`{dataset.path}` does not hold its documents' texts, which SQuAD's form needs. Put "
            "them into a `corpus.jsonl` in the same folder."
        )
    rows: Rows = {document_id: [] for document_id in texts}
    for question in dataset.questions:
        try:
            document, answers = _place(question, texts)
        except ValueError as error:
            raise DatasetError(
                f"`{dataset.path}`: the question `{question.question_id}` has no place in SQuAD's "
                f"form: {error}."
            ) from None
        row = {"id": question.question_id, "question": question.question, "answers": answers}
        filters = _own_filters(question.filters, _item_filter(document))
        own = {} if filters is None else {"filters": filters}
        rows[document.document_id].append(row | {"is_impossible": not answers} | own)
    mark = {"synthetic": True} if dataset.synthetic else {}
    return {"version": "v2.0", **mark, "data": _articles(texts, rows)}


def _place(
    question: JudgedQuestion, texts: Mapping[str, SourceDocument]
) -> tuple[SourceDocument, list[dict[str, Any]]]:
    """Return the document of a question and its answers with their offsets.

    Raises:
        ValueError: If there is none; says why.
    """
    if not question.answers and not question.hops:
        return _home(question, texts), []
    if not question.answers or not question.evidence:
        raise ValueError("its answer or the answer's place is not known")
    spans = question.evidence[0]
    if len(question.evidence) > 1 or len({gold.document_id for gold in spans}) > 1:
        raise ValueError("its evidence is in several places that SQuAD cannot join")
    document = texts[spans[0].document_id]
    answers = []
    for gold in spans:
        evidence = document.text[gold.start : gold.end]
        inside = (evidence,) if evidence in question.answers else question.answers
        answers += [
            {"text": answer, "answer_start": gold.start + evidence.index(answer)}
            for answer in inside
            if answer in evidence
        ]
    lost = set(question.answers) - {each["text"] for each in answers}
    if lost:
        raise ValueError(f"the answer `{min(lost)[:SHOWN]}` does not stand in its evidence")
    return document, answers


def _home(question: JudgedQuestion, texts: Mapping[str, SourceDocument]) -> SourceDocument:
    """Return the document of an unanswerable question, or the first if it is not known."""
    known = (each for each in (question.home, question.cluster) if each in texts)
    return texts[next(known, next(iter(texts)))]


def _articles(texts: Mapping[str, SourceDocument], rows: Rows) -> list[dict[str, Any]]:
    articles: dict[str, list[dict[str, Any]]] = {}
    for document_id, document in texts.items():
        item = document.meta.get("item")
        review = {} if item is None else {"review_id": document_id}
        paragraph = {**review, "context": document.text, "qas": rows[document_id]}
        articles.setdefault(document.title if item is None else item, []).append(paragraph)
    return [{"title": title, "paragraphs": each} for title, each in articles.items()]


def _item_filter(document: SourceDocument) -> dict[str, Any] | None:
    """Return the filter that `load_squad` gives the questions about a review."""
    item = document.meta.get("item")
    return None if item is None else {"field": "meta.item", "operator": "==", "value": item}


def _own_filters(
    filters: Mapping[str, Any] | None, item: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Return a question's filters without that of its item."""
    if filters is None or item is None or filters == item:
        return None if filters == item else filters
    conditions = filters.get("conditions", ())
    if filters.get("operator") == "AND" and len(conditions) == 2 and conditions[0] == item:
        own: Mapping[str, Any] = conditions[1]
        return own
    return filters
