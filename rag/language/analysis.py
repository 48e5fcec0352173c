"""Text analysis for bm25: one analyser for every store.

A bm25 index sees only `tokens` of a text, of a passage as of a query; a store keeps its output in a
field that is split at white space and changes nothing more. A change of `tokens`, or of what a
store keeps of them, needs a change of `ANALYZER_VERSION`: older indexes are then made again.

Conventions: text is brought to NFKC first (full-width letters, ligatures), Chinese to simplified
characters. Words of scripts with spaces are case folded, Latin and Greek accents are removed,
English suffixes stripped (Snowball). Scripts without spaces become pairs of neighbouring
characters. Terms stand in the order of the words, so that positions tell phrases; dates follow once
more, in one form, at the end of their line. Sentences are in `rag.language.sentences`.
"""

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

import Stemmer

from rag.language.forms import dates, joined, simplified

ANALYZER_VERSION = "2"


def word_set(text: str) -> frozenset[str]:
    """Return the words of a string, for word lists in the code."""
    return frozenset(text.split())


_LONGEST_TOKEN = 128  # characters of a token; Elasticsearch refuses terms over 32,766 bytes

# Scripts written without spaces: Han, kana, bopomofo, Hangul; Thai, Lao, Myanmar, Khmer.
_UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1050-\u109f\u1780-\u17d3"
    "\u1100-\u11ff\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u318f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
# Combining marks that `\w` leaves out: Latin, Hebrew, Arabic, and the scripts of India.
_MARKS = "\u0300-\u036f\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0971-\u0dff"
_LETTERS = rf"(?:[^\W_{_UNSPACED}]++|[{_MARKS}]++)++"
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]++")
_WORD = re.compile(
    rf"""
      \d{{1,3}}(?:,\d{{3}})++(?!\d)(?:\.\d++)?    # 6,000
    | [vV]?\d++(?:\.\d++)++                       # 3.5  v2.1
    | (?:[A-Za-z]\.)+[A-Za-z](?!\w)               # U.S  e.g
    | [A-Za-z](?:\+\+|\#)                         # C++  C#
    | [{_UNSPACED}]++
    | [A-Za-z]-{_LETTERS}                        # e-mail
    | {_LETTERS}(?:['’_]{_LETTERS})*+           # don't  foo_bar
    """,
    re.VERBOSE,
)
_FOLD = {
    code: base
    for code in (*range(0xC0, 0x250), *range(0x386, 0x3D0), *range(0x1E00, 0x2000))
    if (base := unicodedata.normalize("NFKD", chr(code))[0]) != chr(code)
} | str.maketrans({"ø": "o", "đ": "d", "ł": "l", "ı": "i", "æ": "ae", "œ": "oe", "’": "'"})
_FOLD |= dict.fromkeys(
    (*range(0x300, 0x370), *range(0x591, 0x5BE), *range(0x610, 0x61B), *range(0x64B, 0x660))
)
# The small list of Lucene's EnglishAnalyzer; then words that only make a sentence a question, as
# the questions of users are sentences (benchmarks/README.md has the gain).
_STOP = word_set(
    "a an and are as at be but by for if in into is it no not of on or such that the their then "
    "there these they this to was will with "
    "what which who whom whose when where why how do does did can could should would have has had "
    "been am were i you he she we me my your our his her its"
)
_STOP_HAN = re.compile("什么|什麼|多少|哪[些个個里裡]?|谁|誰|[的了吗嗎呢是在]")
# More words that carry no subject into a follow-up question, though they may be worth a search.
_ASKING = word_set(
    "about also any being describe doing done explain from give hers him let like many may might "
    "mine much must ours please say so some tell than them those us very yours"
)
_ASKING_HAN = re.compile(
    r"(目的|的确|是非|在线|现在|現在|存在|了解|为了|為了|自我)|"
    "为什么|為什麼|[是有]?(?:什么|什麼)(?:时候|時候)?|怎么样|怎麼樣|怎[么麼样樣]|如何|"
    "[是有]?(?:多少|多久|多大|多长|多長|哪[些个個里裡儿]?|几个|幾個)[个個]?|[谁誰它他她我你的了吗嗎呢吧啊是在]|"
    "是否|有没有|有沒有|能不能|可不可以|请问|請問|告诉我|告訴我|[我你他]们|[我你他]們|[这那][个些]|[這那][個些]|"
    "可以|应该|應該|以及|或者|还是|還是|需要"
)
_HIRAGANA = re.compile("[\u3041-\u309f]+")
_LOCAL = threading.local()


def tokens(text: str) -> list[str]:
    """Return the terms under which bm25 finds the text, in order, with repetitions.

    Words are stemmed and stop words are left out; an identifier counts whole and in parts; a date
    counts in its words and as year, month and day; runs of scripts without spaces count as pairs of
    neighbouring characters.

    Args:
        text: Any text; it may be empty.

    Returns:
        Terms without white space, none empty. Of a longer word the first 128 characters count.
        Text of stop words alone gives no terms: bm25 cannot find it.

    Example:
        >>> tokens("The café's 6,000 stations don't run foo_bar() on C++.")
        ['cafe', '6000', 'station', 'dont', 'run', 'foo_bar', 'foo', 'bar', 'c++']
        >>> tokens("怎么安装 GPU?")
        ['怎么', '么安', '安装', 'gpu']
        >>> tokens("15 March 2024")
        ['15', 'march', '2024', '2024-03-15']
    """
    return [term for part in token_runs(text) for term in part]


def token_runs(text: str) -> list[list[str]]:
    """Return the terms of a text in runs, within which neighbours stand next to each other.

    Each line gives the run of its words, then the run of its dates, which have no neighbours.
    Their concatenation is `tokens`.
    """
    runs = []
    for line in normal_form(text).split("\n"):
        runs += [_line_terms(line), [day for *_, day in dates(line)]]
    return runs


def is_unspaced(term: str) -> bool:
    """Return whether a term is of a script without spaces."""
    return _UNSPACED_RUN.match(term) is not None


def normal_form(text: str) -> str:
    """Return a text in NFKC and simplified Chinese, without soft hyphens."""
    return simplified(_composed(text))


def _line_terms(line: str) -> list[str]:
    return [
        term
        for word in _WORD.findall(line)
        for term in (_pairs(word) if _UNSPACED_RUN.match(word) else _terms(word[:_LONGEST_TOKEN]))
    ]


def _composed(text: str) -> str:
    """Return the text in NFKC, without the soft hyphens of PDF files."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text).replace("\u00ad", "")


def _pairs(run: str) -> list[str]:
    """Return pairs of neighbouring characters between function words, or a lone character."""
    return [
        part[i : i + 2]
        for part in _STOP_HAN.split(run)
        if part
        for i in range(max(len(part) - 1, 1))
    ]


@lru_cache(maxsize=100_000)
def _terms(word: str) -> tuple[str, ...]:
    """Return the terms of one match of `_WORD` in a script with spaces."""
    word = word.casefold().translate(_FOLD)
    if word[:1].isdigit() or (word[:1] == "v" and "." in word):
        return (word.replace(",", "").lstrip("v"),)
    word = word.removesuffix("'s").replace("'", "").replace(".", "")
    if "-" in word:
        return (*_terms(word.replace("-", "")), *_terms(word[0]), *_terms(word[2:]))
    if "_" in word:
        return (word, *(term for part in word.split("_") for term in _terms(part)))
    return (_stem(word),) if word and word not in _STOP else ()


def _stem(word: str) -> str:
    try:
        stemmer = _LOCAL.stemmer
    except AttributeError:  # a stemmer must not be shared between threads
        stemmer = _LOCAL.stemmer = Stemmer.Stemmer("english", 0)
    return str(stemmer.stemWord(word))


def matched_spans(question: str, text: str) -> tuple[tuple[int, int], ...]:
    """Return the places in a text where words of a question stand, as bm25 sees words.

    Args:
        question: The question, whose tokens are looked up.
        text: Any text.

    Returns:
        Offsets of start and end (exclusive), ascending, without overlaps. A character that NFKC
        changes may keep its word from being found.

    Example:
        >>> text = "Installed: stations 安装显卡驱动"
        >>> [text[start:end] for start, end in matched_spans("install a station? 显卡", text)]
        ['Installed', 'stations', '显卡']
    """
    asked, text = normal_form(question), simplified(text)
    wanted = frozenset([*tokens(question), *(word for *_, word in joined(asked))])
    found = [(start, end) for start, end, form in _forms(text) if form in wanted]
    for word in _WORD.finditer(text):
        if _UNSPACED_RUN.match(word[0]):
            found += _matched_pairs(word, wanted)
        elif not wanted.isdisjoint(_terms(word[0][:_LONGEST_TOKEN])):
            found.append(word.span())
    merged: list[tuple[int, int]] = []
    for span in sorted(found):
        if merged and span[0] < merged[-1][1]:
            start, end = merged.pop()
            merged.append((start, max(end, span[1])))
        else:
            merged.append(span)
    return tuple(merged)


def _forms(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the dates and separate identifiers of a text, with offsets in it."""
    begin = 0
    for line in text.split("\n"):
        for start, end, form in (*dates(line), *joined(line)):
            yield begin + start, begin + end, form
        begin += len(line) + 1


def _matched_pairs(run: re.Match[str], wanted: frozenset[str]) -> list[tuple[int, int]]:
    """Return the spans of wanted pairs and characters in a run; spans that touch are one."""
    found: list[tuple[int, int]] = []
    for place in range(len(run[0])):
        for length in (2, 1):
            start, end = run.start() + place, run.start() + place + length
            if end <= run.end() and run[0][place : place + length] in wanted:
                if found and found[-1][1] >= start:  # pairs overlap: one longer span
                    start = found.pop()[0]
                found.append((start, end))
                break
    return found


def content_words(text: str) -> list[str]:
    """Return the content words of a question, which name its subject, in their original form.

    They carry the subject of a question into the one that follows. Without a segmenter a run of
    Chinese is cut at question and function words only, so a piece may be a phrase; Japanese is cut
    at hiragana.

    Args:
        text: A question, or any text.

    Returns:
        Surface forms in the order of the text, each once (case aside), without possessive 's.

    Example:
        >>> content_words("What is the capital of France?")
        ['capital', 'France']
        >>> content_words("北京大学的校长是谁?")
        ['北京大学', '校长']
    """
    found: dict[str, str] = {}
    for word in _WORD.findall(_composed(text)):
        for piece in _content_pieces(word):
            found.setdefault(piece.casefold(), piece)
    return list(found.values())


def _content_pieces(word: str) -> list[str]:
    if _UNSPACED_RUN.match(word):
        pieces = _ASKING_HAN.sub(lambda match: match[1] or " ", word)
        if len(_HIRAGANA.sub("", pieces)) < len(pieces) * 0.9:
            pieces = _HIRAGANA.sub(" ", pieces)
        return pieces.split()
    word = word.replace("’", "'").removesuffix("'s")
    plain = word.casefold().replace("'", "")
    return [] if plain in _STOP or plain in _ASKING or not plain else [word]


_LANGUAGES = {
    "LATIN": "en", "CJK": "zh", "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko",
    "CYRILLIC": "ru", "ARABIC": "ar", "HEBREW": "he", "GREEK": "el", "THAI": "th",
    "DEVANAGARI": "hi", "BENGALI": "bn", "TAMIL": "ta", "TELUGU": "te", "GEORGIAN": "ka",
    "ARMENIAN": "hy",
}  # fmt: skip


def language_of(text: str) -> str:
    """Return the language of a text by its script, or "" if it has no letters.

    A character of Chinese, Japanese or Korean weighs as much as 2.5 letters; the script with the
    largest weight wins. The limit: a script stands for its most common language, so every language
    in Latin letters is "en", in Cyrillic "ru", in Arabic letters "ar".

    Args:
        text: Any text; it may be empty.

    Returns:
        A code of ISO 639-1, or "" for text without letters of a script in `_LANGUAGES`.

    Example:
        >>> language_of("GPU 怎么安装?"), language_of("What does 你好 mean?"), language_of("42")
        ('zh', 'en', '')
    """
    weights: Counter[str] = Counter()
    for character, count in Counter(unicodedata.normalize("NFKC", text)).items():
        if character.isalpha():
            language = _LANGUAGES.get(unicodedata.name(character, "").partition(" ")[0], "")
            weights[language] += 5 * count if language in ("zh", "ja", "ko") else 2 * count
    del weights[""]
    if weights["ja"] > 0.1 * weights["zh"]:
        weights["ja"] += weights.pop("zh", 0)
    else:
        weights["zh"] += weights.pop("ja", 0)
    return max(weights, key=weights.__getitem__) if weights.total() else ""
