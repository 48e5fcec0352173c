"""Untrusted text made inert: for HTML, and for the places that Streamlit reads as Markdown.

Streamlit reads almost every label as Markdown, loads images named in it, and replaces some signs
(`:material/x:`, `:smile:`, `->`) even where they are escaped. `plain` takes all of that away and
leaves the text as it is to the eye: what it adds are backslashes, which Markdown eats, and word
joiners, which have no width.
"""

import html
import re
from typing import Final

JOINER: Final = "\u2060"
OPEN_ISOLATE, CLOSE_ISOLATE = "\u2068", "\u2069"

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_REPLACED = re.compile(  # where Streamlit or GitHub's Markdown would make something of text
    r"(?<=:)(?=[\w+/-])"  # icons, emoji, colours, addresses
    r"|(?<=@)(?=\w)"  # mail addresses
    r"|(?<=www)(?=\.)"
    r"|(?<=-)(?=[->])|(?<=<)(?=[-=])|(?<=[>~])(?==)",  # arrows and relations
    re.IGNORECASE,
)


class Html(str):
    """A text that is HTML already; only this package makes one."""

    __slots__ = ()


def escape(value: object) -> Html:
    """Return a value as HTML text, safe in an element and in a quoted attribute.

    Example:
        >>> escape("<b>&'")
        '&lt;b&gt;&amp;&#x27;'
    """
    return value if isinstance(value, Html) else Html(html.escape(sound(value), quote=True))


def element(name: str, *content: object, **attributes: object) -> Html:
    """Return an HTML element; whatever is not `Html` already is escaped.

    Args:
        name: The tag.
        *content: What stands in it, in order; None is left out.
        **attributes: Underscores become hyphens, one at the end is dropped; None and False leave
            the attribute out, True writes it without a value.

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
    """Return several pieces as one; whatever is not `Html` already is escaped."""
    return Html("".join(escape(part) for part in parts if part is not None))


def plain(value: object, longest: int | None = None) -> str:
    r"""Return a value as one line for a place that takes Markdown: a label, a message, a tooltip.

    Args:
        value: The text.
        longest: Most characters of it; a longer one ends in an ellipsis.

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
    """Return a text for Markdown with every sign of ASCII escaped; lines stay lines."""
    return _PUNCTUATION.sub(r"\\\1", text)


def sound(value: object) -> str:
    """Return a value as text that can be sent: no halves of surrogate pairs, no control codes."""
    text = str(value).encode("utf-8", "replace").decode("utf-8")
    return re.sub("[\x00-\x08\x0b\x0e-\x1f\x7f]", "\ufffd", text)
