"""Terms of a question that an answer must not lack: names, numbers, codes, quoted words.

An answer about the X200 is none for a question about the X300, however alike the sentences are.
These terms are found by their form; common words are none of them.
"""

import re
from collections.abc import Iterator

from rag.language.forms import simplified
from rag.language.lazy_patterns import lazy_pattern

_QUOTED = lazy_pattern(
    r"[\"“]([^\"“”\n]{1,60})[\"”]|[「『《]([^」』》\n]{1,40})[」』》]|`([^`\n]{1,60})`"
    r"|(?<!\w)'([^'\n]{2,40})'(?!\w)"
)
_WORD = lazy_pattern(
    r"(?:--?)?[A-Za-z0-9\u00c0-\u024f][A-Za-z0-9_.\u00c0-\u024f]*"
    r"(?:[-/:@+&'’.][A-Za-z0-9_\u00c0-\u024f]+)*[+#]{0,2}(?:\(\))?"
    r"|(?<![A-Za-z0-9_<:/])[./~][A-Za-z0-9_./~-]+"
)
_HAN = lazy_pattern("[\u3400-\u9fff]")
_HAS_DIGIT = lazy_pattern(r"\d")
_INSIDE = lazy_pattern(r"[_/@]|\w\.\w|\(\)$|^--?\w|[a-z][A-Z]|^[./~]")
_NUMBERED = lazy_pattern(
    r"\b(?:version|chapter|section|table|figure|step|level|type|part|phase|class|release|v)$"
    r"|(?:版本|章节?|表|图|步骤?|第|级别?|类型)$",
    re.IGNORECASE,
)


def _split(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ORDINARY = _split(
    """
    i i'm i'd i've i'll ok okay please hi hello thanks pdf faq url urls id ids vs etc e.g i.e tv pc
    api apis ui os ip cpu gpu http https app apps web www gb mb kb km cm mm kg ms a an the what who
    when where why how which whose whom is are was were do does did can could should would will may
    might must has have had if in on at of for to from by with and or not no yes define explain
    describe list compare tell give show name find it its he she they this that these those there
    my your our their his her
    """
)
_SENTENCE_END = lazy_pattern(r"[.!?。！？:：\n]\s*$")
_SEPARATORS = lazy_pattern(r"[\W_]+")


def required_terms(question: str) -> tuple[str, ...]:
    """Return the terms of a question that an answer must not lack, as they are written there.

    They are words with digits or signs inside (`X300`, `3.14`, `--force`, `os.path`), words in
    quotes or code marks, and words written with capitals that do not begin a sentence. A lone digit
    is one only behind a word such as "version".

    Example:
        >>> required_terms("What is the voltage of the X300 in Norway?")
        ('X300', 'Norway')
        >>> required_terms("Docker 镜像是什么？"), required_terms("How many beds are there?")
        (('Docker',), ())
    """
    found: dict[str, None] = {}
    rest = question
    for match in _QUOTED.finditer(question):
        quoted = next(filter(None, match.groups()))
        if len(quoted.split()) <= 6:
            found[quoted.strip()] = None
            rest = rest[: match.start()] + " " * len(match[0]) + rest[match.end() :]
    found |= dict.fromkeys(_words(rest, is_title=_is_title(rest)))
    return tuple(found)


def stands_in(term: str, text: str) -> bool:
    """Return whether a term stands in a text, however it is spelled together.

    Capitals, hyphens, spaces and the ending of a plural do not matter; more digits do.

    Example:
        >>> stands_in("RTX4080", "the RTX 4080 Super"), stands_in("X300", "the X3000")
        (True, False)
    """
    wanted = _packed(term)
    if not wanted:
        return True
    first = r"(?<!\d)" if wanted[0].isdigit() else r"(?<![a-z])" if wanted[0].isascii() else ""
    last = (
        r"(?!\d)" if wanted[-1].isdigit() else r"(?:e?s)?(?![a-z])" if wanted[-1].isascii() else ""
    )
    body = r"[\W_]*".join(map(re.escape, wanted))
    low = simplified(text).casefold()
    if re.search(first + body + last, low):
        return True
    if wanted.endswith("s") and len(wanted) > 4 and wanted[-2].isalpha():
        return re.search(first + body[:-1].rstrip(r"[\W_]*") + r"(?![a-z])", low) is not None
    return False


def _packed(term: str) -> str:
    return _SEPARATORS.sub("", simplified(term).casefold())


def _is_title(text: str) -> bool:
    """Return whether most words have capitals, as in a headline: then they tell nothing."""
    words = re.findall(r"[A-Za-z]{3,}", text)
    return len(words) > 3 and sum(word[0].isupper() for word in words) > 0.7 * len(words)


def _words(text: str, *, is_title: bool) -> Iterator[str]:
    for match in _WORD.finditer(text):
        word = match[0].rstrip(".:-/’'")
        if word.casefold().removesuffix("'s") in _ORDINARY or not word:
            continue
        word = re.sub(r"['’]s$", "", word)
        before = text[: match.start()].rstrip()
        starts = not before or bool(_SENTENCE_END.search(text[: match.start()]))
        if _HAS_DIGIT.search(word):
            if word.isdigit() and len(word) == 1 and not _NUMBERED.search(before):
                continue
            yield word
        elif (
            _INSIDE.search(word)
            or (len(word) > 1 and word.isupper() and not text.isupper())
            or (word[0].isupper() and not is_title and not starts)
            or (len(word) > 2 and _is_among_han(text, *match.span()))
        ):
            yield word


def _is_among_han(text: str, start: int, end: int) -> bool:
    """Return whether a word stands in a Chinese question, where every Latin word is a name."""
    return bool(_HAN.search(text[:start]) or _HAN.search(text[end:]))
