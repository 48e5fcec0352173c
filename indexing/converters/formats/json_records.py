"""Records of a JSON object: in lists at any depth, or under keys that name them."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

_DEEPEST = 50


@dataclass(frozen=True)
class FoundRecords:
    """The records of an object, and what stands around them.

    Attributes:
        records: Key and record; the key is None where a list holds the record.
        around: The object without them, or None if no words would be left.
    """

    records: list[tuple[str | None, Any]]
    around: dict[str, Any] | None


def find_records(value: dict[str, Any]) -> FoundRecords:
    """Return the records in an object; if it holds none, the object itself is the only one.

    Example:
        >>> find_records({"A300": {"kg": 27}, "A400": {"kg": 33}}).records
        [('A300', {'key': 'A300', 'kg': 27}), ('A400', {'key': 'A400', 'kg': 33})]
    """
    if _is_keyed(value):
        return FoundRecords(_keyed(value), None)
    groups = _groups(value, 0)
    if len(groups) > 1:
        groups = [group for group in groups if len(group) > 1]
    if not groups:
        return FoundRecords([(None, value)], None)
    taken = {id(group) for group in groups}
    around = _without(value, taken)
    records = [
        each
        for group in groups
        for each in (_keyed(group) if isinstance(group, dict) else [(None, one) for one in group])
    ]
    return FoundRecords(records, around if _has_words(around) else None)


def _groups(value: dict[str, Any], depth: int) -> list[Any]:
    """Return the outermost lists of objects, and the objects of records with keys."""
    found: list[Any] = []
    for each in value.values():
        if _is_list_of_objects(each) or (isinstance(each, dict) and _is_keyed(each)):
            found.append(each)
        elif isinstance(each, dict) and depth < _DEEPEST:
            found += _groups(each, depth + 1)
    return found


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _is_keyed(value: dict[str, Any]) -> bool:
    """Return whether the values are objects that share their field names, as records do."""
    if len(value) < 2 or not all(isinstance(each, dict) and each for each in value.values()):
        return False
    names = Counter(name for each in value.values() for name in each)
    most = names.most_common(1)[0][1]
    shared = sum(count for count in names.values() if 2 * count > len(value))
    return most > len(value) / 2 and 2 * shared >= sum(names.values())


def _keyed(value: dict[str, Any]) -> list[tuple[str | None, Any]]:
    return [
        (key, record if key in record.values() else {_free_name(record): key, **record})
        for key, record in value.items()
    ]


def _free_name(record: dict[str, Any]) -> str:
    return next(name for name in ("key", "id", "_key", "__key__") if name not in record)


def _without(value: dict[str, Any], taken: set[int]) -> dict[str, Any]:
    return {
        name: _without(each, taken) if isinstance(each, dict) else each
        for name, each in value.items()
        if id(each) not in taken
    }


def _has_words(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_words, value.values()))
    if isinstance(value, list):
        return any(map(_has_words, value))
    return isinstance(value, str) and any(map(str.isalpha, value))
