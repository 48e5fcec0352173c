"""Fields of a query beside its id and text, in whatever form a set of others has them.

Gold answers are used in every form that holds texts or numbers: one text, lists, lists of lists,
objects with `text`. Whatever cannot be used is named once in the data set's notes, and is never a
reason to stop. Only an empty list of answers says that the documents do not answer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from evaluation.datasets.fields import filters_of, misspelt

ANSWERS = (
    "answers", "answer", "gold_answers", "gold_answer", "golden_answers", "golden_answer",
    "ground_truths", "ground_truth", "expected_answers", "expected_answer", "reference_answers",
    "reference_answer",
)  # fmt: skip
ALIASES = ("answer_aliases", "aliases")  # other ways to write the answer


@dataclass
class FurtherFields:
    """Further fields of queries: which were used, and which could not be.

    Attributes:
        known: The fields that are read elsewhere.
        nested: Number of queries whose answers stand in lists of lists.
        unreadable: Field -> locations of values that hold something other than texts.
        unused: Names of the other fields, in the order of the file.
    """

    known: tuple[str, ...]
    nested: int = 0
    unreadable: dict[str, list[str]] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)

    def answers_of(self, row: Mapping[str, Any], where: str) -> tuple[str, ...] | None:
        """Return a query's gold answers, each once; None if none are known.

        Args:
            row: The query.
            where: Its location.
        """
        name = next((each for each in ANSWERS if row.get(each) is not None), None)
        used = {*self.known, "filters", *ALIASES, *([name] if name else [])}
        for each in row:
            if each not in used and each not in self.unused:
                self.unused[each] = misspelt(each, {"answers", "filters"} - set(row))
        if name is None:
            return None
        value = row[name]
        if value == []:
            return ()
        self.nested += isinstance(value, list) and any(isinstance(each, list) for each in value)
        found = self._texts(name, value, where)
        if found:
            for alias in ALIASES:
                found += self._texts(alias, row.get(alias), where)
        return tuple(dict.fromkeys(found)) or None

    def filters_of(self, row: Mapping[str, Any], where: str) -> Mapping[str, Any] | None:
        """Return a query's `filters`; None if it has none in Haystack's form.

        Raises:
            DatasetError: If they are meant as a filter and do not follow the syntax.
        """
        value = row.get("filters")
        if value is None or (isinstance(value, dict) and {"operator", "field"} & set(value)):
            return filters_of(row, where)
        self.unreadable.setdefault("filters", []).append(where)
        return None

    @property
    def notes(self) -> tuple[str, ...]:
        """Caveats for the reader of the numbers."""
        found = []
        if self.nested:
            found.append(
                f"The answers of {self.nested} queries stand in lists of lists: each text counts "
                "as an answer by itself."
            )
        for name, places in self.unreadable.items():
            found.append(
                f"`{name}` of {len(places)} queries holds something that cannot be used, which is "
                f"left out (first in {places[0]})."
            )
        if self.unused:
            names = (f"`{_short(each)}`{_meant(meant)}" for each, meant in self.unused.items())
            found.append(f"Fields of queries that are not used: {', '.join(names)}.")
        return tuple(found)

    def _texts(self, name: str, value: Any, where: str) -> list[str]:  # noqa: ANN401 - any JSON
        found = list(_parts(value))
        if None in found:
            self.unreadable.setdefault(name, []).append(where)
        return [each for each in found if each is not None]


def _parts(value: Any) -> Iterator[str | None]:  # noqa: ANN401 - any JSON
    """Yield the texts of a value, depth first; None for each part that is no text."""
    if isinstance(value, dict) and "text" in value:
        yield from _parts(value["text"])
    elif isinstance(value, list):
        for each in value:
            yield from _parts(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, str) and value.strip():
        yield value
    elif value is not None:
        yield None


def _short(name: str) -> str:
    return " ".join(name.split())[:80]


def _meant(name: str) -> str:
    return f" (did you mean `{name}`?)" if name else ""
