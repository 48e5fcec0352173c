"""Default models for the setting `auto`, by role and language.

A model installed by `rag train ... --promote` comes first, then a model shipped with this package
or one of its dependencies.
"""

from pathlib import Path
from typing import Literal

from rag.config import data_folder

ModelRole = Literal["embedder", "reader", "ranker"]

AUTO = "auto"  # the setting that selects a default model
PROMOTED = "promoted/"  # prefix of the name of a model trained and installed here
WEIGHTS = Path(__file__).parent.parent / "weights"
# The model for each language; a reader of ours also ranks. Other languages have none.
SHIPPED: dict[ModelRole, dict[str, str]] = {
    "embedder": {"en": "all-MiniLM-L6-v2", "zh": "citewell-embedder-zh"},
    "reader": {"en": "citewell-reader-en", "zh": "citewell-reader-zh"},
    "ranker": {"en": "citewell-reader-en", "zh": "citewell-reader-zh"},
}


def languages_of(role: ModelRole) -> tuple[str, ...]:
    """Return the languages for which a role has a model."""
    return tuple(SHIPPED[role])


def model_for(role: ModelRole, language: str) -> str | None:
    """Return the name of the model for a role and a language; None if there is none.

    Args:
        role: The model's role.
        language: A language code such as `en` or `zh`.
    """
    name = f"{PROMOTED}{role}-{language}"
    if promoted_folder(name).is_dir():
        return name
    return SHIPPED[role].get(language)


def promoted_folder(name: str) -> Path:
    """Return the folder of a promoted model, whether it exists or not.

    Args:
        name: A name such as `promoted/reader-en`.
    """
    return data_folder() / "models" / "promoted" / name.removeprefix(PROMOTED)


def shipped_folder(name: str) -> Path:
    """Return the folder of a model shipped with this package, whether it exists or not."""
    return WEIGHTS / name
