"""Sentences of a text as character spans: the targets of citations.

Rules only, no model and no download. Stand-alone lines (headings, list items, table rows, lines of
code) end a sentence; a line break inside a paragraph does not.
"""

import re
from collections.abc import Iterator

_LONGEST_SENTENCE = 600  # characters of a sentence before it is cut at a comma or a space

Span = tuple[int, int]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LINE = re.compile(r"[^\n\f]*[\n\f]|[^\n\f]+")
_FENCE = re.compile(r"[ ]{0,3}(?:```|~~~)")
_ALONE = re.compile(r"[ ]{0,3}#{1,6}[ \t]|[ \t]*\||[ ]{0,3}(?:={3,}|-{3,}|\*{3,})[ \t]*$")
DASHES, _SHAPES = "-*+•·▪◦‣⁃–", "●○■□◆◇▶►"  # bullets; shapes may stand before a word directly
LIST_ITEM = re.compile(  # the start of a line
    r"[ \t]*(?:"
    rf"(?:[{DASHES}]|\d{{1,3}}[.)]|[(（]\d{{1,3}}[)）])[ \t]+\S"
    rf"|(?:[{_SHAPES}①-⑳]|\d{{1,3}}[、）]|[一二三四五六七八九十]{{1,3}}、"
    r"|（[\d一二三四五六七八九十]{1,3}）)\s*\S"
    r")"
)
_BULLET = re.compile(rf"(?:[{DASHES}{_SHAPES}]\s+)?")
_END = re.compile(
    r"""
    (?: (?P<wide> [。！？；｡][。！？；｡…]*+ | …{2,} ) | [.!?؟।۔]++ | … )
    (?:
        [ ]?(?:''|[”)\]}])             # text that a tokenizer wrote has a space before these
      | [’」』》）»"']
      | [ ][»"'](?=\s|$)
      | \[\d{1,3}\]                    # a footnote
    ){0,4}
    """,
    re.VERBOSE,
)
_SPACE = re.compile(r"\s+")
_BEFORE = re.compile(r"[^\s(\[{\"“‘'`«]*$")
_GOES_ON = re.compile(r"[,;:)\]}—–]|--|\.(?!\S)")
_NEXT = re.compile(r"[\"“‘'`(\[{«「『¿¡\s]*([^\W_]*)")
_INITIAL = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_NUMBERING = re.compile(r"[#\s]*(?:\d{1,3}(?:\.\d{1,3})*|[A-Za-z]|[ivxIVX]{1,4})")
_NEVER = _words(
    "dr mr mrs ms mx prof rev hon gov sen rep gen col lt sgt capt cmdr maj st ste mt messrs mmes "
    "supt vs v cf viz e.g i.e eg ie approx esp incl resp"
)
_BEFORE_A_NUMBER = _words(
    "no nos nr op ver sect fig figs eq eqs sec secs ch chap chaps vol vols p pp ref refs tab art "
    "arts para ca c jan feb mar apr jun jul aug sep sept oct nov dec max min"
)
_MAYBE = _words("jr sr inc ltd co corp bros ph.d est dept al ed eds trans ft adm pres")
# After an abbreviation that may end a sentence, these words with a capital start the next one.
_STARTERS = _words(
    "the a an this that these those it its he she they we you i there here his her their our my "
    "in on at by for from with as after before during since while when where if although though "
    "however but and so then thus to both all some many most one two each what who why how"
)


def sentence_spans(text: str, *, lines_end: bool = False) -> list[Span]:
    """Return the sentences of a text, as (start, end) offsets into it.

    Args:
        text: Any text; it may be empty.
        lines_end: Whether every line break ends a sentence, as in a view; else one inside a
            paragraph does not.

    Returns:
        Spans in order that do not overlap, are not empty, have no white space at their borders,
        and together cover everything but white space.

    Example:
        >>> text = 'Dr. Kay said "no." Then she left.'
        >>> [text[start:end] for start, end in sentence_spans(text)]
        ['Dr. Kay said "no."', 'Then she left.']
    """
    return [
        piece
        for block in (_lines(text) if lines_end else _blocks(text))
        for sentence in _sentences(text, *block)
        for piece in _pieces(text, *sentence)
    ]


def behind_bullet(text: str, start: int, end: int) -> int:
    """Return where the words of a sentence begin: behind its bullet, if it is an item of a list.

    Example:
        >>> behind_bullet("- It froze.", 0, 11), behind_bullet("▪ It froze.", 0, 11)
        (2, 2)
    """
    return _BULLET.match(text, start, end).end()  # type: ignore[union-attr]  # it always matches


def _lines(text: str) -> Iterator[Span]:
    position = 0
    for line in _LINE.findall(text):
        yield position, position + len(line)
        position += len(line)


def _blocks(text: str) -> Iterator[Span]:
    """Yield paragraphs and stand-alone lines."""
    start = position = 0
    in_code = alone = False
    for line in _LINE.findall(text):
        fence = _FENCE.match(line) is not None
        own = in_code or fence or _ALONE.match(line) is not None
        if own or alone or line.isspace() or LIST_ITEM.match(line):
            yield start, position
            start = position
        in_code ^= fence
        alone = own or line.endswith("\f")
        position += len(line)
    yield start, len(text)


def _sentences(text: str, start: int, end: int) -> Iterator[Span]:
    for match in _END.finditer(text, start, end):
        if _is_boundary(text, match, start, end):
            yield from _trimmed(text, start, match.end())
            start = match.end()
    yield from _trimmed(text, start, end)


def _is_boundary(text: str, match: re.Match[str], start: int, end: int) -> bool:
    space = _SPACE.match(text, match.end(), end)
    if not space:  # "你好!我是", but not "a!b"
        asked = match[0][0] in "!?" and text[match.end() : match.end() + 1] >= "\u3041"
        return match["wide"] is not None or match.end() == end or asked
    window = text[space.end() : min(space.end() + 40, end)]
    following = _NEXT.match(window)[1]  # type: ignore[index]  # it always matches
    if not match["wide"] and (following[:1].islower() or _GOES_ON.match(window)):
        return False
    if match[0] != ".":
        return True
    near = max(start, match.start() - 30)
    if near == start and _NUMBERING.fullmatch(text, start, match.start()):
        return False
    before = _BEFORE.search(text[near : match.start()])
    return _ends_here(before[0] if before else "", following)


def _ends_here(word: str, following: str) -> bool:
    """Return whether the period after `word` ends a sentence when `following` comes next."""
    low = word.casefold()
    if low in _NEVER or (low in _BEFORE_A_NUMBER and following[:1].isdigit()):
        return False
    if low in _MAYBE or _INITIAL.fullmatch(word):
        return following.casefold() in _STARTERS
    return True


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    part = text[start:end]
    if stripped := part.strip():
        first = start + len(part) - len(part.lstrip())
        yield first, first + len(stripped)


def _pieces(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the sentence, cut into pieces if it is too long."""
    while end - start > _LONGEST_SENTENCE:
        window = text[start : start + _LONGEST_SENTENCE]
        marks = (";；", ",，、", " \t\n")
        cuts = (max(window.rfind(mark) for mark in group) + 1 for group in marks)
        cut = start + next((cut for cut in cuts if cut > _LONGEST_SENTENCE // 2), _LONGEST_SENTENCE)
        yield from _trimmed(text, start, cut)
        start = cut
    yield from _trimmed(text, start, end)
