"""The models that are used where the configuration says `auto`, by role and language.

A model that `rag train ... --promote` installed comes first, then the one that this package ships
or depends on.
"""

from pathlib import Path
from typing import Literal

from rag.config import data_folder

ModelRole = Literal["embedder", "reader", "ranker"]

AUTO = "auto"  # the setting that leaves the choice of a model to us
PROMOTED = "promoted/"  # before the name of a model that was trained and installed here
WEIGHTS = Path(__file__).parent.parent / "weights"
# What serves a language; a reader of ours ranks as well. Other languages have none.
SHIPPED: dict[ModelRole, dict[str, str]] = {
    "embedder": {"en": "all-MiniLM-L6-v2", "zh": "citewell-embedder-zh"},
    "reader": {"en": "citewell-reader-en", "zh": "citewell-reader-zh"},
    "ranker": {"en": "citewell-reader-en", "zh": "citewell-reader-zh"},
}


def languages_of(role: ModelRole) -> tuple[str, ...]:
    """Return the languages that a role is served in."""
    return tuple(SHIPPED[role])


def model_for(role: ModelRole, language: str) -> str | None:
    """Return the name of the model for a role and a language; None if there is none.

    Args:
        role: What it does.
        language: Such as `en` or `zh`.
    """
    name = f"{PROMOTED}{role}-{language}"
    if promoted_folder(name).is_dir():
        return name
    return SHIPPED[role].get(language)


def promoted_folder(name: str) -> Path:
    """Return where a promoted model lies, whether it does or not.

    Args:
        name: Such as `promoted/reader-en`.
    """
    return data_folder() / "models" / "promoted" / name.removeprefix(PROMOTED)


def shipped_folder(name: str) -> Path:
    """Return where a model of this package lies, whether there is one of that name or not."""
    return WEIGHTS / name
