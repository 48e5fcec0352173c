"""Conversion of Markdown files, whose text stays the Markdown source.

YAML and TOML front matter becomes fields; HTML comments, which no reader sees, are removed, except
inside code; data URIs are shortened before. Headings come from the parser, so that `#` in a code
block is not one.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from indexing.converters.formats.fields import front_matter_fields
from indexing.converters.formats.mdx import read_mdx
from indexing.converters.schema import ConvertedDocument, Empty, Heading
from indexing.converters.text.assembly import whole_file
from indexing.converters.text.cleaning import clean, one_line

_FRONT_MATTER_LIMIT = 65_536
_LONGEST_CODE_SPAN = 1_000
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.M)
_TOML = re.compile(r"\A\+\+\+[ \t]*\n(.*?)^\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL | re.M)
_LONGEST_HEADING = 120  # characters, in a text file
_ATX = re.compile(r"^#{1,6}[ \t]+\S.*$", re.MULTILINE)
_SETEXT = re.compile(r"^[^\s#|>-][^\n]*\n={3,}[ \t]*$", re.MULTILINE)
_CODE_OR_COMMENT = re.compile("`+|<!--")
_OPEN_COMMENT = re.compile(r"^ {0,3}<!--.*\Z", re.DOTALL | re.MULTILINE)
_ANCHOR = re.compile(r"\s*\{[ ]?[#:.][^{}]*\}\s*$")


def convert_markdown(text: str, stem: str, *, is_mdx: bool = False) -> ConvertedDocument:
    """Return the document of a Markdown file.

    Args:
        text: The decoded source.
        stem: The title if neither front matter nor a heading gives one.
        is_mdx: Whether it has components, imports and exports.

    Raises:
        Empty: If there is no text.
    """
    fields, body = split_front_matter(clean(text))
    body = read_mdx(body) if is_mdx else body
    return _document(fields, clean(drop_comments(body)), stem)


def _document(fields: dict[str, Any], body: str, stem: str) -> ConvertedDocument:
    if fields and not body.strip():
        raise Empty("there is front matter, and no text below it")
    if not body.strip():
        raise Empty("there are comments, and no text")
    sections = find_headings(body)
    title = fields.get("title")
    if not isinstance(title, str) or not title.strip():
        title = sections[0].heading if sections else stem
    meta = {**front_matter_fields(fields), "format": "md"}
    return whole_file(body, title, meta, sections=sections)


def convert_plain_text(text: str, stem: str) -> ConvertedDocument:
    r"""Return the document of a text file; one written in Markdown has its headings and fields.

    Args:
        text: The decoded text.
        stem: The title if the text has no front matter and no heading.

    Raises:
        Empty: If there is no text.

    Example:
        >>> convert_plain_text("# Pumps\n\nThey pump.\n\n## Oil\n\nYearly.\n", "a").title
        'Pumps'
    """
    if not is_markdown(text):
        return whole_file(text, stem, {"format": "txt"})
    fields, body = split_front_matter(clean(text))
    document = _document(fields, clean(body), stem)  # a comment is text to whoever opens the file
    sections = tuple(s for s in document.sections if len(s.heading) <= _LONGEST_HEADING)
    named = isinstance(document.meta.get("title"), str)
    title = document.title if named or not sections else sections[0].heading
    return replace(
        document, title=title, sections=sections, meta={**document.meta, "format": "txt"}
    )


def is_markdown(text: str) -> bool:
    """Return whether a text has front matter, or headings as Markdown writes them.

    A heading after `#` follows an empty line, and most lines after `#` do: comments in scripts and
    settings come in blocks, or right above what they explain.
    """
    if split_front_matter(text)[0] or _SETEXT.search(text):
        return True
    marks = list(_ATX.finditer(text))
    before = (text[max(mark.start() - 2, 0) : mark.start()] for mark in marks)
    apart = sum(not each.strip("\n") for each in before)
    followed = sum(text[mark.end() : mark.end() + 2] in {"\n\n", "\n", ""} for mark in marks)
    return bool(marks) and apart > 0.7 * len(marks) and 2 * followed >= len(marks)


def split_front_matter(text: str) -> tuple[dict[Any, Any], str]:
    r"""Return the fields of YAML or TOML front matter and the text after it.

    What is not valid stays text.

    Example:
        >>> split_front_matter("---\ntitle: Pumps\n---\nHello\n")
        ({'title': 'Pumps'}, 'Hello\n')
        >>> split_front_matter("+++\ntitle = 'Pumps'\n+++\nHello\n")
        ({'title': 'Pumps'}, 'Hello\n')
    """
    for pattern, parse in ((_FRONT_MATTER, _parse_yaml), (_TOML, _parse_toml)):
        match = pattern.match(text, 0, _FRONT_MATTER_LIMIT)
        fields = parse(match[1]) if match else None
        if match and isinstance(fields, dict):
            return fields, text[match.end() :]
    return {}, text


def _parse_yaml(source: str) -> object:
    import yaml

    try:
        return yaml.safe_load(source)
    except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: a date such as 2024-13-45
        return None


def _parse_toml(source: str) -> object:
    try:
        return tomllib.loads(source)
    except (ValueError, RecursionError):
        return None


def drop_comments(text: str) -> str:
    """Return the text without HTML comments; code blocks and code spans stay as they are."""
    if "<!--" not in text:
        return text
    pieces, end = [], 0
    starts = _line_starts(text)
    for token in _parse_blocks(text):
        if token.type in {"fence", "code_block"} and token.map and starts[token.map[0]] >= end:
            pieces.append(_drop_from_prose(text[end : starts[token.map[0]]]))
            end = starts[token.map[1]]
            pieces.append(text[starts[token.map[0]] : end])
    pieces.append(_drop_from_prose(text[end:], last=True))
    return "".join(pieces)


def _drop_from_prose(text: str, *, last: bool = False) -> str:
    pieces, end = [], 0
    match = _CODE_OR_COMMENT.search(text)
    while match:
        mark, after = match[0], match.end()
        if mark == "<!--":
            after = text.find("-->", match.start() + 2) + 3
            if after < 3:  # no comment ends any more
                break
            pieces.append(text[end : match.start()])
            end = after
        else:  # a code span ends at the same number of backticks
            close = re.compile(f"(?<!`){mark}(?!`)" if len(mark) < 9 else "(?!)")
            closing = close.search(text, after, after + _LONGEST_CODE_SPAN)
            after = closing.end() if closing else after
        match = _CODE_OR_COMMENT.search(text, after)
    rest = text[end:]
    return "".join(pieces) + (_OPEN_COMMENT.sub("", rest) if last else rest)


def find_headings(text: str) -> list[Heading]:
    r"""Return the headings of Markdown source, each at the offset of its line.

    Example:
        >>> find_headings("# A *b*\n```\n# no\n```\nC\n---\n")
        [Heading(start=0, level=1, heading='A b'), Heading(start=21, level=2, heading='C')]
    """
    starts = _line_starts(text)
    parser = MarkdownIt("commonmark")
    tokens = _parse_blocks(text)
    sections = []
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            source = _ANCHOR.sub("", inline.content[:1_000])
            heading = one_line("".join(_words(parser.parseInline(source))))
            if heading:
                sections.append(Heading(starts[token.map[0]], int(token.tag[1]), heading))
    return sections


def _words(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in {"text", "code_inline"}:
            yield token.content
        elif token.type in {"softbreak", "hardbreak"}:
            yield " "
        yield from _words(token.children or [])


def _parse_blocks(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").disable("inline").parse(text)


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for match in re.finditer("\n", text):
        starts.append(match.end())
    return [*starts, len(text)]  # a block may end at the line after the last
