"""Dates in the fields of documents, read by the forms that people name and stored as ISO 8601.

Filters take only ISO 8601 for a date. A value that fits no form stays as it is, and is counted.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from indexing.converters import ConvertedDocument
from rag.config import Config
from rag.config.date_formats import check_format, split_format
from rag.errors import ConfigError
from rag.stores.dates import instant

_TIMED = re.compile(r"%[HIMSfpcX]")  # parts of a form that give a time
_LONGEST_DATE = 60  # characters of a date
_FORMAT = "format"  # the field with the type of the file

Value = str | int | float | bool | None


@dataclass
class DateCount:
    """Values of one field: how many were read as dates, and how many fit no form."""

    read: int = 0
    left: int = 0


DateCounts = dict[str, DateCount]


def read_dates(
    documents: Sequence[ConvertedDocument], forms: Sequence[str]
) -> tuple[list[ConvertedDocument], DateCounts]:
    """Return the documents of one file with the dates in their fields as ISO 8601.

    A field of whole numbers holds dates only if all of them fit, as 20240315 fits %Y%m%d.

    Args:
        documents: The documents.
        forms: As in `conversion.dates`; the first that a value fits is taken.

    Returns:
        The documents, and the counts of every field that a form is for.
    """
    if not forms:
        return list(documents), {}
    metas = [dict(document.meta) for document in documents]
    counts: DateCounts = {}
    for name in dict.fromkeys(name for meta in metas for name in meta if name != _FORMAT):
        fitting = [form for field, form in map(split_format, forms) if field in (None, name)]
        if fitting:
            counts[name] = _read_field([meta for meta in metas if name in meta], name, fitting)
    read = [replace(each, meta=meta) for each, meta in zip(documents, metas, strict=True)]
    return read, counts


def with_forms(config: Config, forms: Sequence[str]) -> Config:
    """Return a configuration with further forms of dates, tried before its own.

    Raises:
        ConfigError: If one is no form of a date.
    """
    for form in forms:
        try:
            check_format(form)
        except ValueError as error:
            raise ConfigError(f"--dates: {error}.") from None
    dates = (*forms, *config.conversion.dates)
    conversion = config.conversion.model_copy(update={"dates": dates})
    return config.model_copy(update={"conversion": conversion})


def add_counts(counts: DateCounts, more: DateCounts) -> None:
    """Add the counts of another file."""
    for name, count in more.items():
        known = counts.setdefault(name, DateCount())
        known.read += count.read
        known.left += count.left


def counts_to_tell(counts: DateCounts, forms: Iterable[str]) -> DateCounts:
    """Return the counts of the fields that hold dates: named, or with a value that was read."""
    named = {field: DateCount() for field, _ in map(split_format, forms) if field is not None}
    return {
        name: count
        for name, count in sorted({**named, **counts}.items())
        if count.read or name in named
    }


def _read_field(metas: Sequence[dict[str, Value]], name: str, forms: Sequence[str]) -> DateCount:
    count = DateCount()
    values = [meta[name] for meta in metas]
    found = _dates(values, forms)
    for meta, value in zip(metas, values, strict=True):
        date = found.get(value) if isinstance(value, str | int) else None
        if date is not None:
            meta[name] = date
            count.read += 1
        elif value is not None and instant(value) is None:
            count.left += 1
    return count


def _dates(values: Sequence[Value], forms: Sequence[str]) -> Mapping[str | int, str]:
    """Return the values of a field that are dates in one of the forms, as ISO 8601."""
    texts = {value for value in values if isinstance(value, str) and instant(value) is None}
    numbers = {value for value in values if type(value) is int}
    found: dict[str | int, str] = {}
    for text in texts:
        date = next(filter(None, (_as_iso(text, form) for form in forms)), None)
        if date is not None:
            found[text] = date
    for form in forms:
        dates = {number: _as_iso(str(number), form, exactly=True) for number in numbers}
        if all(dates.values()):
            return {**found, **{number: str(date) for number, date in dates.items()}}
    return found


def _as_iso(text: str, form: str, *, exactly: bool = False) -> str | None:
    """Return a date as ISO 8601; None if it has another form, or is not written out in full."""
    if len(text) > _LONGEST_DATE:
        return None
    try:
        date = datetime.strptime(text, form)
    except ValueError:
        return None
    if exactly and date.strftime(form) != text:
        return None
    return date.isoformat() if _TIMED.search(form) else date.date().isoformat()
