"""The units to quote: those that hold what a question requires, or why there are none."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from rag.reading.answer_probability import answer_probability
from rag.reading.evidence import Evidence
from rag.reading.requirements import (
    Requirements,
    alike_terms,
    is_foreign,
    lacks_quantity,
    missing_terms,
    tells_otherwise,
    tells_what_is_asked,
)
from rag.reading.surroundings import Surroundings
from rag.reading.unit_choice import AskedQuestion, UnitCandidate, choose_units

FOREIGN: Final = (
    "the passages found are in another language than the question: nothing is translated, only "
    "names and numbers find each other"
)


@dataclass(frozen=True)
class UnitChoice:
    """Units that may be quoted, or the reason why none may.

    Attributes:
        question: The question with its type.
        candidates: The units that hold what the question requires, best first.
        refusal: Reason why no unit may be quoted; None if one may, or none was found at all.
        refused: The units that lack something, best first, if that is the reason.
        missing: Names and words of the question that no document has.
    """

    question: AskedQuestion
    candidates: tuple[UnitCandidate, ...]
    refusal: str | None = None
    refused: tuple[UnitCandidate, ...] = ()
    missing: tuple[str, ...] = ()

    @cached_property
    def probability(self) -> float:
        """Calibrated probability, from 0 to 1, that an answer made of the units is right."""
        return answer_probability(self.question, self.candidates)


def choose(
    question: AskedQuestion,
    required: Requirements,
    surroundings: Sequence[Surroundings],
    evidence: Sequence[Evidence],
) -> UnitChoice:
    """Return the units of some passages that may be quoted.

    Args:
        question: The question.
        required: What it requires of an answer.
        surroundings: Of the passages found, best first.
        evidence: Evidence in them, best first.
    """
    found = choose_units(question, surroundings, evidence)
    every = [each for each in found if not is_foreign(question, each)]
    if found and not every:
        unknown = required.unknown
        reason = _refusal(unknown, required, surroundings) if unknown else FOREIGN
        return UnitChoice(question, (), reason, tuple(found), unknown)
    absent = (*required.unknown, *required.unfound)
    missing = {id(each): missing_terms(required, each) for each in every}
    named = [each for each in every if not missing[id(each)]]
    given = [each for each in named if not lacks_quantity(required, each)]
    kept = given
    if any(tells_otherwise(required, each) for each in given):
        kept = [each for each in given if tells_what_is_asked(required, each)]
    if kept or not every:
        return UnitChoice(question, tuple(kept), missing=absent)
    if given:
        wanted = " or ".join(sorted(required.relations))
        reason = f"the passages found tell nothing of {wanted}"
        return UnitChoice(question, (), reason, tuple(every), absent)
    if named:
        reason = f"the passages found give no {required.quantity}"
        return UnitChoice(question, (), f"{reason} that answers this", tuple(every), absent)
    nowhere = [term for term in required.terms if all(term in lost for lost in missing.values())]
    reason = _refusal(nowhere or list(required.terms), required, surroundings)
    return UnitChoice(question, (), reason, tuple(every), absent)


def _refusal(
    absent: Sequence[str], required: Requirements, surroundings: Sequence[Surroundings]
) -> str:
    unknown = [term for term in absent if term in required.unknown]
    if not unknown:
        return f"no passage found mentions {listed_terms(absent)} where it could answer this"
    alike = [other for term in unknown for other in alike_terms(term, surroundings)]
    hint = f"; there is {listed_terms(list(dict.fromkeys(alike))[:3])}" if alike else ""
    return f"nothing in the documents mentions {listed_terms(unknown)}{hint}"


def listed_terms(terms: Sequence[str]) -> str:
    """Return terms in code marks, joined as a sentence does."""
    quoted = [f"`{term}`" for term in terms]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
