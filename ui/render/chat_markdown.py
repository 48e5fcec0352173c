"""Answers as Markdown that is safe for Streamlit, with their citations as links.

A language model's text is parsed and rebuilt from the supported elements: emphasis, lists, quotes,
code, tables. Images, HTML, headings, URLs, mathematics, diagrams and Streamlit's own directives
appear as plain characters. The only links are those to the sources below.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from rag.schema import AnswerBlock
from ui.render.escaping import plain, sound

LONGEST_ANSWER: Final = 60_000  # characters of an answer that are shown

_MARKER = re.compile(r"[\[【［]\s*(\d{1,4}(?:\s*[,，、]\s*\d{1,4})*)\s*[\]】］]")
_UNFINISHED = re.compile(r"[\[【［][\d\s,，、]*$")
_ADDRESS = re.compile(
    r"(?:https?://|ftp://|www\.)[^\s<>`]+|[\w.+-]+@[\w-]+\.[\w.-]+", re.IGNORECASE
)
_ITEM = re.compile(r"\s*([-*+]|\d{1,3}[.)])\s+")
_AROUND = {"strong_open": "**", "strong_close": "**", "em_open": "*", "em_close": "*",
           "s_open": "~~", "s_close": "~~"}  # fmt: skip

Anchors = Mapping[int, str]

_parser = (
    MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False})
    .enable(["table", "strikethrough"])
    .disable(["image", "html_inline", "html_block", "reference", "autolink"])
)


def safe_markdown(text: str, anchors: Anchors | None) -> str:
    """Return a written answer as safe Markdown.

    Args:
        text: Text by a language model, possibly unfinished, or a part of a document.
        anchors: Number of a source -> id of its card; `[n]` with another number is no link. None
            for a text without markers, where `[n]` stays.
    """
    known = sound(text)[:LONGEST_ANSWER]
    known = known if anchors is None else _UNFINISHED.sub("", known)
    return "\n\n".join(_blocks(SyntaxTreeNode(_parser.parse(known)), anchors))


def quoted_markdown(text: str, quotes: Mapping[int, str], anchors: Anchors) -> str:
    """Return an answer of quotes as Markdown: verbatim, except for the citations' links.

    Args:
        text: Sentences of documents, each followed by its marker.
        quotes: Number of a citation -> its quote; any other text that looks like a marker belongs
            to a document.
        anchors: See `safe_markdown`.
    """
    line = " ".join(sound(text)[:LONGEST_ANSWER].split())
    ends = {number: " ".join(sound(quote).split()) for number, quote in quotes.items()}
    pieces, position = [], 0
    for marker in re.finditer(r" \[(\d{1,4})\]", line):
        number = int(marker[1])
        if number in anchors and line[position : marker.start()].endswith(ends.get(number, "\0")):
            pieces.append(_text(line[position : marker.start()]))
            pieces.append(f" [{number}](#{anchors[number]})")
            position = marker.end()
    return "".join(pieces) + _text(line[position:])


def blocks_markdown(blocks: Sequence[AnswerBlock], anchors: Anchors) -> str:
    """Return a quoted answer as Markdown: lists, tables and code keep their form.

    Args:
        blocks: The quoted units. Whatever looks like a marker in them belongs to a document.
        anchors: See `safe_markdown`.
    """
    return "\n\n".join(_quoted_block(block, anchors) for block in blocks)


def _quoted_block(block: AnswerBlock, anchors: Anchors) -> str:
    lines, below = [], ""
    for place, line in enumerate(block.lines):
        text, mark = sound(line.text)[:LONGEST_ANSWER], _mark(line.citation, anchors)
        verbatim = block.kind == "table" or (block.kind == "code" and place >= block.lead)
        if verbatim or text.rstrip().endswith(("```", "~~~")):
            below, mark = below + mark, ""
        if block.kind == "text" or (place < block.lead and block.kind != "table"):
            lines.append(f"{_text(text)}{mark}\n")
        elif block.kind in ("list", "steps"):
            lines.append(f"{_item(text)}{mark}")
        else:
            lines.append(text)
    if block.kind in ("table", "code"):
        lead = 0 if block.kind == "table" else block.lead
        quoted = safe_markdown("\n".join(lines[lead:]), None)
        lines = [*lines[:lead], quoted]
    return "\n".join([*lines, f"\n{below.strip()}"] if below else lines).rstrip()


def _mark(citation: int | None, anchors: Anchors) -> str:
    known = citation is not None and citation in anchors
    return f" [{citation}](#{anchors[citation]})" if known and citation is not None else ""


def _item(text: str) -> str:
    """Return an item of a list as Markdown; marks that Markdown does not know stay as they are."""
    first, _, rest = text.partition("\n")
    mark = _ITEM.match(first)
    own = f"{mark[1]} " if mark else "- "
    shown = own + _text(first[mark.end() :] if mark else first)
    return shown + (f"\n\n{_indented(safe_markdown(rest, None))}" if rest.strip() else "")


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" if line else "" for line in text.split("\n"))


def _blocks(parent: SyntaxTreeNode, anchors: Anchors | None) -> Iterator[str]:
    for node in parent.children:
        yield _block(node, anchors)


def _block(node: SyntaxTreeNode, anchors: Anchors | None) -> str:
    write = _WRITERS.get(node.type)
    return write(node, anchors) if write else plain(node.content or "")


def _heading(node: SyntaxTreeNode, anchors: Anchors | None) -> str:
    return f"**{_inline(node, anchors)}**"


def _quote(node: SyntaxTreeNode, anchors: Anchors | None) -> str:
    return _prefixed("> ", "> ", "\n\n".join(_blocks(node, anchors)))


def _list(node: SyntaxTreeNode, anchors: Anchors | None) -> str:
    number = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
    items = []
    for item in node.children:
        mark = "- " if number is None else f"{number}. "
        number = None if number is None else number + 1
        items.append(_prefixed(mark, " " * len(mark), "\n\n".join(_blocks(item, anchors))))
    return "\n".join(items)


def _prefixed(first: str, others: str, text: str) -> str:
    return first + text.replace("\n", f"\n{others}")


def _fence(node: SyntaxTreeNode, _anchors: Anchors | None) -> str:
    """Return a code block that is never rendered as a diagram."""
    text = node.content
    mark = "`" * (max([3, *(len(run) + 1 for run in re.findall("`+", text))]))
    return f"{mark}text\n{text.rstrip()}\n{mark}"


def _table(node: SyntaxTreeNode, anchors: Anchors | None) -> str:
    rows = [
        [_inline(cell, anchors).replace("\n", " ") for cell in row.children]
        for part in node.children
        for row in part.children
    ]
    width = len(rows[0])
    lines = [row + [""] * (width - len(row)) for row in (rows[0], ["---"] * width, *rows[1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _inline(node: SyntaxTreeNode, anchors: Anchors | None) -> str:
    tokens: list[Token] = []
    for child in node.children:
        tokens += child.token.children or [] if child.token else []
    return "".join(_pieces(tokens, anchors))


def _pieces(tokens: Iterable[Token], anchors: Anchors | None) -> Iterator[str]:
    targets: list[str] = []
    for token in tokens:
        if token.type == "text":
            yield _words(token.content, anchors)
        elif token.type == "code_inline":
            yield _code(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            yield "\n" if token.type == "softbreak" else "  \n"
        elif token.type in _AROUND:
            yield _AROUND[token.type]
        elif token.type == "link_open":
            targets.append(str(token.attrGet("href") or ""))
        elif token.type == "link_close":
            yield f" {_code(targets.pop() or ' ')}"
        else:
            yield _text(token.content)


def _words(text: str, anchors: Anchors | None) -> str:
    """Return a text with its markers as links to existing sources."""
    if anchors is None:
        return _text(text)
    pieces, position = [], 0
    for marker in _MARKER.finditer(text):
        pieces.append(_text(text[position : marker.start()]))
        for number in map(int, re.findall(r"\d+", marker[1])):
            anchor = anchors.get(number)
            pieces.append(f"[{number}](#{anchor})" if anchor else rf"\[{number}?\]")
        position = marker.end()
    return "".join(pieces) + _text(text[position:])


def _text(text: str) -> str:
    """Return a text that Markdown and Streamlit leave unchanged."""
    pieces, position = [], 0
    for address in _ADDRESS.finditer(text):
        pieces += [_kept(text[position : address.start()]), _code(address[0])]
        position = address.end()
    return "".join(pieces) + _kept(text[position:])


def _kept(text: str) -> str:
    """Return `plain` of a text with its leading and trailing blanks kept."""
    before = text[: len(text) - len(text.lstrip())]
    behind = text[len(text.rstrip()) :] if text.strip() else ""
    return f"{before}{plain(text)}{behind}"


def _code(text: str) -> str:
    mark = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{mark}{blank}{text}{blank}{mark}"


def _rule(_node: SyntaxTreeNode, _anchors: Anchors | None) -> str:
    return "---"


_WRITERS: dict[str, Callable[[SyntaxTreeNode, Anchors | None], str]] = {
    "paragraph": _inline,
    "heading": _heading,
    "bullet_list": _list,
    "ordered_list": _list,
    "blockquote": _quote,
    "fence": _fence,
    "code_block": _fence,
    "table": _table,
    "hr": _rule,
}
