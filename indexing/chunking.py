"""Cutting of documents into passages, measured with the embedder's own tokenizer.

Passages are whole sentences of one document's view, in order, never longer than the embedder reads,
with offsets into the document's text. A new section starts a new passage, unless the one before is
very short; neighbours in a section share their last sentences, up to the overlap. One that begins
with an item of a list shows in its view the sentence that introduces the list.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from haystack import Document

from indexing.converters import ConvertedDocument
from indexing.places import DocumentPlaces
from indexing.views import list_introductions, make_view
from rag.config import ChunkingConfig
from rag.language.sentences import sentence_spans
from rag.stores.fields import placed
from rag.view import EDITS, PLACES, View, view_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CONTEXT_TOKENS = 40  # maximum tokens of title and heading path before the embedded text
SHORTEST_SHARE = 0.25  # of the length; a shorter passage continues into the next section
CHARACTERS_A_TOKEN = 12  # at most; a tokenizer may take an endless word for one token


@dataclass(frozen=True)
class _SentencePart:
    """A sentence or a part of one: its span in the view, its tokens, whether it opens a section.

    Attributes:
        introduction: What introduces it, if it begins an item of a list.
        whole: Its tokens with those of the introduction.
    """

    start: int
    end: int
    size: int
    opens: bool
    introduction: str = ""
    whole: int = 0


def cut(
    document: ConvertedDocument,
    document_id: str,
    source: str,
    *,
    tokenizer: "Tokenizer",
    limit: int,
    config: ChunkingConfig,
) -> list[Document]:
    """Return the passages of a document.

    Args:
        document: The converted document, with its text, sections and pages.
        document_id: Id of the document; passages are `document_id:number`, numbered from 0.
        source: Origin of the document, as shown to people.
        tokenizer: The embedder's tokenizer.
        limit: Maximum number of tokens that the embedder reads.
        config: Length and overlap, in tokens.

    Returns:
        Haystack Documents in order, whose content is exactly the text from `meta["start"]` to
        `meta["end"]`, with its view's edits. Empty if the document has no text.
    """
    length = min(config.length, limit - (CONTEXT_TOKENS if config.context else 0))
    view = make_view(document)
    pieces = list(_pieces(document, view, tokenizer, length))
    places = DocumentPlaces(document)
    passages: list[Document] = []
    for first, last in _groups(pieces, length, config.overlap):
        start, end = view.cover(pieces[first].start, pieces[last].end)
        introduction = pieces[first].introduction
        put_in = [[0, 0, f"{introduction}\n"]] if introduction else []
        if not document.text[start:end].strip():
            continue
        number = len(passages)
        heading, page = places.at(start)
        own = {
            "document_id": document_id,
            "number": number,
            "source": source,
            "title": document.title,
            "heading": heading,
            "page": page,
            "start": start,
            "end": end,
            EDITS: [*put_in, *view.part(start, end).dump()],
            PLACES: places.inside(start, end),
        }
        passages.append(
            Document(
                id=f"{document_id}:{number}",
                content=document.text[start:end],
                meta=placed(document.meta, own),
            )
        )
    return passages


def embedded_text(passage: Document, tokenizer: "Tokenizer", *, context: bool) -> str:
    """Return the text that is embedded for a passage: title and heading path, then its text."""
    content = view_of(passage.content, passage.meta).text
    names = [name for name in map(passage.meta.get, ("title", "heading")) if name]
    if not (context and names):
        return content
    path = " > ".join(names)
    offsets = tokenizer.encode(path, add_special_tokens=False).offsets
    if len(offsets) > CONTEXT_TOKENS:
        path = path[: offsets[CONTEXT_TOKENS - 1][1]]
    return f"{path}\n{content}"


def _pieces(
    document: ConvertedDocument, view: View, tokenizer: "Tokenizer", length: int
) -> Iterator[_SentencePart]:
    text = view.text
    sections = [view.to_view(section.start, section.start)[0] for section in document.sections]
    for start, end in pairwise([0, *sections, len(text)]):
        below = start if start not in sections else (text.find("\n", start, end) + 1 or end)
        introductions = list_introductions(text[below:end])
        opens = True
        for first, last in sentence_spans(text[start:end], lines_end=True):
            words = introductions.get(start + first - below, "")
            for piece in _fit(text, start + first, start + last, tokenizer, length):
                yield _introduced(_SentencePart(*piece, opens=opens), words, tokenizer, length)
                opens, words = False, ""


def _introduced(
    part: _SentencePart, words: str, tokenizer: "Tokenizer", length: int
) -> _SentencePart:
    """Return a part with what introduces it, if both fit into a passage together."""
    size = part.size
    if words:
        size += len(tokenizer.encode(words, add_special_tokens=False).ids)
    if size > length:
        words, size = "", part.size
    return replace(part, introduction=words, whole=size)


def _fit(
    text: str, start: int, end: int, tokenizer: "Tokenizer", length: int
) -> Iterator[tuple[int, int, int]]:
    """Yield spans of at most `length` tokens that cover a sentence, with their sizes."""
    while start < end:
        stop = min(end, start + length * CHARACTERS_A_TOKEN)
        offsets = tokenizer.encode(text[start:stop], add_special_tokens=False).offsets
        if len(offsets) > length:
            stop = start + max(offsets[length][0], 1)
            word = text.rfind(" ", start + 1, stop)
            stop = word if word > start + (stop - start) // 2 else stop
        size = min(max(len(offsets), -(-(stop - start) // CHARACTERS_A_TOKEN)), length)
        first = start + len(text[start:stop]) - len(text[start:stop].lstrip())
        if first < stop:
            yield first, first + len(text[first:stop].rstrip()), size
        start = stop


def _groups(
    pieces: Sequence[_SentencePart], length: int, overlap: int
) -> Iterator[tuple[int, int]]:
    """Yield the first and the last piece of each passage."""
    first = size = 0
    for index, piece in enumerate(pieces):
        turns = piece.opens and size >= SHORTEST_SHARE * length
        if index > first and (turns or size + piece.size > length):
            yield first, index - 1
            room = 0 if piece.opens else min(overlap, length - piece.size)
            first, size = _step_back(pieces, first, index, room)
        size += piece.size if index > first else piece.whole
    if pieces:
        yield first, len(pieces) - 1


def _step_back(
    pieces: Sequence[_SentencePart], earliest: int, index: int, room: int
) -> tuple[int, int]:
    """Return the start of the next passage and its tokens before the piece at `index`.

    It repeats at most `room` tokens, those that introduce its first piece among them.
    """
    first, size = index, 0
    while first - 1 > earliest and size + pieces[first - 1].whole <= room:
        first -= 1
        size += pieces[first].size
        if pieces[first].opens:
            break
    return first, size + pieces[first].whole - pieces[first].size if first < index else 0
