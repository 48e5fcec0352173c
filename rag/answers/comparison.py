"""Units that tell how things compare: what is said of all together, and of each alone."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from rag.language.analysis import tokens
from rag.reading.unit_choice import AskedQuestion, UnitCandidate, defines

LONGEST_SIDE: Final = 500  # characters of a unit that tells of a thing compared
SIDE_BEHIND: Final = 1.5  # most by which a unit on one of them lies behind that on all
BEGINNING: Final = 30  # characters in which a sentence names what it tells of
DIFFERS: Final = 2.0  # gain of a unit on all things compared that says how they differ
DEFINES: Final = 3.0  # gain of a unit that defines the thing that it is to tell of
SURE: Final = 0.7  # from how much on it defines it
HEADED: Final = 1.0  # of one that stands below its name
_DIFFERS = re.compile(
    r"\b(?:differ\w*|unlike|whereas|while|contrast|compared|distinct\w*|instead of|versus)\b"
    "|区别|差别|差异|不同|相比|相反|[，；,;]\\s*而(?!且)",
    re.IGNORECASE,
)


def compared_units(
    question: AskedQuestion, candidates: Sequence[UnitCandidate], characters: int
) -> list[UnitCandidate]:
    """Return the best unit on all things compared, and the best on each alone.

    Args:
        question: A question that compares at least two things.
        candidates: Units, best first.
        characters: Size of all together, which the last may exceed.
    """
    telling = _telling_tokens(question.sides)
    short = [
        _Sides.of(each, question.sides, telling)
        for each in candidates
        if each.unit.size <= LONGEST_SIDE
    ]
    joint = [each for each in short if each.are_together]
    together = max(joint, key=lambda each: each.merit_together, default=None)
    chosen = [] if together is None else [together.candidate]
    least = -math.inf if together is None else together.candidate.score - SIDE_BEHIND
    for place in range(len(question.sides)):
        own = sorted(
            (
                each
                for each in short
                if each.is_about(place) and (each.defines[place] or each.merits[place] >= least)
            ),
            key=lambda each: -each.merits[place],
        )
        fits = (each.candidate for each in own if not any(map(each.candidate.overlaps, chosen)))
        if sum(each.unit.size for each in chosen) < characters:
            chosen += islice(fits, 1)
    return chosen


@dataclass(frozen=True)
class _Sides:
    """A unit, and where it names the things that are compared.

    Attributes:
        candidate: The unit.
        parts: For each part, which things it names.
        firsts: For each part, which things its first words name.
        above: Which things its heading names.
        defines: Which things it defines.
        merits: Its score as what is said of each thing.
    """

    candidate: UnitCandidate
    parts: tuple[tuple[bool, ...], ...]
    firsts: tuple[tuple[bool, ...], ...]
    above: tuple[bool, ...]
    defines: tuple[bool, ...]
    merits: tuple[float, ...]

    @classmethod
    def of(
        cls, candidate: UnitCandidate, sides: Sequence[str], telling: Sequence[set[str]]
    ) -> "_Sides":
        """Return where a unit names some things, by the tokens that tell them apart."""

        def named(text: str) -> tuple[bool, ...]:
            held = set(tokens(text))
            return tuple(side <= held for side in telling)

        unit, whole = candidate.unit, candidate.surroundings.view.text
        texts = [whole[start:end] for start, end in unit.parts]
        above, body = named(unit.heading), "\n".join(texts[unit.lead :])
        defining = [defines(side, body) for side in sides]
        merits = tuple(
            candidate.score + DEFINES * share + HEADED * is_above
            for share, is_above in zip(defining, above, strict=True)
        )
        firsts = tuple(named(text[:BEGINNING]) for text in texts)
        parts, sure = tuple(map(named, texts)), tuple(share >= SURE for share in defining)
        return cls(candidate, parts, firsts, above, sure, merits)

    @property
    def are_together(self) -> bool:
        """Whether one part names all things, or each thing begins a part of its own."""
        return any(map(all, self.parts)) or all(map(any, zip(*self.firsts, strict=True)))

    @property
    def merit_together(self) -> float:
        """Its score as what is said of all things, higher if it says how they differ."""
        text = self.candidate.unit.text(self.candidate.surroundings)
        return self.candidate.score + DIFFERS * bool(_DIFFERS.search(text))

    def is_about(self, place: int) -> bool:
        """Return whether it tells of one of the things, and not as much of another."""
        own = self.candidate.unit.lead
        inside = tuple(map(any, zip(*self.parts[own:], strict=True)))
        for named in (self.firsts[own], inside, self.above):
            if any(named):
                return named[place] and sum(named) == 1
        return False


def _telling_tokens(sides: Sequence[str]) -> list[set[str]]:
    """Return the tokens of each thing compared that not all of them have."""
    every = [set(tokens(side)) for side in sides]
    common = set.intersection(*every)
    return [some - common or some for some in every]
