"""The probability that a quoted answer is right: a logistic regression over what is known of it.

The features are absolute: how sure the reader is, how much of the question the unit and its
headings hold, whether the passage was found first, how clear the choice was. `benchmarks/units.py`
fits the weights on questions whose answers are known, some of which the documents do not answer.
"""

import json
import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from rag.language.analysis import tokens
from rag.reading.evidence import coverage
from rag.reading.requirements import context_of
from rag.reading.unit_choice import FEATURES, AskedQuestion, UnitCandidate

ANSWER_FEATURES: Final = (
    "margin", "no span", "first", "rank", "covered", "around", "rarest", "ahead", "how-to or why",
    "list or table", "definition", "keywords", "chinese",
)  # fmt: skip
_FORMS: Final = {
    "how-to": "how-to or why", "why": "how-to or why", "comparison": "how-to or why",
    "list": "list or table", "table": "list or table", "definition": "definition",
    "keywords": "keywords",
}  # fmt: skip


def answer_features(
    question: AskedQuestion, candidates: Sequence[UnitCandidate]
) -> tuple[float, ...]:
    """Return a number for each of `ANSWER_FEATURES` of the answer that begins with the best unit.

    Args:
        question: The question.
        candidates: The units that may be quoted, best first; at least one.
    """
    best = candidates[0]
    known = dict(zip(FEATURES, best.features, strict=True))
    words = tokens(context_of(best))
    others = [c for c in candidates[1:] if not best.overlaps(c)]
    rarest = max(question.weights, key=lambda word: question.weights[word], default=None)
    values = {
        "margin": known["margin"],
        "no span": float(best.best is None),
        "first": known["first"],
        "rank": known["rank"],
        "covered": known["covered"],
        "around": coverage(question.tokens, words, question.weights),
        "rarest": float(rarest is None or rarest in words),
        "ahead": min(best.score - others[0].score, 3.0) if others else 3.0,
        _FORMS.get(question.kind, ""): 1.0,
        "chinese": float(any("\u3400" <= sign <= "\u9fff" for sign in question.text)),
    }
    return tuple(values.get(name, 0.0) for name in ANSWER_FEATURES)


def answer_probability(question: AskedQuestion, candidates: Sequence[UnitCandidate]) -> float:
    """Return the probability, from 0 to 1, that the answer made of some units is right.

    Args:
        question: The question.
        candidates: The units that may be quoted, best first; none give 0.
    """
    if not candidates:
        return 0.0
    weights, bias = _weights()
    total = bias + sum(
        weights.get(name, 0.0) * value
        for name, value in zip(ANSWER_FEATURES, answer_features(question, candidates), strict=True)
    )
    return 0.5 + 0.5 * math.tanh(total / 2)


@cache
def _weights() -> tuple[dict[str, float], float]:
    text = files("rag.reading").joinpath("answer_weights.json").read_text(encoding="utf-8")
    content = json.loads(text)
    return content["weights"], content["bias"]
