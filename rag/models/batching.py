"""Batches that become smaller when memory is short, and that end at a deadline."""

import logging
import time
from collections.abc import Callable, Sequence

from rag.errors import ModelError

log = logging.getLogger(__name__)


def in_batches(
    places: Sequence[int],
    work: Callable[[Sequence[int]], None],
    size: int,
    *,
    deadline: float | None = None,
) -> bool:
    """Run a function over items in batches, smaller ones when memory is short.

    Args:
        places: The items, in order.
        work: Function that works through one batch.
        size: Maximum batch size.
        deadline: Time on the clock of `time.monotonic` after which no batch begins.

    Returns:
        Whether all items were done.

    Raises:
        ModelError: If the work fails, or memory does not suffice for a single item.
    """
    start = 0
    while start < len(places):
        if deadline is not None and time.monotonic() >= deadline:
            return False
        try:
            work(places[start : start + size])
        except RuntimeError as error:  # torch raises it, or a subclass, when memory is short
            if "out of memory" not in str(error).lower() or size == 1:
                raise ModelError(f"the model failed: {error}") from error
            size //= 2
            log.warning("Memory is short: reading %d passages at a time.", size)
        else:
            start += size
    return True
