"""Metadata filters as Elasticsearch queries, with the exact meaning of `rag.stores.filters`.

A passage's metadata is searched through `facets`, terms made here: `FIELD` for every field that
has a value, also `FIELD s TEXT` for a text, and `FIELD n` and sixteen digits that sort as the
numbers do for a number or a truth value; `FIELD 0` for a field without a value. Filters that such
terms cannot express (dates, lists, texts that are no printable line) are left to Python: `to_query`
then returns a query that may match more.
"""

import hashlib
import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rag.stores.fields import HAYSTACK, STRUCTURE, Path, paths_of
from rag.stores.filters import ORDER, Filter, Kind, check_filter, parted

Query = dict[str, Any]

EVERYTHING: Query = {"match_all": {}}
NOTHING: Query = {"match_none": {}}
DEEPEST_QUERY = 20  # nested queries; the server refuses more than 30, and has some around these
LONGEST_TERM = 200  # characters of a name or text in a term; longer ones are hashed
MARK, _EMPTY = "\x1f", "0"
_MONTH, _DAY = "(0[1-9]|1[0-2])", "(0[1-9]|[12][0-9]|3[01])"
_LIKE_A_DATE = f"[0-9]{{4}}(-{_MONTH}-|{_MONTH}){_DAY}([Tt ][0-9].*)?"
_BEHIND = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}


@dataclass(frozen=True)
class Bounds:
    """A filter as two queries: `all_of` matches at least the filter's rows, `sure` at most."""

    all_of: Query
    sure: Query

    @property
    def is_exact(self) -> bool:
        """Whether both queries are the same, so that nothing is left to Python."""
        return self.all_of == self.sure


def to_query(filters: Filter) -> Bounds:
    """Return a filter as queries.

    Raises:
        haystack.errors.FilterError: If the filter does not follow the syntax.
    """
    check_filter(filters)
    bounds = _bounds(filters)
    if _depth(bounds.all_of) > DEEPEST_QUERY:
        return Bounds(EVERYTHING, NOTHING)
    return bounds


def facets(meta: Mapping[str, Any]) -> list[str]:
    """Return the terms of a passage's metadata.

    Example:
        >>> [term.replace(MARK, " ") for term in facets({"a": {"b": "x"}, "c": None})]
        ['["a"]', '["a", "b"]', '["a", "b"] sx', '["c"] 0']
    """
    return list(_facets((), meta))


def _facets(path: Path, meta: Mapping[str, Any]) -> Iterator[str]:
    for key, value in meta.items():
        here = (*path, str(key))
        name = _name(here)
        if value is None:
            if path or key not in STRUCTURE:
                yield name + MARK + _EMPTY
            continue
        yield name
        if isinstance(value, Mapping):
            yield from _facets(here, value)
        elif isinstance(value, str):
            yield f"{name}{MARK}s{_short(value)}"
        elif isinstance(value, bool | int | float):
            yield f"{name}{MARK}n{_digits(value)}"


def _short(text: str) -> str:
    if len(text) <= LONGEST_TERM and text.isprintable():
        return text
    return "#" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _digits(value: float) -> str:
    """Return a number as text that sorts as the number does; too large ones are infinite."""
    try:
        number = float(value) + 0.0  # -0.0 becomes 0.0
    except OverflowError:
        number = float("inf") if value > 0 else float("-inf")
    bits: int = struct.unpack(">Q", struct.pack(">d", number))[0]
    return f"{bits ^ (2**64 - 1) if bits >> 63 else bits | 1 << 63:016x}"


def _bounds(filters: Filter) -> Bounds:
    if "field" in filters:
        return _comparison(filters["field"], filters["operator"], filters["value"])
    parts = [_bounds(condition) for condition in filters["conditions"]]
    operator = filters["operator"]
    if operator == "OR":
        return Bounds(_any([p.all_of for p in parts]), _any([p.sure for p in parts]))
    both = Bounds(_all([p.all_of for p in parts]), _all([p.sure for p in parts]))
    return both if operator == "AND" else Bounds(_not(both.sure), _not(both.all_of))


def _comparison(field: str, operator: str, value: Any) -> Bounds:  # noqa: ANN401
    if operator in ORDER and value is None:
        return Bounds(NOTHING, NOTHING)
    dates, others, plain = parted(operator, value)
    if not plain or field in HAYSTACK - {"id"} or (dates and field == "id"):
        return Bounds(EVERYTHING, NOTHING)
    if operator in ORDER:
        exact = _any([_ordered(field, operator, each) for each in others])
    else:
        exact = _any([_equal(field, each) for each in others])
    texts = _any([exact, has_kind(field, "text")]) if dates else exact
    if operator in ("!=", "not in"):
        return Bounds(_not(exact), _not(texts))
    return Bounds(texts, exact)


def _equal(field: str, value: Any) -> Query:  # noqa: ANN401 - a plain value
    if field == "id":
        return {"term": {"id": value}} if isinstance(value, str) else NOTHING
    if value is None:
        return _at(field, lambda name: _not(_term(name)))
    end = f"s{_short(value)}" if isinstance(value, str) else f"n{_digits(value)}"
    return _at(field, lambda name: _term(name + MARK + end))


def _ordered(field: str, operator: str, value: float) -> Query:
    if field == "id":
        return NOTHING

    def between(name: str) -> Query:
        start = f"{name}{MARK}n"
        limits = {"gt": start} if operator[0] == "<" else {"lt": f"{start}g"}
        limits[_BEHIND[operator]] = f"{start}{_digits(value)}"
        return {"range": {"facets": limits}}

    return _at(field, between)


def has_field(field: str) -> Query:
    """Return the query for the rows that have a field, with or without a value."""
    return _any([_has(_name(path)) for path in paths_of(field)])


def has_kind(field: str, kind: Kind) -> Query:
    """Return the query for the rows whose field is a number, or a text or date."""
    letter, after = ("n", "o") if kind == "number" else ("s", "t")

    def between(name: str) -> Query:
        return {"range": {"facets": {"gte": name + MARK + letter, "lt": name + MARK + after}}}

    return _at(field, between)


def like_a_date(field: str) -> Query:
    """Return the query for the rows whose field is a text that looks like an ISO 8601 date."""

    def looks(name: str) -> Query:
        begin = re.sub(r"([^A-Za-z0-9])", r"\\\1", f"{name}{MARK}s")
        return {"regexp": {"facets": {"value": begin + _LIKE_A_DATE, "flags": "NONE"}}}

    return _at(field, looks)


def _at(field: str, compare: Callable[[str], Query]) -> Query:
    """Return the query for a field at the first of its places in the meta that a row has."""
    *first, last = (_name(path) for path in paths_of(field))
    query = compare(last)
    for name in reversed(first):
        here = _has(name)
        query = _any([_all([here, compare(name)]), _all([_not(here), query])])
    return query


def _has(name: str) -> Query:
    return _any([_term(name), _term(name + MARK + _EMPTY)])


def _name(path: Path) -> str:
    return _short(json.dumps(path, ensure_ascii=True))


def _term(text: str) -> Query:
    return {"term": {"facets": text}}


def _all(queries: list[Query]) -> Query:
    kept = [query for query in queries if query != EVERYTHING]
    if NOTHING in kept:
        return NOTHING
    return kept[0] if len(kept) == 1 else {"bool": {"filter": kept}} if kept else EVERYTHING


def _any(queries: list[Query]) -> Query:
    if EVERYTHING in queries:
        return EVERYTHING
    kept = [query for query in queries if query != NOTHING and "term" not in query]
    terms: dict[str, list[Any]] = {}
    for query in queries:
        for field, value in query.get("term", {}).items():
            terms.setdefault(field, []).append(value)
    kept += [{"terms": {field: values}} for field, values in terms.items()]  # thousands are one
    if len(kept) < 2:
        return kept[0] if kept else NOTHING
    return {"bool": {"should": kept, "minimum_should_match": 1}}


def _not(query: Query) -> Query:
    if query in (EVERYTHING, NOTHING):
        return NOTHING if query == EVERYTHING else EVERYTHING
    denied = query.get("bool", {}).get("must_not")
    return denied[0] if denied else {"bool": {"must_not": [query]}}


def _depth(query: Query) -> int:
    inner = query.get("bool", {})
    return 1 + max(
        (_depth(each) for part in inner.values() if isinstance(part, list) for each in part),
        default=0,
    )
