"""Exports: a conversation as Markdown, and rated answers as a question set."""

from collections.abc import Callable, Sequence
from typing import Any

from rag.schema import Citation
from ui.services.conversations import Conversation, Exchange

TextOf = Callable[[str, str], str]
"""Function of a collection and a document's id that returns the document's text."""


def as_markdown(conversation: Conversation, exchanges: Sequence[Exchange]) -> str:
    """Return a conversation as Markdown, each answer with its exact citations.

    Text by people and documents is put into quotes and fences, so that it cannot become markup of
    the export.
    """
    parts = [f"# {_plain(conversation.title) or 'Conversation'}", ""]
    parts += [f"Collection: {_code(conversation.collection)}", ""]
    for number, each in enumerate(exchanges, start=1):
        parts += [f"## {number}. Question", "", *_quoted(each.question), "", "### Answer", ""]
        if each.answer and each.answer.abstained:
            parts += ["No answer: " + _plain(each.answer.reason or "the evidence is too weak"), ""]
        elif each.text:
            parts += [*_quoted(each.text), ""]
        if each.state != "done":
            parts += [f"({each.state}{': ' + _plain(each.error) if each.error else ''})", ""]
        citations = each.answer.citations if each.answer else ()
        for citation in citations:
            parts += [_source(citation), "", *_quoted(citation.shown), ""]
    return "\n".join(parts)


def as_questions(rated: Sequence[tuple[Conversation, Exchange]], text_of: TextOf) -> dict[str, Any]:
    """Return answers rated good as a question set for `rag evaluate`.

    The first citation of a good answer becomes the gold span, a good abstention an unanswerable
    question. Bad answers are left out: they show what is wrong, not what is right.

    Args:
        rated: Rated exchanges, each with its conversation.
        text_of: See `TextOf`; answers from documents that have changed since are left out.

    Returns:
        A data set in the format of SQuAD 2.0.
    """
    articles: dict[tuple[str, str], list[dict[str, Any]]] = {}
    titles: dict[tuple[str, str], str] = {}
    for conversation, each in rated:
        answer = each.answer
        if each.rating != 1 or answer is None or not answer.passages:
            continue
        at = answer.citations[0] if answer.citations else None
        document = at.document_id if at else answer.passages[0].document_id
        source = at or answer.passages[0]
        key = (source.collection or conversation.collections[0], document)
        text = text_of(*key)
        if not text or (at and text[at.start : at.end] != at.quote):
            continue
        titles[key] = at.source if at else answer.passages[0].source
        gold = [{"text": at.quote, "answer_start": at.start}] if at else []
        articles.setdefault(key, []).append(
            {
                "id": each.id,
                "question": each.question,
                "is_impossible": at is None,
                "answers": gold,
            }
        )
    data = [
        {"title": titles[key], "paragraphs": [{"context": text_of(*key), "qas": qas}]}
        for key, qas in articles.items()
    ]
    return {"version": "v2.0", "data": data}


def _source(citation: Citation) -> str:
    page = f", page {citation.page}" if citation.page else ""
    heading = f", {_plain(citation.heading)}" if citation.heading else ""
    place = f"characters {citation.start} to {citation.end}"
    return f"[{citation.n}] {_code(citation.source)}{page}{heading}, {place}:"


def _quoted(text: str) -> list[str]:
    """Return a text as an indented block, in which Markdown is inactive."""
    return [f"    {line}" for line in text.splitlines()] or ["    "]


def _code(text: str) -> str:
    """Return a text as inline code, whatever characters it holds."""
    line = " ".join(text.split())
    fence = "`"
    while fence in line:
        fence += "`"
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"


def _plain(text: str) -> str:
    """Return a text on one line with Markdown's special characters escaped."""
    line = " ".join(text.split())
    return "".join(f"\\{each}" if each in "\\`*_{}[]()#+!|<>~$&" else each for each in line)
