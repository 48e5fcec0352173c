"""An overview of a collection, for a question about it: the first lines of its documents."""

from itertools import islice
from typing import Final

from rag.answers.citations import CitedText
from rag.answers.composition import block_text
from rag.language.markup import without_markup
from rag.language.question_types import is_chinese
from rag.reading.evidence import on_one_line
from rag.retrieval.passages import as_passage
from rag.schema import AnswerBlock, AnswerLine, Passage
from rag.stores.contract import Store
from rag.view import Span

MOST_NAMED: Final = 12  # documents that are named
LONGEST_FIRST_LINE: Final = 120  # characters of a document's first line


def overview(question: str, store: Store) -> tuple[CitedText, tuple[Passage, ...]]:
    """Return how many documents a collection holds and the first line of each, cited; and where.

    Of many documents the first are named, and the number of the others.

    Args:
        question: The question; its language is that of the sentence before the list.
        store: The collection.

    Raises:
        StoreError: If it cannot be read now.
    """
    documents = iter(store.documents())
    named = list(islice(documents, MOST_NAMED))
    others = sum(1 for _ in documents)
    ids = [f"{each.document_id}:0" for each in named]
    found = store.passages_by_id(ids, store.generation)
    cited, passages = CitedText(sentences=len(found)), []
    lines = [AnswerLine(_count(question, len(named) + others), None)]
    for rank, document in enumerate(found, start=1):
        passage = as_passage(rank, document, collection=store.name)
        passages.append(passage)
        start, end = _first_line(passage)
        words = without_markup(on_one_line(passage.text[start:end]).lstrip("# "))
        shown = f"- {passage.source}: {words}"
        lines.append(AnswerLine(shown, cited.cite(passage, start, end, None, words)))
    if others:
        lines.append(AnswerLine(_more(question, others), None))
    cited.blocks.append(AnswerBlock("list", tuple(lines), 1))
    cited.text = "\n".join(map(block_text, cited.blocks))
    return cited, tuple(passages)


def _first_line(passage: Passage) -> Span:
    """Return the span of the first line with words, or its beginning."""
    start = 0
    for line in passage.text.split("\n"):
        if any(map(str.isalnum, line)):
            first = start + len(line) - len(line.lstrip())
            return first, min(start + len(line.rstrip()), first + LONGEST_FIRST_LINE)
        start += len(line) + 1
    return 0, min(len(passage.text), LONGEST_FIRST_LINE)


def _count(question: str, number: int) -> str:
    if is_chinese(question):
        return f"这里共有 {number} 篇文档："
    return f"There {'is 1 document' if number == 1 else f'are {number} documents'} here:"


def _more(question: str, number: int) -> str:
    return f"- 另有 {number} 篇" if is_chinese(question) else f"- and {number} more"
