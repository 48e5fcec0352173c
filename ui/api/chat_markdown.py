"""Answers as chat messages, safe for clients that render Markdown."""

import re

from rag.schema import Answer, Citation

SHORTENED = 200  # characters of a quote in the list of sources; `citations` has all of it
NEAREST = 3  # passages listed when there is no answer

_IMAGE, _LINK = re.compile(r"!(?=\[)"), re.compile(r"\](?=[(:])")
_FENCED = re.compile(r"(^(?:```|~~~)[^\n`~]*\n.*?^(?:```|~~~)[ \t]*$)", re.MULTILINE | re.DOTALL)
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def as_message(answer: Answer) -> str:
    """Return the answer's text with its markers, followed by the list of its sources."""
    if answer.abstained:
        return _abstention(answer)
    return disarmed(answer.answer) + sources(answer)


def sources(answer: Answer) -> str:
    """Return the list of sources that follows the text, with a note if there is one."""
    lines = [f"- [{each.n}] {_place(each)}: “{_line(each.shown)}”" for each in answer.citations]
    listed = "\n\nSources:\n\n" + "\n".join(lines) if lines else ""
    return listed + (f"\n\nNote: {_line(answer.reason)}." if answer.reason else "")


def disarmed(text: str) -> str:
    r"""Return a text without Markdown images, links and HTML.

    An image that a document smuggled into an answer would be fetched as soon as it is shown, and
    leak the question to its server.

    Example:
        >>> disarmed("![x](http://a.b/?q=1) and 1 < 2")
        '!\\[x]\\(http://a.b/?q=1) and 1 < 2'
    """
    parts = _FENCED.split(text)  # code between fences is shown as it is
    parts[::2] = [_disarmed(part) for part in parts[::2]]
    return "".join(parts)


def _disarmed(text: str) -> str:
    text = _TAG.sub(r"\\<", _LINK.sub(r"]\\", text))
    return _IMAGE.sub(r"!\\", text)


def _abstention(answer: Answer) -> str:
    lines = [f"There is no answer in the documents: {_line(answer.reason or 'too weak evidence')}."]
    if answer.passages:
        nearest = [f"- {_line(each.source)}: “{_line(each.view.text)}”" for each in answer.passages]
        lines += ["", "Nearest passages:", "", *nearest[:NEAREST]]
    return "\n".join(lines)


def _place(citation: Citation) -> str:
    page = f", page {citation.page}" if citation.page else ""
    heading = f", {_line(citation.heading)}" if citation.heading else ""
    return f"{_line(citation.source)}{page}{heading}"


def _line(text: str) -> str:
    line = " ".join(text.split())
    return disarmed(line if len(line) <= SHORTENED else line[: SHORTENED - 1] + "…")
