"""Requirements that a question has on what answers it: its names and numbers, the kind of quantity.

A sentence on the X200 does not answer a question about the X300, kilograms answer no question about
volts. A unit that lacks what is required is no answer, however likely its words are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from rag.errors import UnavailableError
from rag.language.analysis import language_of, tokens
from rag.language.asked_values import Quantity, asked_quantity, quantities_in
from rag.language.lazy_patterns import lazy_pattern
from rag.language.relations import asked_relation, relations_in, tells_another_relation
from rag.language.required_terms import required_terms, stands_in
from rag.reading.surroundings import Surroundings
from rag.reading.unit_choice import AskedQuestion, UnitCandidate
from rag.stores.contract import Store

COMMON = 0.2  # share of the passages from which on a term tells nothing: the documents are about it
ALIKE = 0.6  # least likeness of two terms, of which one may be meant for the other
_LATIN = lazy_pattern(r"(?<![\w'’.-])[A-Za-z\u00c0-\u024f]{4,24}(?![\w-]|['’]\w)")
_DIGIT = lazy_pattern(r"\d")
_NUMBER_WORD = lazy_pattern(
    r"[零一二三四五六七八九十百千万亿两半]|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven"
    r"|twelve|twenty|thirty|forty|fifty|hundred|thousand|million|billion|dozen|half|none|no)\b",
    re.IGNORECASE,
)
_MARK = lazy_pattern(r"^\s*[(（]?\d{1,3}[.)、）]\s*", re.MULTILINE)  # of an item of a list
_IN_WORDS: frozenset[Quantity] = frozenset(
    {"count", "duration", "money", "percent", "length", "date", "time of day", "version"}
)
_UNITLESS: frozenset[Quantity] = frozenset({"count", "version", "identifier"})


@dataclass(frozen=True)
class Requirements:
    """Terms and the kind of quantity that an answer must hold.

    Attributes:
        terms: Names, numbers and codes of the question that the collection's documents are not
            about as a whole.
        unknown: Those of them that no document mentions.
        unfound: Other words of the question that no document has.
        quantity: Kind of quantity that is asked for, if one is.
        relations: What is asked of a thing, such as designing it; none if nothing known is.
    """

    terms: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unfound: tuple[str, ...] = ()
    quantity: Quantity | None = None
    relations: frozenset[str] = frozenset()


def requirements_of(question: str, store: Store) -> Requirements:
    """Return what a question requires of its answer.

    A term whose words occur in many passages is not required: an answer need not repeat it. If the
    store does not answer now, every term is required.

    Args:
        question: The question.
        store: The collection.
    """
    terms = required_terms(question)
    words = {term: tokens(term) for term in (*terms, *_plain_words(question, terms))}
    every = sorted({word for some in words.values() for word in some})
    try:
        counts, total = store.document_frequencies(every)
    except UnavailableError:
        counts, total = [1] * len(every), 1
    known = dict(zip(every, counts, strict=True))
    least = {term: min((known[word] for word in some), default=0) for term, some in words.items()}
    kept = [term for term in terms if not total or least[term] <= COMMON * total]
    absent = [term for term in words if words[term] and not least[term]]
    return Requirements(
        terms=tuple(kept),
        unknown=tuple(term for term in absent if term in kept),
        unfound=tuple(term for term in absent if term not in terms),
        quantity=asked_quantity(question),
        relations=asked_relation(question),
    )


def _plain_words(question: str, terms: Sequence[str]) -> list[str]:
    """Return the longer words in Latin letters that are part of no term."""
    held = {word for term in terms for word in _LATIN.findall(term)}
    return [word for word in dict.fromkeys(_LATIN.findall(question)) if word not in held]


def missing_terms(required: Requirements, candidate: UnitCandidate) -> tuple[str, ...]:
    """Return the required terms that stand neither in a unit nor around it.

    Around it are its headings, the document's title and name, and the passage in which it begins.
    """
    if not required.terms:
        return ()
    around = context_of(candidate)
    return tuple(term for term in required.terms if not stands_in(term, around))


def context_of(candidate: UnitCandidate) -> str:
    """Return a unit's text with its headings, title, source, and the passages it touches."""
    around, unit = candidate.surroundings, candidate.unit
    touched = [
        passage
        for passage in around.passages
        if unit.touches(*around.to_view(passage.start, passage.end))
    ]
    names = [f"{p.title}\n{p.source}\n{p.heading or ''}\n{p.view.text}" for p in touched]
    return "\n".join([unit.text(around), unit.heading, *names])


def lacks_quantity(required: Requirements, candidate: UnitCandidate) -> bool:
    """Return whether a unit gives no quantity of the kind that is asked for.

    A number without a unit may be of any kind, if the unit of text gives no other kind.
    """
    kind = required.quantity
    if kind in (None, "date", "time of day"):  # an event may answer "when": at dusk
        return False
    text = _MARK.sub("", candidate.unit.text(candidate.surroundings))
    given = quantities_in(text)
    if kind in given:
        return False
    if _DIGIT.search(text):
        return bool(given - _UNITLESS)
    return kind not in _IN_WORDS or not _NUMBER_WORD.search(text)


def is_foreign(question: AskedQuestion, candidate: UnitCandidate) -> bool:
    """Return whether a unit is in another language and shares no word with the question."""
    language = language_of(question.text)
    theirs = language_of(candidate.unit.text(candidate.surroundings))
    if not language or not theirs or theirs == language:
        return False
    return set(question.tokens).isdisjoint(tokens(context_of(candidate)))


def tells_otherwise(required: Requirements, candidate: UnitCandidate) -> bool:
    """Return whether a unit tells of another relation than the one that is asked for."""
    return tells_another_relation(required.relations, _with_heading(candidate))


def tells_what_is_asked(required: Requirements, candidate: UnitCandidate) -> bool:
    """Return whether a unit tells of the relation that is asked for."""
    return bool(required.relations & relations_in(_with_heading(candidate)))


def _with_heading(candidate: UnitCandidate) -> str:
    return f"{candidate.unit.heading}\n{candidate.unit.text(candidate.surroundings)}"


def alike_terms(term: str, surroundings: Sequence[Surroundings]) -> tuple[str, ...]:
    """Return terms of the documents that one that does not stand there may be meant for.

    Args:
        term: The term.
        surroundings: Where to look.

    Returns:
        At most three, the likeliest first.
    """
    scores: dict[str, float] = {}
    for around in surroundings:
        for other in required_terms(around.view.text):
            likeness = SequenceMatcher(None, term.casefold(), other.casefold()).ratio()
            if likeness >= ALIKE:
                scores[other] = likeness
    return tuple(sorted(scores, key=lambda each: (-scores[each], each))[:3])
