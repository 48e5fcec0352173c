"""Unanswerable questions, made from answerable ones.

There are two kinds. In one, a name is replaced with one that occurs in another document and nowhere
in this one. In the other, the evidence is removed: the question has a filter that excludes its
document, and neither the answer nor its sentence occurs in any other document. A fact that another
document states in other words, and with another form of the answer, goes unnoticed.
"""

import random
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.question_making.candidates import Block, Candidate, in_turns
from evaluation.question_making.cloze import names_in
from rag.language.analysis import language_of

OTHER_NAME = "name from another document"
REMOVED = "evidence removed"


@dataclass(frozen=True)
class Unanswerable:
    """A question without an answer.

    Attributes:
        made_from: The answerable question.
        block: A paragraph that does not answer it, used as its context.
        question: Text of the question.
        kind: `OTHER_NAME` or `REMOVED`.
        filters: Filter of the search, or None.
    """

    made_from: Candidate
    block: Block
    question: str
    kind: str
    filters: Mapping[str, Any] | None = None


def with_names_swapped(
    order: Sequence[Candidate], texts: Mapping[str, str], random_: random.Random, most: int
) -> list[Unanswerable]:
    """Return at most `most` questions about a name from another document.

    Args:
        order: Questions; the last are used first, as they are needed least.
        texts: Document id -> text.
        random_: Random generator that chooses the names.
        most: Maximum number of questions.
    """
    pool = sorted({name for each in order for name in names_in(each.sentence)})
    found: list[Unanswerable] = []
    for each in reversed(order):
        if len(found) == most:
            break
        if each.kind == "definition":  # the other document may define its own name
            continue
        own = names_in(each.question)
        text = texts[each.block.document_id]
        language = language_of(each.sentence)
        others = [name for name in pool if name not in text and language_of(name) == language]
        if own and others:
            question = each.question.replace(own[0], random_.choice(others))
            found.append(Unanswerable(each, each.block, question, OTHER_NAME))
    return found


def with_evidence_removed(
    order: Sequence[Candidate], texts: Mapping[str, str], random_: random.Random, most: int
) -> list[Unanswerable]:
    """Return at most `most` questions that are asked without the document that answers them.

    The context of each is a paragraph of another document, in its language if there is one: its
    own paragraph would answer it when a reader is evaluated alone.

    Args:
        order: Questions; the last are used first, as they are needed least, one of each document
            in turn.
        texts: Document id -> text.
        random_: Random generator that chooses the paragraphs.
        most: Maximum number of questions.
    """
    packed = {document_id: _packed(text) for document_id, text in texts.items()}
    blocks = list(dict.fromkeys(each.block for each in order))
    found: list[Unanswerable] = []
    for each in in_turns((each.block.document_id, each) for each in reversed(order)):
        if len(found) == most:
            break
        if each.kind == "definition" or not _stands_alone(each, packed):  # definitions vary
            continue
        others = [block for block in blocks if block.source != each.block.source]
        language = language_of(each.sentence)
        hosts = [block for block in others if language_of(block.context) == language] or others
        if hosts:
            host = random_.choice(hosts)
            filters = without_document(each.block.source)
            found.append(Unanswerable(each, host, each.question, REMOVED, filters))
    return found


def without_document(source: str) -> dict[str, Any]:
    """Return the filter that excludes a document, in any collection.

    The source identifies it in the collection, also in one that was rebuilt elsewhere, where ids
    differ; in the set's own documents (no `--collection`) the source is a paragraph's title.
    """
    fields = ("meta.source", "meta.title")
    return {
        "operator": "AND",
        "conditions": [{"field": name, "operator": "!=", "value": source} for name in fields],
    }


def _stands_alone(candidate: Candidate, packed: Mapping[str, str]) -> bool:
    """Return whether the answer, and thus its sentence, occurs in no other document."""
    answer = _packed(candidate.answer)
    own = candidate.block.document_id
    return not any(answer in text for name, text in packed.items() if name != own)


def _packed(text: str) -> str:
    """Return a text normalised for comparison: without white space, case and letter width."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
