"""Metadata filters: Haystack's syntax, and a typed expression language.

A filter is `{"field": "meta.year", "operator": ">=", "value": 2020}` or
`{"operator": "AND" | "OR" | "NOT", "conditions": [...]}`. Fields are `meta.NAME` (or just `NAME`,
see `rag.stores.fields`), `id` and `content`. `matches` is the definition that all stores follow:

- Two dates, ISO 8601 (`rag.stores.dates`), compare as points in time, by every operator.
- Numbers compare with numbers. Other texts equal the same text, and have no order.
- A missing field equals None; neither it nor a value of another type has an order.
"""

import ast
import keyword
import operator
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, cast

from haystack import Document
from haystack.errors import FilterError

from rag.errors import QuestionError
from rag.stores.dates import instant
from rag.stores.fields import HAYSTACK, value_of

Filter = dict[str, Any]

ORDER = (">", ">=", "<", "<=")
OPERATORS = ("==", "!=", *ORDER, "in", "not in")
LONGEST_EXPRESSION = 2000
DEEPEST_NESTING = 50  # nested conditions
LONGEST_SHOWN = 200  # characters of a filter shown in an error
Kind = Literal["date", "list", "none", "number", "text"]
STORED_AS_TEXT: tuple[Kind, ...] = ("date", "text")  # both are texts where they are stored

_ORDERED: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_WORDS = frozenset(keyword.kwlist) - {"and", "or", "not", "in", "True", "False", "None"}
_QUOTED_OR_NAME = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([^\W\d]\w*(?:\.[^\W\d]\w*)*)"""
)
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
    """Return the filter for an expression like `year >= 2020 and "Unit Price" > 20`.

    Comparisons (`==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `not in`) of a field with a text, a number,
    True, False, None or a list of those, joined by `and`, `or`, `not` and parentheses. A name that
    is no single word stands in quotes. Nothing is evaluated.

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
        parsed = _translate(ast.parse(_quoted_names(expression.strip()), mode="eval").body)
        check_filter(parsed)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise QuestionError(
            f"the filter {_shown(expression)} is not understood. Write comparisons joined by and, "
            'or, not, and other names than single words in quotes, for example: format == "pdf" '
            'and "Unit Price" >= 20'
        ) from None
    except FilterError as error:
        raise QuestionError(f"the filter {_shown(expression)} cannot be used: {error}.") from None
    return parsed


def _quoted_names(expression: str) -> str:
    """Return the expression with the names in quotes that Python would not read as they stand."""

    def quoted(found: re.Match[str]) -> str:
        name = found[2]
        if name is None or (
            _WORDS.isdisjoint(name.split(".")) and unicodedata.normalize("NFKC", name) == name
        ):
            return found[0]
        return repr(name)

    return _QUOTED_OR_NAME.sub(quoted, expression)


def _shown(expression: str) -> str:
    """Return the start of the typed text, on one line and without control characters."""
    text = ascii(expression)[1:-1] if not expression.isprintable() else expression
    return f"`{text[:LONGEST_SHOWN]}{'…' if len(text) > LONGEST_SHOWN else ''}`"


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
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip():
        return node.value.removeprefix("meta.")
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
    if depth > DEEPEST_NESTING:
        raise FilterError(f"conditions stand more than {DEEPEST_NESTING} deep")
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
    if operator in ORDER and kind_of(value) not in ("date", "none", "number"):
        raise FilterError(
            f"'{operator}' needs a number or an ISO 8601 date such as 2024-03-15, got {value!r}"
        )


def kind_of(value: object) -> Kind:
    """Return the type of a value, as far as filters tell them apart."""
    if value is None:
        return "none"
    if isinstance(value, str | datetime):
        return "text" if instant(value) is None else "date"
    return "number" if isinstance(value, int | float) else "list"


def comparisons(filters: Filter) -> Iterator[Filter]:
    """Yield every comparison of a checked filter."""
    if "field" in filters:
        yield filters
    for condition in filters.get("conditions", ()):
        yield from comparisons(condition)


def kinds_by_field(filters: Filter) -> dict[str, set[Kind]]:
    """Return the fields of the meta that a checked filter names, and the kinds of value it means.

    A text may also be compared with dates, which are texts too.
    """
    found: dict[str, set[Kind]] = {}
    for each in comparisons(filters):
        name, value = each["field"], each["value"]
        if name in HAYSTACK:
            continue
        values = value if each["operator"] in ("in", "not in") else [value]
        kinds = {kind_of(item) for item in values} & {"date", "number", "text"}
        found.setdefault(name, set()).update(kinds, {"date"} if "text" in kinds else ())
    return found


def matches(filters: Filter, document: Document) -> bool:
    """Return whether a passage matches a checked filter: the definition that all stores follow."""
    if "field" in filters:
        value = value_of(filters["field"], document)
        return compares(value, filters["operator"], filters["value"])
    found = (matches(condition, document) for condition in filters["conditions"])
    if filters["operator"] == "OR":
        return any(found)
    return all(found) if filters["operator"] == "AND" else not all(found)


def compares(value: object, symbol: str, wanted: Any) -> bool:  # noqa: ANN401 - any filter value
    """Return whether a field's value stands in a relation to a filter's."""
    if symbol in ("in", "not in"):
        return any(_equal(value, item) for item in wanted) == (symbol == "in")
    if symbol in ("==", "!="):
        return _equal(value, wanted) == (symbol == "==")
    one, other = _point(value), _point(wanted)
    if one is None or other is None or one[0] != other[0]:
        return False
    return _ORDERED[symbol](one[1], other[1])


def _equal(value: object, wanted: object) -> bool:
    one, other = instant(value), instant(wanted)
    return value == wanted if one is None or other is None else one == other


def _point(value: object) -> tuple[Kind, float] | None:
    """Return a number or a point in time, with its kind; None if the value has no order."""
    if isinstance(value, int | float):
        return "number", value
    moment = instant(value)
    return None if moment is None else ("date", moment)


def parted(symbol: str, value: Any) -> tuple[list[int], list[Any], bool]:  # noqa: ANN401
    """Return the points in time among a filter's values, the others, and if these are plain.

    Plain values are compared by a store exactly as by Python.
    """
    many = symbol in ("in", "not in")
    values = value if many else [value]
    found = [instant(each) for each in values]
    others = [each for each, at in zip(values, found, strict=True) if at is None]
    plain = all(_is_plain(each) and not (many and each is None) for each in others)
    return [at for at in found if at is not None], others, plain


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        # SQLite shows an array or object as its JSON text, and cuts at a NUL.
        return value[:1] not in "[{" and value.isprintable()
    if isinstance(value, float):
        return abs(value) < 2.0**53
    return value is None or (isinstance(value, int) and abs(value) < 2**53)
