"""The probability that a span answers a question: a logistic regression over a model's outputs.

`fit_calibration` fits it on questions held out of the model's training; it is kept beside the model
in `calibration.json`.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from rag.errors import ModelError

SPAN_FEATURES = ("margin", "doubt", "relevance")


@dataclass(frozen=True)
class Calibration:
    """A logistic regression over `SPAN_FEATURES`.

    Attributes:
        weights: One weight per feature.
        bias: Intercept.
        fitted_on: Number of questions it was fitted on; 0 if it is only a guess.
    """

    weights: tuple[float, ...]
    bias: float
    fitted_on: int = 0

    def probability(self, features: Sequence[float]) -> float:
        """Return the probability that a span answers the question, from 0 to 1.

        Example:
            >>> Calibration((1.0, 0.0, 0.0), 0.0).probability((0.0, 5.0, 5.0))
            0.5
        """
        total = self.bias + sum(w * x for w, x in zip(self.weights, features, strict=True))
        return 0.5 + 0.5 * math.tanh(total / 2)  # the logistic function, without overflow


# For a model without a calibration: at a margin of 0, span and no answer are equally good.
UNFITTED = Calibration((0.5, 0.0, 0.0), 0.0)
FILE = "calibration.json"


def read_calibration(folder: Path) -> Calibration:
    """Return the calibration beside a model; `UNFITTED` if there is none.

    Raises:
        ModelError: If the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return UNFITTED
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        weights = tuple(float(content["weights"][name]) for name in SPAN_FEATURES)
        found = Calibration(weights, float(content["bias"]), int(content["fitted_on"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"`{path}` is damaged ({error!r}): restore the model.") from None
    if not all(map(math.isfinite, (*found.weights, found.bias))):
        raise ModelError(f"`{path}` is damaged (not a number): restore the model.")
    return found


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Write a calibration beside a model.

    Raises:
        OSError: If it cannot be written.
    """
    content = asdict(calibration)
    content["weights"] = dict(zip(SPAN_FEATURES, calibration.weights, strict=True))
    text = json.dumps(content, indent=2) + "\n"
    (folder / FILE).write_text(text, encoding="utf-8")


def fit_calibration(
    features: Sequence[Sequence[float]], right: Sequence[bool], *, ridge: float = 0.01
) -> Calibration:
    """Return the logistic regression fitted to some best spans, by Newton's method.

    Args:
        features: Features of the best span of each question.
        right: Whether that span is right.
        ridge: Ridge penalty on the weights of standardised features, so that a small or separable
            set has a finite solution.

    Raises:
        ValueError: If there are no right spans, or no wrong ones.
    """
    if len(set(right)) < 2:
        raise ValueError("a calibration needs right and wrong answers")
    raw = np.asarray(features, np.float64)
    mean, scale = raw.mean(axis=0), raw.std(axis=0)
    scale[scale == 0] = 1
    rows = np.column_stack([(raw - mean) / scale, np.ones(len(raw))])
    goal = np.asarray(right, np.float64)
    pull = ridge * len(raw) * np.diag([*np.ones(raw.shape[1]), 0.0])
    weights = np.zeros(rows.shape[1])
    for _ in range(50):
        chance = 0.5 + 0.5 * np.tanh(rows @ weights / 2)
        slope = rows.T @ (chance - goal) + pull @ weights
        curve = (rows * (chance * (1 - chance))[:, None]).T @ rows + pull
        step = np.linalg.solve(curve + 1e-9 * np.eye(len(curve)), slope)
        weights -= step
        if np.abs(step).max() < 1e-9:
            break
    plain = weights[:-1] / scale
    bias = float(weights[-1] - plain @ mean)
    return Calibration(tuple(round(float(w), 6) for w in plain), round(bias, 6), len(raw))
