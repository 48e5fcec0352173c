"""Relevance of passages: by document id, or by overlap with gold spans.

`documents`: the judged unit is the document; its best passage gives its rank, later passages of it
are dropped. `spans`: the judged unit is a piece of evidence; a passage that overlaps any span of
the piece, by at least a character, finds it. A passage that finds several takes one rank for each;
a passage that finds nothing new keeps its rank as not judged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.datasets.schema import Dataset, Gold, JudgedQuestion, SourceDocument
from evaluation.results.records import RankedItem, SpanAt
from rag.errors import DatasetError
from rag.schema import Passage

SCORE_DIGITS = 6


@dataclass(frozen=True)
class Judgement:
    """The relevant items of a question, in terms of the collection.

    Attributes:
        grades: Judged item -> grade; empty if nothing is judged.
        pieces: For spans: item -> spans of its evidence; an empty tuple if it is not in the
            collection.
        by_document: Whether items are documents.
    """

    grades: Mapping[str, int]
    pieces: Mapping[str, tuple[SpanAt, ...]]
    by_document: bool

    @property
    def spans(self) -> tuple[SpanAt, ...]:
        """Spans of all evidence."""
        return tuple(dict.fromkeys(span for spans in self.pieces.values() for span in spans))

    def finds(self, document_id: str, start: int, end: int) -> list[str]:
        """Return the relevant items that overlap a span of a document."""
        if self.by_document:
            return [document_id] if self.grades.get(document_id, 0) > 0 else []
        return [
            item
            for item, spans in self.pieces.items()
            if any(
                span.document_id == document_id and span.start < end and start < span.end
                for span in spans
            )
        ]


def piece_id(piece: Sequence[Gold]) -> str:
    """Return the name of a piece of evidence: its first span in the data set's documents.

    Example:
        >>> piece_id([Gold("a", 5, 9), Gold("a", 20, 24)])
        'a@5-9'
    """
    first = piece[0]
    return f"{first.document_id}@{first.start}-{first.end}"


def judge(question: JudgedQuestion, dataset: Dataset, places: "Places") -> Judgement:
    """Return the relevant items of a question."""
    if dataset.matching == "documents":
        return Judgement(dict(question.grades), {}, by_document=True)
    pieces = {
        piece_id(piece): tuple(
            dict.fromkeys(span for gold in piece for span in places.locate(gold))
        )
        for piece in question.evidence
    }
    return Judgement(dict.fromkeys(pieces, 1), pieces, by_document=False)


def rank_items(passages: Sequence[Passage], judgement: Judgement) -> list[RankedItem]:
    """Return the ranking of judged units for a ranking of passages.

    Args:
        passages: Passages, best first.
        judgement: The relevant items.

    Returns:
        Items, best first, without duplicates.
    """
    found: dict[str, RankedItem] = {}
    for passage in passages:
        if judgement.by_document:
            items = [passage.document_id]
        else:
            new = judgement.finds(passage.document_id, passage.start, passage.end)
            items = [item for item in new if item not in found] or [passage.passage_id]
        for item in items:
            score = round(passage.score, SCORE_DIGITS)
            grade = judgement.grades.get(item)
            found.setdefault(
                item, RankedItem(item, passage.passage_id, score, grade, passage.relevance)
            )
    return list(found.values())


class Places:
    """Locator of gold spans in a collection.

    Args:
        dataset: The data set of the spans.
        texts: Document id in the collection -> (source, text), or None if the data set's own
            documents were indexed verbatim: spans then keep their offsets.
    """

    def __init__(self, dataset: Dataset, texts: Mapping[str, tuple[str, str]] | None) -> None:
        self._texts = texts
        self._documents = {each.document_id: each for each in dataset.documents}
        self._squeezed: dict[str, tuple[str, list[int]]] = {}

    def locate(self, gold: Gold) -> tuple[SpanAt, ...]:
        """Return the places of a gold span in the collection; empty if it cannot be found."""
        if self._texts is None:
            return (SpanAt(gold.document_id, gold.start, gold.end),)
        document = self._documents[gold.document_id]
        candidates = self._candidates(document)
        for candidate in candidates:
            found = self._in_context(candidate, document, gold)
            if found:
                return (found,)
        return self._alone(candidates, document, gold)

    def _candidates(self, document: SourceDocument) -> list[str]:
        """Return the collection's documents of a source; records of a file are `file#1`, ..."""
        if self._texts is None:
            return []
        named = document.title or document.document_id
        named_ids = [
            each
            for each, (source, _) in self._texts.items()
            if f"/{source.partition('#')[0]}".endswith(f"/{named.partition('#')[0]}")
        ]
        return named_ids or list(self._texts)

    def _in_context(self, candidate: str, document: SourceDocument, gold: Gold) -> SpanAt | None:
        """Return the span within the gold context, ignoring white space; None if not found."""
        text, places = self._squeeze(candidate)
        context = "".join(document.text.split())
        at = text.find(context) if context else -1
        if at < 0:
            return None
        before = len("".join(document.text[: gold.start].split()))
        size = len("".join(document.text[gold.start : gold.end].split()))
        first, last = at + before, at + before + max(size, 1) - 1
        return SpanAt(candidate, places[first], places[last] + 1)

    def _alone(
        self, candidates: Sequence[str], document: SourceDocument, gold: Gold
    ) -> tuple[SpanAt, ...]:
        """Return the answer's places in the document that shares most words with the context."""
        wanted = "".join(document.text[gold.start : gold.end].split())
        words = set(document.text.split())
        best: tuple[int, SpanAt] | None = None
        for candidate in candidates:
            text, places = self._squeeze(candidate)
            at = text.find(wanted) if wanted else -1
            if at < 0 or self._texts is None:
                continue
            shared = len(words & set(self._texts[candidate][1].split()))
            if 2 * shared >= len(words) and (best is None or shared > best[0]):
                span = SpanAt(candidate, places[at], places[at + len(wanted) - 1] + 1)
                best = shared, span
        return (best[1],) if best else ()

    def _squeeze(self, document_id: str) -> tuple[str, list[int]]:
        """Return a document's text without white space, and the offset of each character."""
        if document_id not in self._squeezed and self._texts is not None:
            text = self._texts[document_id][1]
            places = [place for place, char in enumerate(text) if not char.isspace()]
            self._squeezed[document_id] = "".join(text[place] for place in places), places
        return self._squeezed[document_id]


def check_documents(dataset: Dataset, known: set[str], name: str) -> None:
    """Check that a collection has any of the judged documents.

    Raises:
        DatasetError: If it has none; says what to do.
    """
    judged = {each for question in dataset.questions for each in question.grades}
    if judged and not judged & known:
        raise DatasetError(
            f"the collection `{name}` has none of the {len(judged):,} judged documents of "
            f"`{dataset.name}` (judged by id). Leave out --collection to index the set's own."
        )
