"""The probability that a sentence answers a question: a logistic regression over its features.

The features are those of `rag.reading.evidence`; there is one regression with the embedder's
similarity and one without. The weights were fitted on questions with known answers;
`benchmarks/evidence.py` fits them again, and prints their calibration on held-out questions.
"""

import math
from collections.abc import Sequence

from rag.reading.evidence import FEATURES

# One weight for each of FEATURES, and the intercept.
WITH_SIMILARITY = ((7.138, 1.211, 0.438, 2.53, 0.222, -3.883), -7.487)
BY_WORDS = ((0.0, 2.444, 1.507, 0.514, 0.201, -1.91), -2.513)


def probability(features: Sequence[float], *, similarity: bool) -> float:
    """Return the probability that a sentence answers the question, from 0 to 1.

    Args:
        features: One number for each of `rag.reading.evidence.FEATURES`.
        similarity: Whether the first feature, the embedder's similarity, was computed.

    Raises:
        ValueError: If the number of values differs from the number of features.
    """
    if len(features) != len(FEATURES):
        raise ValueError(f"expected {len(FEATURES)} features, got {len(features)}")
    weights, bias = WITH_SIMILARITY if similarity else BY_WORDS
    total = bias + sum(w * value for w, value in zip(weights, features, strict=True))
    return 1 / (1 + math.exp(-total))
