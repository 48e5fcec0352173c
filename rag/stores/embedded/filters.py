"""Metadata filters as SQL conditions, with the exact meaning of `rag.stores.filters`.

They read the columns `id`, `content` and `meta` of a passage `p`. Two functions of ours stand in
them: `instant(text)`, the point in time of a date, and `matches(number, id, content, meta)`, which
decides in Python what SQL cannot express exactly.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from haystack import Document

from rag.stores.dates import instant
from rag.stores.fields import HAYSTACK, Path, paths_of
from rag.stores.filters import ORDER, Filter, check_filter, matches, parted

_HOLDS_NUL = "instr(p.meta, '\\u0000')"  # SQLite cuts a text there


@dataclass
class SqlFilter:
    """A filter as an SQL condition.

    Attributes:
        condition: The SQL text.
        values: Values for its question marks.
        slow: Comparisons that are decided in Python, by number.
    """

    condition: str = "1"
    values: list[Any] = field(default_factory=list)
    slow: list[Filter] = field(default_factory=list)

    def install(self, connection: sqlite3.Connection) -> None:
        """Give a connection the functions that the condition calls."""
        connection.create_function("instant", 1, instant, deterministic=True)
        connection.create_function("matches", 4, self._matches)

    def _matches(self, number: int, passage_id: str, content: str, meta: str) -> bool:
        document = Document(id=passage_id, content=content, meta=json.loads(meta))
        return matches(self.slow[number], document)


def to_sql(filters: Filter | None) -> SqlFilter:
    """Return the SQL form of a checked filter.

    Raises:
        haystack.errors.FilterError: If the filter does not follow the syntax.
    """
    if not filters:
        return SqlFilter()
    check_filter(filters)
    sql = SqlFilter()
    sql.condition = _sql(filters, sql)
    return sql


def column_of(name: str, function: str = "json_extract") -> str | None:
    """Return the SQL expression of a field; None if only Python can look it up.

    Args:
        name: The field.
        function: `json_extract` for its value, or `json_type` for the type of that.
    """
    if name in HAYSTACK:
        return f"+p.{name}" if name in ("id", "content") else None  # no affinity: as it stands
    paths = paths_of(name)
    if not all(_is_simple(key) for path in paths for key in path):
        return None
    places = [_place(path) for path in paths]
    found = f"{function}(p.meta, {places[-1]})"
    for place in reversed(places[:-1]):
        here = f"json_type(p.meta, {place}) IS NOT NULL"
        found = f"CASE WHEN {here} THEN {function}(p.meta, {place}) ELSE {found} END"
    return found if len(places) == 1 else f"({found})"


def _place(path: Path) -> str:
    return "'$" + "".join(f'."{key}"' for key in path) + "'"


def _is_simple(key: str) -> bool:
    return bool(key) and key.isascii() and key.isprintable() and not set(key) & set("\"'\\")


def _sql(filters: Filter, sql: SqlFilter) -> str:
    if "field" in filters:
        return _comparison(filters, sql)
    parts = [f"({_sql(condition, sql)})" for condition in filters["conditions"]]
    if filters["operator"] == "OR":
        return _joined(parts, " OR ") or "0"
    joined = _joined(parts, " AND ") or "1"
    return f"NOT ({joined})" if filters["operator"] == "NOT" else joined


def _joined(parts: Sequence[str], word: str) -> str:
    """Join conditions as a balanced tree: SQLite refuses expressions over 1,000 deep."""
    if len(parts) < 3:
        return word.join(parts)
    half = len(parts) // 2
    return f"({_joined(parts[:half], word)}){word}({_joined(parts[half:], word)})"


def _comparison(condition: Filter, sql: SqlFilter) -> str:
    symbol, value = condition["operator"], condition["value"]
    if symbol in ORDER and value is None:
        return "0"
    column = column_of(condition["field"])
    moments, others, plain = parted(symbol, value)
    if column is None or not plain or (moments and condition["field"] in HAYSTACK):
        return _in_python(condition, sql)
    if not moments:
        return _plain(column, symbol, value, sql)
    in_python = _in_python(condition, sql)
    parts = [_plain(column, "in", others, sql)] if others else []
    if symbol in ORDER:
        sql.values += moments
        parts.append(f"coalesce({moment_of(column)} {symbol} ?, 0)")
    else:
        parts.append(_plain(moment_of(column), "in", moments, sql))
    found = " OR ".join(parts)
    if symbol in ("!=", "not in"):
        found = f"NOT ({found})"
    return f"CASE WHEN {_HOLDS_NUL} THEN {in_python} ELSE ({found}) END"


def moment_of(column: str) -> str:
    """Return the SQL expression of the point in time of a date in a column; NULL for others."""
    may = f"{column} GLOB '[0-9][0-9][0-9][0-9]*' AND {column} NOT GLOB '*[^-+0-9:.,TtZz ]*'"
    return f"instant(CASE WHEN {may} THEN {column} END)"


def _in_python(condition: Filter, sql: SqlFilter) -> str:
    sql.slow.append(condition)
    return f"matches({len(sql.slow) - 1}, p.id, p.content, p.meta)"


def _plain(column: str, symbol: str, value: Any, sql: SqlFilter) -> str:  # noqa: ANN401
    """Return the comparison with a value, or values, none of which is a date."""
    if symbol in ("==", "!=", *ORDER):
        sql.values.append(value)
    if symbol in ORDER:
        return f"coalesce(typeof({column}) IN ('integer', 'real') AND {column} {symbol} ?, 0)"
    if symbol in ("==", "!="):
        return f"{column} IS {'NOT ' if symbol == '!=' else ''}?"
    sql.values.append(json.dumps(value))
    found = f"coalesce({column} IN (SELECT value FROM json_each(?)), 0)"  # noqa: S608 - no user text
    return f"NOT {found}" if symbol == "not in" else found
