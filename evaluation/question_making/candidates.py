"""Paragraphs of documents, and the candidate questions made from them.

A paragraph is the text between empty lines; it becomes the `context` of SQuAD's format, the base
of answer offsets.
"""

import random
import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from evaluation.question_making.cloze import questions_from
from rag.language.sentences import sentence_spans

LARGEST_BLOCK = 4_000  # characters of a paragraph; a longer one is hardly prose

_BLOCK = re.compile(r"\S(?:.|\n(?!\s*\n))*")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Block:
    """A paragraph of a document.

    Attributes:
        document_id: Id of the document.
        source: Source of the document.
        title: Title of the document, or an empty string.
        context: Text of the paragraph, verbatim.
    """

    document_id: str
    source: str
    title: str
    context: str


@dataclass(frozen=True)
class Candidate:
    """A question that a paragraph answers.

    Attributes:
        block: The paragraph.
        sentence: Sentence it was made from, or the whole paragraph if a model wrote it.
        question: Text of the question.
        start: Offset of the answer in the paragraph.
        end: Offset after the answer.
        kind: As in `evaluation.question_making.cloze`, or `written`.
        origin: Rules or a language model.
    """

    block: Block
    sentence: str
    question: str
    start: int
    end: int
    kind: str
    origin: Literal["rule", "model"] = "rule"

    @property
    def answer(self) -> str:
        """Text of the answer."""
        return self.block.context[self.start : self.end]


def blocks_of(document_id: str, source: str, title: str, text: str) -> Iterator[Block]:
    """Yield the paragraphs of a document that may be prose."""
    for block in _BLOCK.finditer(text):
        context = block[0].rstrip()
        if len(context) <= LARGEST_BLOCK:
            yield Block(document_id, source, title, context)


def candidates_in(block: Block) -> Iterator[Candidate]:
    """Yield the questions of a paragraph, each made from a single sentence."""
    context = block.context
    for start, end in sentence_spans(context):
        sentence = context[start:end]
        for made in questions_from(sentence):
            answer = sentence[made.start : made.end]
            if answer.strip() == answer and context.count(sentence) == 1:
                at = start + made.start, start + made.end
                yield Candidate(block, sentence, made.question, *at, made.kind)


def distinct(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates without those whose question is repeated."""
    first: dict[str, Candidate] = {}
    for each in candidates:
        first.setdefault(each.question.casefold(), each)
    return list(first.values())


def spread(blocks: Sequence[Block], draw: random.Random) -> list[Candidate]:
    """Return the rule-made questions, spread over documents and kinds, without duplicates."""
    found = [each for block in blocks for each in candidates_in(block)]
    draw.shuffle(found)
    return in_turns(((each.block.document_id, each.kind), each) for each in distinct(found))


def in_turns(items: Iterable[tuple[Hashable, Item]]) -> list[Item]:
    """Return items in round-robin order over their keys, keys in order of first appearance.

    Example:
        >>> in_turns([("a", 1), ("a", 2), ("b", 3)])
        [1, 3, 2]
    """
    queues: dict[Hashable, list[Item]] = {}
    for key, item in items:
        queues.setdefault(key, []).append(item)
    turns = max(map(len, queues.values()), default=0)
    return [queue[turn] for turn in range(turns) for queue in queues.values() if turn < len(queue)]
