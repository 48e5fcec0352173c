"""Fields of records and front matter as filter values: scalars that any store can hold."""

import datetime
import math
from collections.abc import Mapping
from typing import Any

from indexing.converters.schema import Scalar
from indexing.converters.text.cleaning import clean, one_line

_LONGEST_VALUE = 1_000  # characters; a longer string is text, not a filter value
_LONGEST_TAG = 80  # characters of a list's value that becomes a field
_MOST_TAGS = 50  # values of one list


def scalar_fields(fields: Mapping[Any, Any]) -> dict[str, Scalar]:
    """Return the scalar fields, with values that filters can use.

    Lists, mappings and strings over 1,000 characters are left out. Dates become ISO strings;
    numbers that databases or JSON cannot hold (over 64 bits, infinite, not a number) strings.

    Example:
        >>> scalar_fields({"stars": 4, "tags": ["a"], "big": 2**70})
        {'stars': 4, 'big': '1180591620717411303424'}
    """
    kept = {}
    for name, value in fields.items():
        key = one_line(str(name))
        if (
            key
            and is_scalar(value)
            and not (isinstance(value, str) and len(value) > _LONGEST_VALUE)
        ):
            kept[key] = _plain(value)
    return kept


def front_matter_fields(fields: Mapping[Any, Any]) -> dict[str, Scalar]:
    """Return the fields of front matter: the scalar ones, and those that lists become.

    Filters compare one value with one, so that a list is its values joined by commas, and each of
    its texts a field of its own that is True.

    Example:
        >>> front_matter_fields({"year": 2020, "tags": ["pumps", "oil"]})
        {'year': 2020, 'tags': 'pumps, oil', 'tags.pumps': True, 'tags.oil': True}
    """
    flat: dict[Any, Any] = {}
    for name, value in fields.items():
        if not isinstance(value, list):
            flat[name] = value
            continue
        values = [each for each in value if is_scalar(each) and each is not None]
        if values and len(values) == len(value) <= _MOST_TAGS:
            flat[name] = ", ".join(str(_plain(each)) for each in values)
            flat |= {
                f"{name}.{each.strip()}": True
                for each in values
                if isinstance(each, str) and each.strip() and len(each) <= _LONGEST_TAG
            }
    return scalar_fields({**flat, **{n: v for n, v in fields.items() if is_scalar(v)}})


def is_scalar(value: object) -> bool:
    """Return whether the value is one string, number, truth value, date or None."""
    return value is None or isinstance(
        value, str | int | float | bool | datetime.date | datetime.time
    )


def _plain(value: Any) -> Scalar:  # noqa: ANN401
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) >= 2**63:
        return str(value) if abs(value) < 10**4000 else "a very large number"
    return clean(value) if isinstance(value, str) else value
