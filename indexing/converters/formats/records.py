"""Conversion of .json and .jsonl files, one document per record; the document of any record.

The text of a record is its main text, then its other fields as lines "key: value", so that they
can be found and cited. A record without a main text consists of such lines alone. Scalar fields
also become filters.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from indexing.converters.formats.fields import is_scalar, scalar_fields
from indexing.converters.formats.json_records import FoundRecords, find_records
from indexing.converters.schema import (
    ConversionNote,
    ConversionProblem,
    ConvertedDocument,
    Empty,
    Unreadable,
)
from indexing.converters.text.cleaning import clean, one_line

# fmt: off
_TEXT_NAMES = [
    "text", "content", "body", "review", "description", "answer", "abstract", "passage", "内容",
    "正文", "文本",
]
# fmt: on
_TITLE_NAMES = ["title", "name", "headline", "question", "标题", "名称"]
_SHORTEST_TEXT = 20  # UTF-8 bytes: four words, or seven Chinese characters

Record = Mapping[str, Any]
Piece = ConvertedDocument | ConversionProblem | ConversionNote
NO_RECORDS = "there are no records in it"


def convert_json(text: str) -> Iterator[Piece]:
    """Yield the documents of a JSON file.

    A list gives one document per object in it; so do the lists of objects that stand anywhere in an
    object, and an object whose values are alike objects, with their keys. What stands around such
    records is a document of its own, if it has words. Any other object is one document. JSON lines
    in a .json file are read as .jsonl.

    Raises:
        Unreadable: If the file is not valid JSON, or holds something else.
        Empty: If it holds no record, or none that has a value.
    """
    try:
        value = _parse(text)
    except ValueError as error:
        lines = text.split("\n", 2)
        if len(lines) > 1 and _is_object(lines[0]) and _is_object(lines[1] or lines[0]):
            yield from convert_json_lines(text)
            return
        place = _column(error)
        where = f"line {getattr(error, 'lineno', 1)}{place}: " if place else ""
        raise Unreadable(where + _why(error)) from error
    if isinstance(value, list | dict) and not value:
        raise Empty(NO_RECORDS)
    if isinstance(value, list):
        found = FoundRecords([(None, record) for record in value], None)
    elif isinstance(value, dict):
        found = find_records(value)
    else:
        raise Unreadable("it holds no records: expected a list of objects, or an object")
    around = record_document(found.around, 0, "json") if found.around else None
    yield from [around] if around else []
    read = (
        _read_record(record, number, f"record {number}", "json", key)
        for number, (key, record) in enumerate(found.records, start=1)
    )
    yield from _without_empty(read, alone=around is None)


def convert_json_lines(text: str) -> Iterator[Piece]:
    """Yield the documents of a JSON Lines file, and a problem for each line that is not an object.

    Blank lines are not counted as records.

    Raises:
        Empty: If no record has a value.
    """
    yield from _without_empty(_read_lines(text))


def _read_lines(text: str) -> Iterator[ConvertedDocument | ConversionProblem | None]:
    number = 0
    for line_number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        number += 1
        try:
            record = _parse(line)
        except ValueError as error:
            yield ConversionProblem(f"line {line_number}{_column(error)}: {_why(error)}")
        else:
            yield _read_record(record, number, f"line {line_number}", "jsonl")


def _without_empty(
    read: Iterable[ConvertedDocument | ConversionProblem | None], *, alone: bool = True
) -> Iterator[Piece]:
    """Yield what was read of records; a note on those that are empty, or `Empty` if all are."""
    empty, some = 0, not alone
    for piece in read:
        if piece is None:
            empty += 1
        else:
            some = True
            yield piece
    if not some:
        raise Empty(NO_RECORDS)
    if empty:
        yield ConversionNote.empty_records(empty)


def _parse(text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _column(error: ValueError) -> str:
    return f", column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""


def _why(error: ValueError) -> str:
    return f"not valid JSON ({getattr(error, 'msg', None) or error})"


def _is_object(line: str) -> bool:
    try:
        return isinstance(_parse(line), dict)
    except ValueError:
        return False


def _read_record(
    record: object, number: int, place: str, format_: str, key: str | None = None
) -> ConvertedDocument | ConversionProblem | None:
    """Return the document of a record, or None if it is empty."""
    if isinstance(record, str):
        record = {"text": record}
    if not isinstance(record, dict):
        return ConversionProblem(f"{place}: expected an object, not {type(record).__name__}")
    return record_document(record, number, format_, title=key or "")


def record_document(
    record: Record, number: int, format_: str, filters: Record | None = None, *, title: str = ""
) -> ConvertedDocument | None:
    r"""Return the document of one record, or None if all its fields are empty.

    Args:
        record: Field names and values; nested values become compact JSON in the text.
        number: The record's number in its file, from 1: the key.
        format_: "csv", "json" or "jsonl".
        filters: The fields that become filters, if their types are known better than in `record`.
        title: The title if no field gives one.

    Example:
        >>> record_document({"review": "The best pump I ever had.", "stars": 5}, 1, "json").text
        'The best pump I ever had.\n\nstars: 5'
    """
    main = _first_name(record, _TEXT_NAMES, _SHORTEST_TEXT)
    lines = list(_field_lines((name, value) for name, value in record.items() if name != main))
    parts = ([record[main].strip()] if main is not None else []) + ["\n".join(lines)]
    text = clean("\n\n".join(part for part in parts if part))
    if not text.strip():
        return None
    title_name = _first_name(record, _TITLE_NAMES, 1)
    title = one_line(record[title_name] if title_name is not None else title)
    others = filters if filters is not None else record
    kept = scalar_fields({name: value for name, value in others.items() if name != main})
    return ConvertedDocument(str(number), title, text, (), (), {**kept, "format": format_})


def _first_name(record: Record, names: list[str], shortest: int) -> str | None:
    """Return the record's spelling of the first of `names` that holds a long enough string."""
    spellings = {str(name).strip().lower(): name for name in record}
    for name in names:
        value = record.get(spellings.get(name, ""))
        if isinstance(value, str):
            stripped = value.strip()
            if len(stripped.encode("utf-8", errors="replace")) >= shortest:
                return spellings[name]
    return None


def _field_lines(fields: Iterable[tuple[str, Any]]) -> Iterator[str]:
    for name, value in fields:
        if value is None or value == "":
            continue
        if isinstance(value, str):
            shown = value.strip()
        elif isinstance(value, bool) or not is_scalar(value):
            shown = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        else:
            shown = str(value)
        if shown:
            yield f"{name}: {shown}"
