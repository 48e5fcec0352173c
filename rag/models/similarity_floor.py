"""The cosine of unrelated texts, from which an embedder's similarities are counted.

Embedders differ in it: general questions and passages that have nothing to do with each other lie
near 0 with one and near .5 with another. It is measured with texts of everyday subjects
(`general_texts.json`, written for this), each question with every passage but its own, in the
languages that the embedder serves; `floors.json` holds it for the embedders that we ship.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rag.models.model_files import ModelFiles

GENERAL_TEXTS = Path(__file__).parent / "general_texts.json"
FLOORS = Path(__file__).parent / "floors.json"
DIGITS = 3
_ORIGINS = ("citewell", "package")  # of model files that cannot be others of the same name


class TextEncoder(Protocol):
    """The part of `rag.models.embedder.Embedder` that is needed here."""

    def serves(self, language: str) -> bool:
        """Return whether it serves a language."""

    def encode_query(self, text: str) -> npt.NDArray[np.float32]:
        """Return the vector of a question."""

    def encode_passages(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the vectors of passages."""


def shipped_floor(files: ModelFiles) -> float | None:
    """Return the floor of an embedder that we ship, or None for any other."""
    if not files.origin.startswith(_ORIGINS):
        return None
    floors: dict[str, float] = json.loads(FLOORS.read_text(encoding="utf-8"))
    return floors.get(files.name.rpartition("/")[2])


def measure_floor(embedder: TextEncoder) -> float:
    """Return the mean cosine of unrelated questions and passages, rounded.

    Languages without texts of their own are measured with the English ones.
    """
    texts: dict[str, list[tuple[str, str]]] = json.loads(GENERAL_TEXTS.read_text(encoding="utf-8"))
    languages = [each for each in texts if embedder.serves(each)] or ["en"]
    return round(
        float(np.mean([_mean_cosine(embedder, texts[each]) for each in languages])), DIGITS
    )


def _mean_cosine(embedder: TextEncoder, pairs: list[tuple[str, str]]) -> float:
    questions = np.stack([embedder.encode_query(question) for question, _ in pairs])
    cosines = questions @ embedder.encode_passages([passage for _, passage in pairs]).T
    unrelated = ~np.eye(len(pairs), dtype=bool)
    return float(cosines[unrelated].mean())
