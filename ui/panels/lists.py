"""Pagination of long lists, and times in the visitor's time zone."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

T = TypeVar("T")


def one_page(items: Sequence[T], size: int, *, key: str, beginning: int = 0) -> tuple[int, list[T]]:
    """Draw the pagination of a list if needed; return the first index and the items shown.

    Args:
        items: All items.
        size: Items per page.
        key: Key of the widget, which must include the filter of the list.
        beginning: Index of an item whose page is shown first.
    """
    pages = -(-len(items) // size)
    if pages <= 1:
        return 0, list(items)
    with st.container(key=f"pages_{key}", horizontal=True, horizontal_alignment="center"):
        page = st.pagination(pages, default=1 + beginning // size, key=key)
    first = (min(page, pages) - 1) * size
    return first, list(items[first : first + size])


def moment(seconds: float) -> str:
    """Return a time in the visitor's time zone, to the minute."""
    return datetime.fromtimestamp(seconds, _zone()).strftime("%Y-%m-%d %H:%M")


def _zone() -> tzinfo:
    name = st.context.timezone
    try:
        return ZoneInfo(name) if isinstance(name, str) else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
