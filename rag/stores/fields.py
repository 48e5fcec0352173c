"""Fields of passages by name: those of the document first, then the passage's own.

A passage's meta holds the document's fields, and beside them its own (`STRUCTURE`). Fields of the
document with such a name, as the column `page` of a table, stand in `meta["fields"]`; a filter that
names `page` means them, and the passage's own page where the document has no such field.
`passage.page` is always the passage's own.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from haystack import Document

from rag.errors import UnknownFieldError
from rag.view import EDITS, PLACES

# Meta fields that locate a passage.
SHOWN_FIELDS = ("document_id", "number", "source", "title", "heading", "page", "start", "end")
STRUCTURE = (*SHOWN_FIELDS, EDITS, PLACES)
OWN_FIELDS = "fields"  # the document's fields with one of these names, or this one
RESERVED = frozenset({*STRUCTURE, OWN_FIELDS})
PASSAGE = "passage."  # before a name: the passage's own field
HAYSTACK = frozenset(each.name for each in fields(Document))  # the fields of `Document` itself
MOST_CHECKED = 30  # fields of one filter that are looked for
MOST_COUNTED = 5  # fields of one filter whose other types are counted
MOST_SHOWN = 30  # fields in an error
_LONGEST_NAME = 60  # characters of a name in an error

Path = tuple[str, ...]


@dataclass(frozen=True)
class OtherType:
    """Values of another type than a filter's: `documents` of them have `name` as `kind`."""

    name: str
    kind: str  # `text` or `number`
    documents: int

    def __str__(self) -> str:
        what = "1 document has" if self.documents == 1 else f"{self.documents:,} documents have"
        return f"{what} `{shown(self.name)}` as {self.kind}"


@dataclass(frozen=True)
class FilterFacts:
    """Fields and values of a filter, compared with those of a collection.

    Attributes:
        unknown: Names in the filter that no passage has.
        known: The fields there are, if one is unknown; the document's own, sorted.
        others: Values of another type than the filter's.
    """

    unknown: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    others: tuple[OtherType, ...] = ()


def plain_name(name: str) -> str:
    """Return the name of a field as people write it: without `meta.`."""
    return name.removeprefix("meta.")


def is_own(name: str) -> bool:
    """Return whether every passage has a field, whatever its document."""
    name = plain_name(name).removeprefix(PASSAGE)
    return name in SHOWN_FIELDS


def paths_of(name: str) -> list[Path]:
    """Return where in the meta a field may stand; the first place there is counts.

    Example:
        >>> paths_of("meta.year"), paths_of("page"), paths_of("passage.page")
        ([('year',)], [('fields', 'page'), ('page',)], [('page',)])
        >>> paths_of("a.b")
        [('a.b',), ('a', 'b')]
    """
    name = plain_name(name)
    if name.startswith(PASSAGE) and is_own(name):
        return [(name.removeprefix(PASSAGE),)]
    if name in RESERVED:
        return [(OWN_FIELDS, name), (name,)]
    return [(name,), tuple(name.split("."))] if "." in name else [(name,)]


def value_of(name: str, document: Document) -> object:
    """Return a field's value; None if there is none.

    Args:
        name: `id`, `content` or another field of `Document`, else the name of a field of the meta.
        document: The passage.
    """
    return getattr(document, name) if name in HAYSTACK else look_up(name, document.meta)[1]


def look_up(name: str, meta: Mapping[str, Any]) -> tuple[bool, object]:
    """Return whether a meta has a field, and its value."""
    found: tuple[bool, object] = False, None
    for path in paths_of(name):
        found = _follow(meta, path)
        if found[0]:
            break
    return found


def _follow(meta: object, path: Path) -> tuple[bool, object]:
    for key in path:
        if not isinstance(meta, Mapping) or key not in meta:
            return False, None
        meta = meta[key]
    return True, meta


def placed(given: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a passage's meta from its document's fields and its own.

    A document's field that says the same as the passage's own is not repeated.

    Example:
        >>> placed({"year": 2020, "page": 9, "title": "A"}, {"title": "A", "page": None})
        {'year': 2020, 'title': 'A', 'page': None, 'fields': {'page': 9}}
    """
    kept = {name: value for name, value in given.items() if name not in RESERVED}
    hidden = {
        name: value
        for name, value in given.items()
        if name in RESERVED and (type(value), value) != (type(own.get(name)), own.get(name))
    }
    return {**kept, **own, **({OWN_FIELDS: hidden} if hidden else {})}


def unknown_field(names: Sequence[str], known: Iterable[str]) -> UnknownFieldError:
    """Return the error that names an unknown field, the nearest one, and those there are."""
    name, there = shown(names[0]), sorted(known)
    every = [*there, *(each for each in SHOWN_FIELDS if each not in there)]
    lower = {each.lower(): each for each in reversed(every)}
    near = difflib.get_close_matches(plain_name(names[0]).lower(), list(lower), 1, 0.6)
    hint = f"; did you mean `{shown(lower[near[0]])}`?" if near else "."
    listed = ", ".join(f"`{shown(each)}`" for each in every[:MOST_SHOWN])
    more = f" and {len(every) - MOST_SHOWN} more" if len(every) > MOST_SHOWN else ""
    return UnknownFieldError(
        f"the filter cannot be used: there is no field `{name}`{hint} There are: {listed}{more}."
    )


def shown(name: str) -> str:
    """Return a name on one line, printable and not too long."""
    name = plain_name(name)
    name = name if name.isprintable() else ascii(name)[1:-1]
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
