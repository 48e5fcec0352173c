"""Corrections of p-values for multiple comparisons."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values, which control the family-wise error rate.

    Args:
        p_values: P-values of one table, from 0 to 1; may be empty.

    Returns:
        Adjusted values in the same order, never above 1; significant if below the level.

    Raises:
        ValueError: If a value is outside 0 to 1.

    Example:
        Sorted .01 .03 .04 times 3, 2, 1, never falling: .03 .06 .06.

        >>> [round(p, 4) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]

    Reference:
        Holm (1979), Scandinavian Journal of Statistics 6(2).
    """
    order = _ascending(p_values)
    raised = [p_values[place] * (len(order) - i) for i, place in enumerate(order)]
    return _restore(order, np.maximum.accumulate(raised).tolist() if raised else [])


def _ascending(p_values: Sequence[float]) -> list[int]:
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError(f"p-values must be from 0 to 1, got {list(p_values)}.")
    return sorted(range(len(p_values)), key=p_values.__getitem__)


def _restore(order: list[int], adjusted: list[float]) -> list[float]:
    by_place = dict(zip(order, adjusted, strict=True))
    return [min(1.0, by_place[place]) for place in range(len(order))]
