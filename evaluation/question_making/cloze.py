"""Cloze questions from English and Chinese sentences: definitions, numbers, dates, names.

Pure functions. A definition becomes `What is X?`; anything else becomes a sentence with a blank,
which the answer fills. No model is involved, so the questions use the document's own words: they
are easier to retrieve than a person's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.language.analysis import language_of

SHORTEST_SENTENCE, LONGEST_SENTENCE = (
    30,
    260,
)  # characters of an English sentence; a Chinese one has about a third
CHINESE_SHARE = 3
BLANK = "____"

_PRONOUN = re.compile(
    r"(?:its?|this|that|these|those|there|he|she|they|we|i|you|one|what|which|who|here|his|her"
    r"|their|our)\b",
    re.IGNORECASE,
)
_DEFINITION = re.compile(
    r"(?P<term>(?:The |An? )?[A-Z0-9][\w'’-]*(?: [\w'’-]+){0,5}?) (?P<verb>is|are|was|were) "
    r"(?P<answer>(?:an?|the) [^.;:]{12,180})"
)
_DEFINITION_ZH = re.compile(
    r"(?P<term>[\w“”《》·]{2,14}?)(?:是|指的是|就是)(?P<answer>[^，。；！？]{4,60})"
)
_VAGUE_ZH = re.compile(
    r"^(?:这|那|它|他|她|其|此|因|但|只|不|也|还|就|都|可|如|凡|若|正)|(?:不|也|还|都|只|就|要|可|但|而|便|总|仍)$"
)
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_UNITS = "%|°C|°F|km|kg|kWh|kW|mm|cm|m|V|A|Hz|GB|MB"
_UNITS_ZH = (
    "个小时|个月|个|人|名|天|小时|分钟|秒|次|层|间|张|只|台|块|米|厘米|毫米|公里|千米|公斤|千克|克|吨|升|度|℃"
    "|%|元|瓦|千瓦时|伏"
)
_BLANKS = {
    "date": re.compile(rf"\b(?:\d{{1,2}} )?(?:{_MONTHS})(?: \d{{1,2}})?(?:,? \d{{4}})?\b(?! be)"),
    "year": re.compile(r"(?<![\d.,:-])(?:1[5-9]|20)\d{2}(?![\d.,:]*\d|-)"),
    "number": re.compile(
        rf"(?<![\w.,:-])\d+(?:[.,]\d+)*(?: ?(?:{_UNITS})\b| ?%)?(?![\w-]|[.,:]\d)"
    ),
    "name": re.compile(r"(?<=[a-z,] )[A-Z][a-z]+(?: (?:of )?[A-Z][a-z]+)+\b"),
}
_BLANKS_ZH = {
    "date": re.compile(r"\d{4} ?年(?: ?\d{1,2} ?月(?: ?\d{1,2} ?日)?)?|\d{1,2} ?月 ?\d{1,2} ?日"),
    "number": re.compile(rf"(?<![\d.])\d+(?:\.\d+)? ?(?:{_UNITS_ZH})"),
    "name": re.compile(r"《[^》]{2,20}》|“[^”]{2,12}”"),
}
_ASKS = {
    "date": "Which date is missing: “{}”?",
    "year": "Which year is missing: “{}”?",
    "number": "Which number is missing: “{}”?",
    "name": "Which name is missing: “{}”?",
}
_ASKS_ZH = {
    "date": "下面这句话里缺的是什么时间：{}",
    "number": "下面这句话里缺的是多少：{}",
    "name": "下面这句话里缺的是什么名称：{}",
}


@dataclass(frozen=True)
class ClozeQuestion:
    """A question made from a sentence.

    Attributes:
        question: Text of the question.
        start: Offset of the answer in the sentence.
        end: Offset after the answer.
        kind: `definition`, `date`, `year`, `number` or `name`.
    """

    question: str
    start: int
    end: int
    kind: str


def questions_from(sentence: str) -> Iterator[ClozeQuestion]:
    """Yield the questions that a sentence answers; none if it is short, long, or of another script.

    Example:
        >>> made = list(questions_from("The refuge was opened by the valley in 1998."))
        >>> [(each.kind, each.question) for each in made]
        [('year', 'Which year is missing: “The refuge was opened by the valley in ____.”?')]
    """
    language = language_of(sentence)
    share = CHINESE_SHARE if language == "zh" else 1
    if (
        "\n" in sentence
        or sentence[:1] in "#|>=-*"
        or not SHORTEST_SENTENCE <= len(sentence) * share <= LONGEST_SENTENCE
    ):
        return
    if language == "en":
        yield from _defined(_DEFINITION.match(sentence), "What {verb} {term}?")
        yield from _blanked(sentence, _BLANKS, _ASKS)
    elif language == "zh":
        yield from _defined(_DEFINITION_ZH.match(sentence), "{term}是什么？")
        yield from _blanked(sentence, _BLANKS_ZH, _ASKS_ZH)


def names_in(text: str) -> list[str]:
    """Return the names in a sentence, candidates for a misleading swap.

    Example:
        >>> names_in("It was led by Anna Moretti in winter.")
        ['Anna Moretti']
    """
    pattern = _BLANKS_ZH["name"] if language_of(text) == "zh" else _BLANKS["name"]
    return [match[0] for match in pattern.finditer(text)]


def _defined(match: re.Match[str] | None, template: str) -> Iterator[ClozeQuestion]:
    if match is None or _PRONOUN.match(match["term"]) or _VAGUE_ZH.search(match["term"]):
        return
    term = match["term"]
    first = term.split()[0]
    if first in ("The", "A", "An"):
        term = term[0].lower() + term[1:]
    question = template.format(
        term=term, **({"verb": match["verb"]} if "{verb}" in template else {})
    )
    end = match.start("answer") + len(match["answer"].rstrip(" .。，,"))
    yield ClozeQuestion(question, match.start("answer"), end, "definition")


def _blanked(
    sentence: str, patterns: dict[str, re.Pattern[str]], asks: dict[str, str]
) -> Iterator[ClozeQuestion]:
    """Yield one question per kind, about the first match that occurs once."""
    taken: list[tuple[int, int]] = []
    for kind, pattern in patterns.items():
        for match in pattern.finditer(sentence):
            start, end = match.span()
            inside = any(start < other_end and other < end for other, other_end in taken)
            if inside or sentence.count(match[0]) > 1 or not match[0].strip():
                continue
            taken.append((start, end))
            gap = sentence[:start] + BLANK + sentence[end:]
            yield ClozeQuestion(asks[kind].format(gap), start, end, kind)
            break
