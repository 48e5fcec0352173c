"""Markup and characters that no reader should see, and structure flattened onto one line."""

import re
import unicodedata
from collections.abc import Iterator

_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_INLINE_CODE = re.compile(r"`[^`\n]*`")
_TAGS = (
    "a abbr b br center code dd details dfn div dl dt em figure font h1 h2 h3 h4 h5 h6 hr i iframe "
    "img li math mi mn mo mrow ol p pre script section small span strong sub summary sup svg table "
    "tbody td th thead tr ul"
).replace(" ", "|")
_LEFT: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("an anchor", re.compile(r"\{\s*[#.:][\w:-]+[^{}\n]*\}")),
    ("the target of a link", re.compile(r"\]\([^()\s]*[/#.:][^()\n]*\)|!\[|\]\[[^\]\s]*\]")),
    ("a tag", re.compile(rf"</?(?:{_TAGS})\b[^<>\n]*>|<[A-Z]\w+\s+\w+=[^<>\n]*>|<!--", re.I)),
    ("an entity", re.compile(r"&(?:nbsp|amp|lt|gt|quot|#x?[\da-fA-F]+);")),
    ("a formula's source", re.compile(r"\\(?:frac|sum|begin|end|mathbb|mathrm|text|left|right)\b")),
    ("a directive", re.compile(r"(?:^|\s)(?::::|///|!!!)(?=\s|$)|\{[*%]|\{\{<|^\.\. \w+::", re.M)),
    ("a line between sections", re.compile(r"(?:^|\s)(?:-{3,}|={3,})[ \t]+(?=\w)", re.M)),
    ("a footnote's mark", re.compile(r"\[\^[\w-]+\]")),
    ("left-out data", re.compile(r"\[data\]")),
)
_FLAT_FENCE = re.compile(r"\S[^\n]*```|```\S*[ \t]+\S[^\n]*```")
_FLAT_ITEMS = re.compile(r"(?:(?:^|[ \t])[-*•·] +\S[^\n]*?){3}", re.M)
_FLAT_STEPS = re.compile(r"(?:^|[ \t])1[.)] +\S[^\n]*?[ \t]2[.)] +\S", re.M)
_FLAT_ROWS = re.compile(r"\|[ \t]+\|[ \t]*:?-{3,}|\|[ \t]*:?-{3,}:?[ \t]*\|[^\n]*\w")
_WORST = frozenset({"Cc", "Co", "Cs"})


def markup_left(text: str) -> Iterator[str]:
    """Yield what was left of a document's markup in an answer.

    Example:
        >>> list(markup_left("See [the guide](guide.md)."))
        ['the target of a link is left: ](guide.md)']
    """
    fences = [line for line in text.splitlines() if _FENCE.match(line)]
    if _FLAT_FENCE.search(text):
        yield "a code block on one line"
    elif len(fences) % 2:
        yield "a code block without its end or its beginning"
    prose = _INLINE_CODE.sub("`code`", _without_fences(text))
    for name, pattern in _LEFT:
        if found := pattern.search(prose):
            yield f"{name} is left: {found[0].strip()[:40]}"
    if prose.count("**") % 2:
        yield "a mark of bold type without its partner"
    for name, pattern in (("list", _FLAT_ITEMS), ("list", _FLAT_STEPS), ("table", _FLAT_ROWS)):
        if pattern.search(prose):
            yield f"a {name} on one line"
    strange = [
        each
        for each in text
        if (unicodedata.category(each) in _WORST and each not in "\n\t") or each == "\ufffd"
    ]
    if strange:
        yield f"characters that cannot be shown: U+{ord(strange[0]):04X}"


def _without_fences(text: str) -> str:
    """Return the lines outside of code blocks."""
    kept, fenced = [], False
    for line in text.splitlines():
        if _FENCE.match(line) and "```" not in line.strip()[3:]:
            fenced = not fenced
        elif not fenced:
            kept.append(line)
    return "\n".join(kept)
