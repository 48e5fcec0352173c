"""Dates in filters and fields: ISO 8601 and nothing else.

A date is a calendar date of the years 0001 to 9999, alone or with a time: `2024-03-15`,
`2024-03-15T10:00`, `2024-03-15 10:00:00.5+02:00`, or without the marks: `20240315T1000Z`. Without a
zone it is UTC, and without a time it is the day's beginning. Dates are compared as points in time,
to the microsecond. Any other text, such as `15.03.2024`, `March` or `2024`, is a text.
"""

import re
from datetime import datetime, timedelta

_ISO = re.compile(
    r"([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})"  # the day
    r"(?:[Tt ]([0-9]{2})(?:(:?)([0-9]{2})(?:\6([0-9]{2})(?:[.,]([0-9]+))?)?)?"  # the time
    r"([Zz]|[+-][0-9]{2}(?::?[0-5][0-9])?)?)?"  # the zone
)
_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)


def instant(value: object) -> int | None:
    """Return the point in time of an ISO 8601 text or a `datetime`; None if it is no date.

    Returns:
        Microseconds since the beginning of the year 1 in UTC; below 0 for its first hours in zones
        east of Greenwich.

    Example:
        >>> instant("2024-03-15") == instant("20240315") == instant("2024-03-15T02:00+02:00")
        True
        >>> instant("15.03.2024"), instant("2024"), instant("0000-01-01"), instant(20240315)
        (None, None, None, None)
    """
    if isinstance(value, datetime):
        return _microseconds(value, value.utcoffset() or timedelta(0))
    found = _ISO.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    year, _, month, day, hour, _, minute, second, fraction, zone = found.groups()
    offset = _offset(zone)
    try:
        midnight = datetime(int(year), int(month), int(day))
        time = _time(int(hour or 0), int(minute or 0), int(second or 0), fraction or "", offset)
    except ValueError:
        return None
    return _microseconds(midnight, offset - time)


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in "Zz":
        return timedelta(0)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -size if zone[0] == "-" else size


def _time(hour: int, minute: int, second: int, fraction: str, offset: timedelta) -> timedelta:
    """Return the time since midnight.

    Raises:
        ValueError: If there is no such time, or the zone is no zone.
    """
    micro = int(fraction[:6].ljust(6, "0"))
    time = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)
    ends_day = hour == 24 and time == timedelta(days=1)
    # A leap second is the last of a day in UTC: the point in time is that of the next midnight.
    leaps = second == 60 and (time - offset) // _SECOND % 86_400 == 0
    is_time = hour < 24 and minute < 60 and (second < 60 or leaps)
    if not (is_time or ends_day) or abs(offset) >= timedelta(days=1):
        raise ValueError
    return time


def _microseconds(moment: datetime, offset: timedelta) -> int:
    since = moment.replace(tzinfo=None) - datetime.min
    return (since - offset) // _MICROSECOND
