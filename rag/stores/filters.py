"""Metadata filters: Haystack's syntax, and a typed expression language.

A filter is `{"field": "meta.year", "operator": ">=", "value": 2020}` or
`{"operator": "AND" | "OR" | "NOT", "conditions": [...]}`. Fields are `meta.NAME` (or just `NAME`),
`id` and `content`. The rules follow `haystack.utils.filters.document_matches_filter`, with two
clarifications: a missing field equals None and never matches an order comparison; a value of
another type never matches an order comparison (Haystack raises).
"""

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, cast

from haystack import Document
from haystack.errors import FilterError
from haystack.utils.filters import document_matches_filter

from rag.errors import QuestionError

Filter = dict[str, Any]

ORDER = (">", ">=", "<", "<=")
OPERATORS = ("==", "!=", *ORDER, "in", "not in")
LONGEST_EXPRESSION = 2000
DEEPEST = 50  # nested conditions
SHOWN = 200  # characters of a filter shown in an error
FIELDS = frozenset(each.name for each in fields(Document))
_SYMBOLS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.In: "in",
    ast.NotIn: "not in",
}


def parse_filter(expression: str) -> Filter:
    """Return the filter for an expression like `year >= 2020 and format in ["pdf"]`.

    Comparisons (`==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `not in`) of a field with a text, a number,
    True, False, None or a list of those, joined by `and`, `or`, `not` and parentheses. Nothing is
    evaluated.

    Raises:
        QuestionError: If the expression is something else; shows it and an example.

    Example:
        >>> parse_filter('year >= 2020')
        {'field': 'meta.year', 'operator': '>=', 'value': 2020}
    """
    if len(expression) > LONGEST_EXPRESSION:
        raise QuestionError(
            f"the filter has {len(expression)} characters; at most {LONGEST_EXPRESSION} are read."
        )
    try:
        parsed = _translate(ast.parse(expression.strip(), mode="eval").body)
        check_filter(parsed)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise QuestionError(
            f"the filter {_shown(expression)} is not understood. Write comparisons joined by and, "
            'or, not, for example: format == "pdf" and year >= 2020'
        ) from None
    except FilterError as error:
        raise QuestionError(f"the filter {_shown(expression)} cannot be used: {error}.") from None
    return parsed


def _shown(expression: str) -> str:
    """Return the start of the typed text, on one line and without control characters."""
    text = ascii(expression)[1:-1] if not expression.isprintable() else expression
    return f"`{text[:SHOWN]}{'…' if len(text) > SHOWN else ''}`"


def _translate(node: ast.expr) -> Filter:
    if isinstance(node, ast.BoolOp):
        operator = "AND" if isinstance(node.op, ast.And) else "OR"
        return {"operator": operator, "conditions": [_translate(value) for value in node.values]}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return {"operator": "NOT", "conditions": [_translate(node.operand)]}
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return {
            "field": f"meta.{_name(node.left)}",
            "operator": _SYMBOLS.get(type(node.ops[0])) or _refuse(node),
            "value": _value(node.comparators[0]),
        }
    return cast("Filter", _refuse(node))


def _name(node: ast.expr) -> str:
    name = ast.unparse(node) if _is_name(node) else str(_refuse(node))
    return name.removeprefix("meta.")


def _value(node: ast.expr) -> Any:  # noqa: ANN401 - any filter value
    """Return a text, number, True, False or None, or a list of those."""
    value = ast.literal_eval(node)
    if isinstance(value, list | tuple):
        value = list(value)
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, str | int | float | None):
            _refuse(node)
    return value


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _is_name(node.value))


def _refuse(node: ast.expr) -> Any:  # noqa: ANN401 - never returns
    raise ValueError(ast.dump(node))


def join_filters(*filters: Filter | None) -> Filter | None:
    """Return one filter that requires all the given ones; None if there is none."""
    given = [each for each in filters if each]
    if len(given) < 2:
        return given[0] if given else None
    return {"operator": "AND", "conditions": given}


def check_filter(filters: Filter, depth: int = 0) -> None:
    """Check that a filter follows the syntax above.

    Raises:
        haystack.errors.FilterError: If it does not.
    """
    if not isinstance(filters, dict):
        raise FilterError(f"expected a dictionary, got {filters!r}")
    if depth > DEEPEST:
        raise FilterError(f"conditions stand more than {DEEPEST} deep")
    if "field" in filters:
        _check_comparison(filters)
        return
    for key in ("operator", "conditions"):
        if key not in filters:
            raise FilterError(f"'{key}' key missing in {filters}")
    if filters["operator"] not in ("AND", "OR", "NOT"):
        raise FilterError(f"expected AND, OR or NOT, got {filters['operator']!r}")
    if not isinstance(filters["conditions"], list | tuple):
        raise FilterError(f"'conditions' needs a list, got {filters['conditions']!r}")
    for condition in filters["conditions"]:
        check_filter(condition, depth + 1)


def _check_comparison(condition: Filter) -> None:
    for key in ("operator", "value"):
        if key not in condition:
            raise FilterError(f"'{key}' key missing in {condition}")
    operator, value = condition["operator"], condition["value"]
    if not isinstance(condition["field"], str):
        raise FilterError(f"'field' needs a text, got {condition['field']!r}")
    if operator not in OPERATORS:
        raise FilterError(f"expected one of {OPERATORS}, got {operator!r}")
    if operator in ("in", "not in") and not isinstance(value, list):
        raise FilterError(f"'{operator}' needs a list, got {value!r}")
    if operator in ORDER and not _is_ordered(value):
        raise FilterError(f"'{operator}' needs a number or an ISO date, got {value!r}")


def _is_ordered(value: object) -> bool:
    return isinstance(value, int | float | datetime | None) or (
        isinstance(value, str) and is_date(value)
    )


def is_date(text: str) -> bool:
    """Return whether a text is an ISO 8601 date or time."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


@dataclass
class SqlFilter:
    """A filter as an SQL condition over the columns `id`, `content` and `meta` of a passage.

    Attributes:
        condition: The SQL text.
        values: Values for its question marks.
        slow: Conditions that SQL cannot express exactly; the SQL text calls
            `matches(number, id, content, meta)` for them.
    """

    condition: str = "1"
    values: list[Any] = field(default_factory=list)
    slow: list[Filter] = field(default_factory=list)

    def matches(self, number: int, passage_id: str, content: str, meta: str) -> bool:
        """Return whether a slow condition holds, by Haystack's own definition."""
        document = Document(id=passage_id, content=content, meta=json.loads(meta))
        return _compares(self.slow[number], document)


def matches(filters: Filter, document: Document) -> bool:
    """Return whether a passage matches a checked filter: the definition that all stores follow."""
    if "field" in filters:
        return _compares({**filters, "field": full_name(filters["field"])}, document)
    found = (matches(condition, document) for condition in filters["conditions"])
    if filters["operator"] == "OR":
        return any(found)
    return all(found) if filters["operator"] == "AND" else not all(found)


def _compares(condition: Filter, document: Document) -> bool:
    """Return whether one comparison holds, by Haystack's own definition."""
    try:
        return document_matches_filter(condition, document)
    except (FilterError, TypeError, ValueError, OverflowError):
        return False  # the document's value has another type, or is not a date


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


def _sql(filters: Filter, sql: SqlFilter) -> str:
    if "field" in filters:
        return "".join(_comparison(filters, sql))
    parts = [f"({_sql(condition, sql)})" for condition in filters["conditions"]]
    if filters["operator"] == "OR":
        return _joined(parts, " OR ") or "0"
    joined = _joined(parts, " AND ") or "1"
    return f"NOT ({joined})" if filters["operator"] == "NOT" else joined


def _joined(parts: list[str], word: str) -> str:
    """Join conditions as a balanced tree: SQLite refuses expressions over 1,000 deep."""
    if len(parts) < 3:
        return word.join(parts)
    half = len(parts) // 2
    return f"({_joined(parts[:half], word)}){word}({_joined(parts[half:], word)})"


def _comparison(condition: Filter, sql: SqlFilter) -> Iterator[str]:
    operator, value = condition["operator"], condition["value"]
    column = _column(condition["field"])
    if column is None or not is_plain(operator, value):
        sql.slow.append({**condition, "field": full_name(condition["field"])})
        yield f"matches({len(sql.slow) - 1}, p.id, p.content, p.meta)"
        return
    if operator in ORDER:
        if value is None:
            yield "0"
            return
        sql.values.append(value)
        yield f"coalesce(typeof({column}) IN ('integer', 'real') AND {column} {operator} ?, 0)"
        return
    if operator in ("==", "!="):
        sql.values.append(value)
        yield f"{column} IS {'NOT ' if operator == '!=' else ''}?"
        return
    sql.values.append(json.dumps(value))
    found = f"coalesce({column} IN (SELECT value FROM json_each(?)), 0)"  # noqa: S608 - no user text
    yield f"NOT {found}" if operator == "not in" else found


def is_plain(operator: str, value: Any) -> bool:  # noqa: ANN401 - any filter value
    """Return whether SQLite compares this value exactly as Python does."""
    if operator in ("in", "not in"):
        return all(item is not None and is_plain("==", item) for item in value)
    if isinstance(value, str):
        # SQLite shows an array or object as its JSON text, and cuts at a NUL.
        plain = not (operator in ORDER or _may_be_date(value) or "\0" in value)
        return plain and value[:1] not in "[{" and value.isprintable()
    if isinstance(value, float):
        return abs(value) < 2.0**53
    return value is None or (isinstance(value, int) and abs(value) < 2**53)


def _may_be_date(text: str) -> bool:
    """Return whether Haystack may read a text as a date and compare points in time."""
    return len(text) >= 10 and text[4] == "-" and text[7] == "-"


def _column(name: str) -> str | None:
    """Return the SQL expression of a field; None if only Python can look it up."""
    if name in ("id", "content"):
        return f"+p.{name}"  # the sign stops SQLite from comparing numbers as texts
    path = name.removeprefix("meta.").split(".")
    if name in FIELDS or not all(_is_simple(key) for key in path):
        return None
    return "json_extract(p.meta, '$" + "".join(f'."{key}"' for key in path) + "')"


def full_name(name: str) -> str:
    """Return the name Haystack uses for a field: one that is not its own is in the meta."""
    return name if name in FIELDS or name.startswith("meta.") else f"meta.{name}"


def _is_simple(key: str) -> bool:
    return key.replace("_", "").replace("-", "").replace(" ", "").isalnum() and key.isascii()
