"""Configuration of abstention, and what a wanted precision means as a least probability.

`risk_coverage.json` holds the curve, measured by `benchmarks/units.py` on answers that were not
used for the fit: least probability of an answer against the share of right ones among those given.
"""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from pydantic import Field, model_validator

from rag.config.section import ConfigSection

LEAST = 0.001  # threshold of any precision above 0, so that only 0 gives whatever comes nearest
FORMER = "confidence"
Curve = Sequence[tuple[float, float]]


class AbstentionConfig(ConfigSection):
    """Precision that is wanted of answers; where it cannot be expected, the system abstains.

    Attributes:
        precision: Share of right answers among those that are given, on questions such as those of
            the measured curve; 0 always answers, 1 never does. `confidence`, the former setting,
            is the least probability itself.
    """

    precision: float = Field(default=0.67, ge=0, le=1)

    @property
    def threshold(self) -> float:
        """Least probability, from 0 to 1, of being right with which an answer is given."""
        return threshold_for(self.precision)

    @model_validator(mode="before")
    @classmethod
    def _from_confidence(cls, content: Any) -> Any:  # noqa: ANN401 - YAML gives any shape
        if not isinstance(content, dict) or FORMER not in content or "precision" in content:
            return content
        former = content[FORMER]
        if isinstance(former, bool) or not isinstance(former, int | float) or not 0 <= former <= 1:
            raise ValueError(
                f"expected a number from 0 to 1 for `{FORMER}` (got {former!r}); `precision`, the "
                "share of right answers that is wanted, has taken its place"
            )
        rest = {name: value for name, value in content.items() if name != FORMER}
        return {**rest, "precision": precision_at(float(former))}


def threshold_for(precision: float) -> float:
    """Return the least probability whose answers are right as often as wanted.

    Example:
        >>> threshold_for(0.0), threshold_for(1.0)
        (0.0, 1.0)
    """
    if precision <= 0:
        return 0.0
    turned = [(share, least) for least, share in risk_coverage()]
    return max(_between(turned, precision), LEAST)


def precision_at(threshold: float) -> float:
    """Return the share of right answers among those with at least some probability.

    Example:
        >>> precision_at(0.0), precision_at(1.0)
        (0.0, 1.0)
    """
    return _between(risk_coverage(), threshold) if threshold > 0 else 0.0


@cache
def risk_coverage() -> Curve:
    """Return points of least probability and share of right answers, both rising to 1."""
    text = files("rag.config").joinpath("risk_coverage.json").read_text(encoding="utf-8")
    return [(least, share) for least, share in json.loads(text)["points"]]


def _between(points: Curve, place: float) -> float:
    """Return the height of a line through points at a place; at its ends, that of the end."""
    if place <= points[0][0]:
        return points[0][1]
    for (left, low), (right, high) in pairwise(points):
        if place <= right:
            return low + (high - low) * (place - left) / (right - left)
    return points[-1][1]
