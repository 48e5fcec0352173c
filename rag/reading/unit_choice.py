"""UnitChoice of the units that answer a question, by a linear score over features.

The best spans point; what stands around them is quoted. Features tell where the spans are, what
kind of unit it is, and whether it reads like the kind of answer that is asked for. The weights, one
set for all questions with products of kind and type, were fitted by `benchmarks/units.py` on
questions with known answers.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import get_args

from rag.language.analysis import tokens
from rag.language.lazy_patterns import lazy_pattern
from rag.language.question_rules import QuestionType
from rag.language.question_subjects import sides_of, subject_of
from rag.reading.evidence import Evidence, coverage, kind_fits
from rag.reading.surroundings import Surroundings
from rag.reading.units import Unit, UnitKind, units_of
from rag.schema import Passage
from rag.view import Span

LONGEST_VALUE = 60  # characters behind a key that a question may name whole
NEIGHBOUR_RANK = 0.1  # in place of 1 / rank, for a unit that touches no found passage
LEANS = lazy_pattern(
    r"(?:it|this|these|they|that|those|he|she|such)\b|这|它|其|此|该|他们?|她们?", re.IGNORECASE
)
_REASON = lazy_pattern(
    r"\b(?:because|since|so that|in order to|therefore|thus|due to|as a result|the reason|allows?"
    r"|helps?|avoids?|prevents?|ensures?|otherwise|means that|so (?:you|it|they|the)"
    r"|that(?:'s| is) why)\b"
    r"|因为|由于|以便|从而|因此|所以|为了|避免|防止|否则|原因|使得|有助于|目的|之所以|这样",
    re.IGNORECASE,
)
_ACTS = lazy_pattern(
    r"^\W*(?:\d+\W+)?(?:to \w+|you (?:can|could|should|need|must|have)|use|run|add|create|install"
    r"|set|open|click|select|write|call|pass|put|declare|import|define|start|type|enter|choose|make"
    r"|go|do)\b"
    r"|(?:使用|运行|执行|安装|创建|添加|设置|打开|点击|选择|输入|可以|需要|只需|通过|首先|然后|用)",
    re.IGNORECASE,
)
_COMPARES = lazy_pattern(
    r"\b(?:while|whereas|unlike|but|however|instead|than|difference|differs?|both|compared|rather|"
    r"on the other hand|in contrast)\b|而|但|不同|区别|相比|比起|更|则|都|不像|相反",
    re.IGNORECASE,
)
_KEY = lazy_pattern(r"[\s*+•·\-–—|`\"“「]*([^:：|\n]{1,40}?)[*`\"”」\s]*(?:[:：|]|\s[-–—]\s)")
_IS = (
    r"(?:\s+(?:is|are|was|were|means?|refers? to|stands? for|consists? of|provides?|describes?"
    r"|allows?)\b"
    r"|\s*(?:是(?!否|不是)|指|即|称为|叫做|意味着|表示|用于|用来|：|—|:\s))"
)


@dataclass(frozen=True)
class AskedQuestion:
    """A question with what the choice of units needs to know of it.

    Attributes:
        text: The question, as it is retrieved with.
        kind: Its type.
        weights: Token -> idf in the collection.
    """

    text: str
    kind: QuestionType
    weights: Mapping[str, float]

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Tokens of the question."""
        return tuple(tokens(self.text))

    @cached_property
    def subject(self) -> str | None:
        """The thing that a definition is asked of."""
        return subject_of(self.text)

    @cached_property
    def sides(self) -> tuple[str, ...]:
        """The things that are compared."""
        return sides_of(self.text)


@dataclass(frozen=True)
class UnitCandidate:
    """A unit that may be quoted, with its features, score, and the best span inside.

    Attributes:
        surroundings: Where it stands.
        unit: The unit.
        features: A number for each name of `FEATURES`.
        score: Linear score; differences count.
        best: The likeliest evidence that it holds, if any.
    """

    surroundings: Surroundings
    unit: Unit
    features: tuple[float, ...]
    score: float
    best: Evidence | None

    def overlaps(self, other: "UnitCandidate") -> bool:
        """Return whether two units share characters."""
        if self.surroundings is not other.surroundings:
            return False
        return any(self.unit.touches(*part) for part in other.unit.parts)


TYPES: tuple[QuestionType, ...] = get_args(QuestionType)
KINDS: tuple[UnitKind, ...] = get_args(UnitKind)
KINDS_OF: dict[QuestionType, tuple[UnitKind, ...]] = {  # of other types every kind
    "fact": ("sentence", "item", "row"),
    "table": ("sentence", "item", "row", "table"),
    "yes-no": ("sentence", "pair", "paragraph", "item", "row"),
}
_PLAIN = (
    "span", "margin", "first", "mass", "rank", "covered", "heading", "names_heading", "size",
    "defines", "reason", "acts", "compares", "sides", "fits", "opens", "introduced", "leans",
    "keyed",
)  # fmt: skip
_BY_TYPE = ("span", "size", "defines", "reason", "acts", "compares", "sides", "heading", "opens")
FEATURES = (
    *_PLAIN,
    *(f"{kind}*{of}" for of in TYPES for kind in KINDS),
    *(f"{name}*{of}" for of in TYPES for name in _BY_TYPE),
)
KEYED_TYPES = frozenset({"fact", "table", "definition"})
_KEYED = FEATURES.index("keyed")


def choose_units(
    question: AskedQuestion,
    surroundings: Sequence[Surroundings],
    evidence: Sequence[Evidence],
) -> list[UnitCandidate]:
    """Return the units that may be quoted, best first.

    Args:
        question: The question.
        surroundings: Of the passages found, best first.
        evidence: Evidence in those passages, best first.
    """
    weights = _weights()
    found = []
    for around in surroundings:
        spans = _spans(around, evidence)
        introducing = set()
        units = units_of(around)
        for unit in units:
            introducing |= set(unit.parts[: unit.lead])
        for unit in units:
            if unit.kind not in KINDS_OF.get(question.kind, KINDS):
                continue
            if not unit.lead and unit.parts[-1] in introducing and _introduces(around, unit):
                continue  # "To rename a column:" says nothing without what follows
            features, best = _features(question, around, unit, spans)
            score = sum(weights[name] * value for name, value in features.items() if value)
            values = tuple(features.get(name, 0.0) for name in FEATURES)
            found.append(UnitCandidate(around, unit, values, score, best))
    return order_units(question, found, evidence)


def order_units(
    question: AskedQuestion, units: Sequence[UnitCandidate], evidence: Sequence[Evidence]
) -> list[UnitCandidate]:
    """Return units, best first, by score; one whose key the question names leads.

    For a fact the reader's likeliest span leads as well.

    Args:
        question: The question.
        units: The units.
        evidence: Evidence, best first.
    """
    likeliest = evidence[0] if evidence and question.kind == "fact" else None

    def leads(each: UnitCandidate) -> tuple[bool, bool]:
        by_key = question.kind in KEYED_TYPES and bool(each.features[_KEYED])
        return by_key, likeliest is not None and each.best is likeliest

    return sorted(
        units,
        key=lambda each: (
            tuple(not lead for lead in leads(each)),
            -each.score,
            each.surroundings.start,
            each.unit.start,
        ),
    )


def _introduces(around: Surroundings, unit: Unit) -> bool:
    text = around.view.text[unit.parts[-1][0] : unit.parts[-1][1]].rstrip("*_` ")
    return text.endswith((":", "：", "follows", "following", "如下"))


def _spans(
    around: Surroundings, evidence: Sequence[Evidence]
) -> list[tuple[int, int, int, Evidence]]:
    """Return the spans of evidence in the readable text, each with its rank among all, from 0."""
    passages = {passage.passage_id: passage for passage in around.passages}
    found = []
    for place, each in enumerate(evidence):
        passage = passages.get(each.passage_id)
        if passage is not None:
            start, end = each.span or (each.start, each.end)
            span = around.to_view(passage.start + start, passage.start + end)
            found.append((*span, place, each))
    return found


def _features(
    question: AskedQuestion,
    around: Surroundings,
    unit: Unit,
    spans: Sequence[tuple[int, int, int, Evidence]],
) -> tuple[dict[str, float], Evidence | None]:
    inside = [(place, each) for start, end, place, each in spans if unit.touches(start, end)]
    best = inside[0][1] if inside else None
    text, words = unit.text(around), set[str]()
    words.update(tokens(text))
    body = around.view.text[unit.parts[unit.lead][0] : unit.parts[unit.lead][1]] if unit.lead < len(
        unit.parts) else text  # fmt: skip
    named = set(tokens(f"{unit.heading} {_title(around)}"))
    score = best.score if best else 0.0
    plain = {
        "span": score,
        "margin": _logit(score) / 4 if best else -1.0,
        "first": float(bool(inside) and inside[0][0] == 0),
        "mass": min(sum(each.score for _, each in inside), 2.0) / 2,
        "rank": _rank(around, unit),
        "covered": coverage(question.tokens, [*words, *named], question.weights),
        "heading": coverage(question.tokens, tokens(unit.heading), question.weights),
        "names_heading": _names(question.subject, unit.heading),
        "size": math.log(1 + unit.size / 100),
        "defines": defines(question.subject, text),
        "reason": float(bool(_REASON.search(text))),
        "acts": float(bool(_ACTS.search(body))) or float(unit.kind in ("steps", "code")),
        "compares": float(bool(_COMPARES.search(text))),
        "sides": _sides(question.sides, text, unit.heading),
        "fits": kind_fits(question.text, text),
        "opens": _opens(around, unit),
        "introduced": float(unit.lead > 0 and unit.kind not in ("row", "table")),
        "keyed": _keyed(question, body),
        "leans": float(bool(LEANS.match(text.lstrip('*_`"“ ')))),
    }
    kind = question.kind
    products = {f"{name}*{kind}": plain[name] for name in _BY_TYPE}
    return plain | {f"{unit.kind}*{kind}": 1.0} | products, best


def _keyed(question: AskedQuestion, text: str) -> float:
    """Return 1 if the question names a key and asks for its value, or the other way round.

    Of `amber: the tray is full` it names either `amber` or both words of the rest.
    """
    key = _KEY.match(text)
    if not key:
        return 0.0
    asked, words = set(question.tokens), set(tokens(key[1]))
    value = set(tokens(text[key.end() :])) if len(text) - key.end() <= LONGEST_VALUE else set()
    return float((bool(words) and words <= asked) or (len(value) > 1 and value <= asked))


def _logit(probability: float) -> float:
    bounded = min(max(probability, 0.02), 0.98)
    return math.log(bounded / (1 - bounded))


def _title(around: Surroundings) -> str:
    return around.found[0].title if around.found else ""


def _rank(around: Surroundings, unit: Unit) -> float:
    """Return 1 / rank of the best found passage that a unit touches."""
    touched = [p.rank for p in around.found if unit.touches(*_span(around, p))]
    return 1 / min(touched) if touched else NEIGHBOUR_RANK


def _span(around: Surroundings, passage: Passage) -> Span:
    return around.to_view(passage.start, passage.end)


def _opens(around: Surroundings, unit: Unit) -> float:
    """Return 1 if a unit stands right below its heading."""
    before = around.view.text[max(0, unit.start - 200) : unit.start].rstrip()
    return float(bool(unit.heading) and before.endswith(unit.heading.rstrip()))


@cache
def _definition(subject: str) -> re.Pattern[str]:
    name = re.escape(subject).replace(r"\ ", r"\s+")
    return lazy_pattern(
        rf"(?:^|[。.!！\n:：]\s*|[“\"'*_`\[「]|\b(?:an?|the)\s+|(?:所谓|这里的|术语))[*_`\[“\"「]*{name}(?:e?s)?[*_`\]”\"」]*"
        rf"(?:\s*[（(][^()（）]{{0,60}}[)）])?[^。.\n]{{0,14}}?{_IS}"
        rf"|(?:\b(?:called|named|known as)\s+(?:an?\s+|the\s+)?|(?:称为|叫做|称作|称之为)\s*)"
        rf"[*_`\[“\"「]*{name}(?:e?s)?(?!\w)",
        re.IGNORECASE,
    )


def defines(subject: str | None, text: str) -> float:
    """Return how much a text reads like the definition of a subject, from 0 to 1.

    Example:
        >>> defines("container", "A container is a lightweight package.")
        1.0
    """
    if not subject or len(subject) > 60:
        return 0.0
    head = re.sub(r"\]\([^)]*\)", "]", text[:300])
    found = _definition(subject).search(head)
    if found:
        return 1.0 if found.start() < 30 else 0.7
    return 0.3 if subject.casefold() in head.casefold() else 0.0


def _names(subject: str | None, heading: str) -> float:
    """Return how much of a heading is the subject of the question."""
    if not subject or not heading:
        return 0.0
    wanted, held = set(tokens(subject)), set(tokens(re.sub(r"\{[^}]*\}", "", heading)))
    return len(wanted & held) / max(len(wanted | held), 1)


def _sides(sides: Sequence[str], text: str, heading: str) -> float:
    """Return the share of what is compared that a text names."""
    if not sides:
        return 0.0
    held = set(tokens(f"{heading} {text}"))
    shares = [len(held & wanted) / len(wanted) for side in sides if (wanted := set(tokens(side)))]
    return sum(shares) / len(shares) if shares else 0.0


@cache
def _weights() -> Mapping[str, float]:
    """Return feature -> weight; features without one weigh nothing."""
    text = files("rag.reading").joinpath("unit_weights.json").read_text(encoding="utf-8")
    known: dict[str, float] = json.loads(text)["weights"]
    return {name: known.get(name, 0.0) for name in FEATURES}
