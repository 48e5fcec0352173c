"""Facts about a filter in a collection: fields that no passage has, values of another type."""

# ruff: noqa: S608 - only simple names and constants are put into SQL

import json
import sqlite3
from collections.abc import Container, Sequence
from typing import Any

from rag.stores.dates import instant
from rag.stores.embedded.filters import column_of, moment_of
from rag.stores.embedded.journal import VISIBLE, Journal
from rag.stores.fields import (
    MOST_CHECKED,
    MOST_COUNTED,
    OWN_FIELDS,
    RESERVED,
    FilterFacts,
    OtherType,
    is_own,
    look_up,
    plain_name,
)
from rag.stores.filters import STORED_AS_TEXT, Filter, Kind, kind_of, kinds_by_field

_SHOWN = f"FROM passages p WHERE {VISIBLE.format('p')}"


def facts_of(journal: Journal, filters: Filter, generation: int) -> FilterFacts:
    """Return what one generation says to a checked filter.

    Each question is one pass over the passages, or less; how many are asked has a limit.
    """
    wanted = kinds_by_field(filters)
    questions = _Questions(journal, generation, list(wanted))
    names = [name for name in wanted if not is_own(name)][:MOST_CHECKED]
    unknown = tuple(name for name in names if not questions.has(name))
    if unknown and questions.ask("SELECT 1"):
        return FilterFacts(unknown, questions.names())
    counted = [(name, kinds) for name, kinds in wanted.items() if kinds][:MOST_COUNTED]
    others = [
        OtherType(plain_name(name), kind, count)
        for name, kinds in counted
        for kind, count in questions.other_documents(name, kinds).items()
    ]
    return FilterFacts(others=tuple(others))


class _Questions:
    """Questions to the passages of one generation.

    Args:
        journal: The journal.
        generation: The generation.
        names: The fields, by whose place here SQL names them.
    """

    def __init__(self, journal: Journal, generation: int, names: Sequence[str]) -> None:
        self._journal, self._generation, self._names = journal, generation, names

    def ask(self, select: str, more: str = "LIMIT 1") -> list[tuple[Any, ...]]:
        with self._journal.database.cursor() as cursor:
            self._install(cursor.connection)
            values = (self._generation, self._generation)
            return cursor.execute(f"{select} {_SHOWN} {more}", values).fetchall()

    def has(self, name: str) -> bool:
        """Return whether a passage has a field, with or without a value."""
        column = column_of(name, "json_type")
        found = f"has({self._names.index(name)}, p.meta)" if column is None else column
        return bool(self.ask("SELECT 1", f"AND {found} IS NOT NULL LIMIT 1"))

    def names(self) -> tuple[str, ...]:
        """Return the names of the documents' fields."""
        found = [
            self._journal.rows(
                f"SELECT DISTINCT k.key FROM passages p, json_each(p.meta, '{place}') k"
                f" WHERE {VISIBLE.format('p')} AND k.key IS NOT NULL",
                (self._generation, self._generation),
            )
            for place in ("$", f"$.{OWN_FIELDS}")
        ]
        outer, own = ({str(row[0]) for row in rows} for rows in found)
        return tuple(sorted(outer - RESERVED | own))

    def other_documents(self, name: str, wanted: Container[Kind]) -> dict[str, int]:
        """Return how many documents have a text or number in a field where neither is wanted."""
        types, column = column_of(name, "json_type"), column_of(name)
        if types is None or column is None:
            kind = f"kind({self._names.index(name)}, p.meta)"
        else:
            kind = (
                f"CASE WHEN {types} IN ('integer', 'real', 'true', 'false') THEN 'number' WHEN"
                f" {types} = 'text' THEN iif({moment_of(column)} IS NULL, 'text', 'date') END"
            )
        counted = f"SELECT {kind}, count(DISTINCT coalesce(p.d, -p.n))"
        found = {str(key): int(count) for key, count in self.ask(counted, "GROUP BY 1")}
        sums = {
            "text": sum(found.get(kind, 0) for kind in STORED_AS_TEXT if kind not in wanted),
            "number": 0 if "number" in wanted else found.get("number", 0),
        }
        return {kind: count for kind, count in sums.items() if count}

    def _install(self, connection: sqlite3.Connection) -> None:
        connection.create_function("instant", 1, instant, deterministic=True)
        connection.create_function("has", 2, self._has)
        connection.create_function("kind", 2, self._kind)

    def _has(self, number: int, meta: str) -> bool | None:
        return look_up(self._names[number], json.loads(meta))[0] or None

    def _kind(self, number: int, meta: str) -> Kind:
        return kind_of(look_up(self._names[number], json.loads(meta))[1])
