"""Forms of dates in the fields of documents: `%d.%m.%Y`, or for one field `when=%d.%m.%Y`."""

from datetime import datetime

_EXAMPLE = datetime(2003, 4, 17, 13, 26, 39)


def split_format(text: str) -> tuple[str | None, str]:
    """Return the field that a form is for, None for every field, and the form.

    Example:
        >>> split_format("%d.%m.%Y"), split_format("sold on=%d.%m.%Y")
        ((None, '%d.%m.%Y'), ('sold on', '%d.%m.%Y'))
    """
    field, mark, form = text.partition("=")
    return (field.strip(), form) if mark and "%" not in field else (None, text)


def check_format(text: str) -> str:
    """Return a form that dates can be read by.

    Raises:
        ValueError: If it is none, or gives no year; says what is expected.
    """
    field, form = split_format(text)
    try:
        read = datetime.strptime(_EXAMPLE.strftime(form), form)
    except (ValueError, UnicodeError):
        read = None
    if read is None or read.year != _EXAMPLE.year or field == "":
        raise ValueError(
            f"expected the form of a date such as %d.%m.%Y, or for one field when=%d.%m.%Y "
            f"(got {text!r})"
        )
    return text
