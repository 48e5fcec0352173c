"""A question set from one's own documents, when nobody has written one.

Answerable questions come from single sentences (`cloze`), spread over documents and kinds. For the
unanswerable ones a name in a question is put in place of another that stands in another document
and nowhere in this one, so that nothing in the collection answers it. The set is marked synthetic:
its questions share the documents' words, so retrieval looks better on it than on what people ask.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from evaluation.cloze import Made, names_in, questions_from
from rag.errors import DatasetError
from rag.sentences import sentence_spans
from rag.stores.base import DocumentInfo
from rag.text import language_of

UNANSWERABLE_SHARE = 0.25
LARGEST_BLOCK = 4_000  # characters of a paragraph; a longer one is hardly prose


class Texts(Protocol):
    """What is needed of a store."""

    def documents(self) -> Iterator[DocumentInfo]:
        """Yield every document."""

    def text_of(self, document_id: str) -> str:
        """Return the stored text of a document."""


@dataclass(frozen=True)
class QuestionSet:
    """A made set: SQuAD 2.0's JSON, and how many questions of either sort are in it."""

    content: dict[str, Any]
    answerable: int
    unanswerable: int


@dataclass(frozen=True)
class _Candidate:
    """A question with its place: `start` counts in the paragraph `context`."""

    source: str
    document_id: str
    context: str
    sentence: str
    made: Made
    start: int


def make_questions(store: Texts, n: int, *, seed: int = 0) -> QuestionSet:
    """Return a set of at most `n` questions about a collection.

    Args:
        store: The collection.
        n: Number of questions, a quarter of them unanswerable as far as the names allow.
        seed: Of the choice.

    Raises:
        DatasetError: If no sentence of the collection gives a question.
    """
    random_ = random.Random(seed)  # noqa: S311 - a sample, no secret
    texts = {info.document_id: (info.source, store.text_of(info.document_id))
             for info in store.documents()}  # fmt: skip
    found = [each for name, (source, text) in texts.items() for each in _found(name, source, text)]
    if not found:
        raise DatasetError(
            "the collection has no sentence with a number, a date, a name or a definition in "
            "English or Chinese, so no question can be made from it. Index other documents."
        )
    random_.shuffle(found)
    order = _spread(found)
    astray = _astray(order, texts, random_, round(n * UNANSWERABLE_SHARE))
    kept = order[: n - len(astray)]
    return QuestionSet(_squad(kept, astray), len(kept), len(astray))


def _found(document_id: str, source: str, text: str) -> Iterator[_Candidate]:
    """Yield the questions of a document, each sentence of a paragraph asked by itself."""
    for block in re.finditer(r"\S(?:.|\n(?!\s*\n))*", text):
        context = block[0].rstrip()
        if len(context) > LARGEST_BLOCK:
            continue
        for start, end in sentence_spans(context):
            sentence = context[start:end]
            for made in questions_from(sentence):
                answer = sentence[made.start : made.end]
                if answer.strip() == answer and context.count(sentence) == 1:
                    place = start + made.start
                    yield _Candidate(source, document_id, context, sentence, made, place)


def _spread(found: Sequence[_Candidate]) -> list[_Candidate]:
    """Candidates in turns: one of each document and kind, then the next; no question twice."""
    queues: dict[tuple[str, str], list[_Candidate]] = {}
    seen: set[str] = set()
    for each in found:
        if each.made.question not in seen:
            seen.add(each.made.question)
            queues.setdefault((each.document_id, each.made.kind), []).append(each)
    turns = max(len(queue) for queue in queues.values())
    return [queue[turn] for turn in range(turns) for queue in queues.values() if turn < len(queue)]


def _astray(
    order: Sequence[_Candidate],
    texts: dict[str, tuple[str, str]],
    random_: random.Random,
    most: int,
) -> list[tuple[_Candidate, str]]:
    """Questions about a name from another document, with the paragraph they were made from."""
    names = {name: each.document_id for each in order for name in names_in(each.sentence)}
    pool = sorted(names)
    found: list[tuple[_Candidate, str]] = []
    for each in reversed(order):  # from the end: what is least needed as an answerable question
        if len(found) == most:
            break
        if each.made.kind == "definition":  # what the other name is, its own document may say
            continue
        own = names_in(each.made.question)
        text = texts[each.document_id][1]
        others = [
            name
            for name in pool
            if name not in text and language_of(name) == language_of(each.sentence)
        ]
        if own and others:
            question = each.made.question.replace(own[0], random_.choice(others))
            found.append((each, question))
    return found


def _squad(kept: Sequence[_Candidate], astray: Sequence[tuple[_Candidate, str]]) -> dict[str, Any]:
    rows: list[tuple[_Candidate, str, list[dict[str, Any]]]] = []
    for each in kept:
        answer = each.context[each.start : each.start + each.made.end - each.made.start]
        rows.append((each, each.made.question, [{"text": answer, "answer_start": each.start}]))
    rows += [(each, question, []) for each, question in astray]
    articles: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for number, (each, question, answers) in enumerate(rows, start=1):
        qas = articles.setdefault(each.source, {}).setdefault(each.context, [])
        qas.append(
            {
                "id": f"synthetic-{number:04d}",
                "question": question,
                "is_impossible": not answers,
                "answers": answers,
                "kind": each.made.kind if answers else "name from another document",
            }
        )
    data = [
        {
            "title": source,
            "paragraphs": [{"context": context, "qas": qas} for context, qas in contexts.items()],
        }
        for source, contexts in articles.items()
    ]
    return {"version": "v2.0", "synthetic": True, "data": data}
