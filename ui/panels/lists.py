"""Long lists: the part that is shown, and how moments are written where the visitor is."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

T = TypeVar("T")


def one_page(items: Sequence[T], size: int, *, key: str, beginning: int = 0) -> tuple[int, list[T]]:
    """Draw the pages of a list if it has several, and return the first place and the items shown.

    Args:
        items: All of them.
        size: Items on a page.
        key: Of the widget; put what the list was filtered by into it.
        beginning: Place of an item whose page is shown first.
    """
    pages = -(-len(items) // size)
    if pages <= 1:
        return 0, list(items)
    with st.container(key=f"pages_{key}", horizontal=True, horizontal_alignment="center"):
        page = st.pagination(pages, default=1 + beginning // size, key=key)
    first = (min(page, pages) - 1) * size
    return first, list(items[first : first + size])


def moment(seconds: float) -> str:
    """Return a moment in the visitor's own time, to the minute."""
    return datetime.fromtimestamp(seconds, _zone()).strftime("%Y-%m-%d %H:%M")


def _zone() -> tzinfo:
    name = st.context.timezone
    try:
        return ZoneInfo(name) if isinstance(name, str) else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
