"""Conversion of Haystack documents to the passages that `rag` returns."""

from collections.abc import Mapping, Sequence

from haystack import Document

from rag.retrieval.copies import identity_of
from rag.schema import Passage, Place, StageScore
from rag.view import EDITS, PLACES, load_edits


def stage_scores(
    rankings: Mapping[str, Sequence[Document]],
) -> dict[str, dict[str, StageScore]]:
    """Return identity of a passage and its copies -> stage -> rank and score.

    Args:
        rankings: Stage -> its passages, best first.
    """
    found: dict[str, dict[str, StageScore]] = {}
    for name, documents in rankings.items():
        for rank, document in enumerate(documents, start=1):
            found.setdefault(identity_of(document), {})[name] = StageScore(
                rank, document.score or 0.0
            )
    return found


def as_passage(
    rank: int,
    document: Document,
    stages: Mapping[str, StageScore] | None = None,
    *,
    copies: int = 0,
    relevance: float | None = None,
    collection: str = "",
) -> Passage:
    """Return a document of a store as a passage.

    Args:
        rank: Position in the result, from 1.
        document: Document as the store returned it.
        stages: Rank and score in each stage; none if it was not retrieved by a search.
        copies: Number of other passages that read the same.
        relevance: Probability that it bears on the question, if known.
        collection: Name of its collection.
    """
    meta, content = document.meta, document.content or ""
    start = int(meta.get("start", 0))
    return Passage(
        rank=rank,
        passage_id=document.id,
        document_id=str(meta.get("document_id", document.id)),
        source=str(meta.get("source", document.id)),
        title=str(meta.get("title") or ""),
        heading=meta.get("heading"),
        page=meta.get("page"),
        start=start,
        end=int(meta.get("end", len(content))),
        text=content,
        score=document.score or 0.0,
        copies=copies,
        relevance=relevance,
        collection=collection,
        stages=stages or {},
        edits=load_edits(meta.get(EDITS)),
        places=tuple(
            Place(start + offset, page, heading) for offset, page, heading in meta.get(PLACES) or ()
        ),
    )
