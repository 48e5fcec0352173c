"""Escaping of untrusted text for HTML, and where Streamlit expects Markdown.

Streamlit renders almost every label as Markdown, loads its images, and replaces some signs
(`:material/x:`, `:smile:`, `->`) even where they are escaped. `plain` prevents all of that and
leaves the visible text unchanged: it adds backslashes, which Markdown removes, and word joiners,
which have no width.
"""

import html
import re
from typing import Final

JOINER: Final = "\u2060"
OPEN_ISOLATE, CLOSE_ISOLATE = "\u2068", "\u2069"

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_REPLACED = re.compile(  # places where Streamlit or GitHub's Markdown would transform text
    r"(?<=:)(?=[\w+/-])"  # icons, emoji, colours, addresses
    r"|(?<=@)(?=\w)"  # e-mail addresses
    r"|(?<=www)(?=\.)"
    r"|(?<=-)(?=[->])|(?<=<)(?=[-=])|(?<=[>~])(?==)",  # arrows and relations
    re.IGNORECASE,
)


class Html(str):
    """A string of HTML; only this package creates one."""

    __slots__ = ()


def escape(value: object) -> Html:
    """Return a value as HTML text, safe in an element and in a quoted attribute.

    Example:
        >>> escape("<b>&'")
        '&lt;b&gt;&amp;&#x27;'
    """
    return value if isinstance(value, Html) else Html(html.escape(sound(value), quote=True))


def element(name: str, *content: object, **attributes: object) -> Html:
    """Return an HTML element; values that are not `Html` are escaped.

    Args:
        name: The tag.
        *content: Contents, in order; None is left out.
        **attributes: Attributes; underscores become hyphens, a trailing one is dropped; None and
            False leave the attribute out, True writes it without a value.

    Example:
        >>> element("a", "1 < 2", href="#x", class_="n")
        '<a href="#x" class="n">1 &lt; 2</a>'
    """
    written = []
    for key, value in attributes.items():
        attribute = key.rstrip("_").replace("_", "-")
        if value is True:
            written.append(f" {attribute}")
        elif value is not None and value is not False:
            written.append(f' {attribute}="{html.escape(sound(value), quote=True)}"')
    inside = "".join(escape(part) for part in content if part is not None)
    return Html(f"<{name}{''.join(written)}>{inside}</{name}>")


def joined(*parts: object) -> Html:
    """Return the concatenation of pieces; values that are not `Html` are escaped."""
    return Html("".join(escape(part) for part in parts if part is not None))


def plain(value: object, longest: int | None = None) -> str:
    r"""Return a value as one inert line of Markdown: for a label, a message, a tooltip.

    Args:
        value: The text.
        longest: Maximum number of characters; a longer text ends in an ellipsis.

    Example:
        >>> plain("![x](y) *a*")
        '\\!\\[x\\]\\(y\\) \\*a\\*'
    """
    line = " ".join(sound(value).split())
    if longest is not None and len(line) > longest:
        line = line[: longest - 1].rstrip() + "…"
    if _BIDI.search(line):
        line = f"{OPEN_ISOLATE}{line}{CLOSE_ISOLATE}"
    return literal(_REPLACED.sub(JOINER, line))


def literal(text: str) -> str:
    """Return a text for Markdown with all ASCII punctuation escaped; line breaks are kept."""
    return _PUNCTUATION.sub(r"\\\1", text)


def sound(value: object) -> str:
    """Return a value as valid text: no lone surrogates, no control characters."""
    text = str(value).encode("utf-8", "replace").decode("utf-8")
    return re.sub("[\x00-\x08\x0b\x0e-\x1f\x7f]", "\ufffd", text)
