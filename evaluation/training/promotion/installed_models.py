"""Promoted models of this installation: install, list and remove.

A model is copied next to its place and renamed when it is complete. The previous one is kept as
`NAME~1`, so that a promotion can be undone.
"""

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from rag import files
from rag.errors import ModelError, first_line
from rag.models.default_models import PROMOTED, ModelRole, model_for, promoted_folder

_NAME = re.compile(r"(embedder|reader|ranker)-([a-z]+)")


@dataclass(frozen=True)
class InstalledModel:
    """A model that is in use.

    Attributes:
        role: Role of the model.
        language: Language of the model.
        name: Name in the configuration.
        folder: Folder of the model.
        before: Whether a previous model is kept.
    """

    role: str
    language: str
    name: str
    folder: Path
    before: bool


def name_of(role: ModelRole, language: str) -> str:
    """Return the name of the promoted model for a role and a language."""
    return f"{PROMOTED}{role}-{language}"


def list_promoted() -> list[InstalledModel]:
    """Return the promoted models, by role and language."""
    found = []
    parent = promoted_folder("")
    for path in sorted(parent.iterdir()) if parent.is_dir() else ():
        name = _NAME.fullmatch(path.name.removesuffix("~1"))
        if not name:
            continue
        place = parent / name[0]
        if place == path or not place.is_dir():
            kept = place == path and _before(place).is_dir()
            found.append(InstalledModel(name[1], name[2], f"{PROMOTED}{name[0]}", place, kept))
    return found


def install(source: Path, role: ModelRole, language: str) -> Path:
    """Install a model for a role and a language; return its new folder.

    Args:
        source: Folder of the model, which is left unchanged.
        role: Role of the model.
        language: Language of the model.

    Raises:
        ModelError: If the disk is full or the folder cannot be written; the model in use stays.
    """
    place = promoted_folder(name_of(role, language))
    with _held(place, f"`{source}` cannot be installed as"):
        half = _aside(place)
        try:
            shutil.copytree(source, half)
            for part in (*half.rglob("*"), half):
                files.sync_file(part)
            _swap(half, place)
        finally:
            files.remove(half)
    return place


def _swap(half: Path, place: Path) -> None:
    """Give a complete folder its name, and the folder that has the name now the name `~1`."""
    had = place.is_dir()
    if had:
        files.remove(_before(place))
        files.rename(place, _before(place))
    try:
        files.rename(half, place)
    except BaseException:
        if had:
            files.rename(_before(place), place)
        raise
    files.sync_folder(place.parent)


def forget(role: ModelRole, language: str) -> str | None:
    """Remove a promoted model; return the name of the one promoted before it, or None.

    Raises:
        ModelError: If there is no such model, or it cannot be removed.
    """
    place = promoted_folder(name_of(role, language))
    with _held(place, "nothing can be removed from"):
        if not place.is_dir():
            others = ", ".join(f"{each.role} {each.language}" for each in list_promoted())
            raise ModelError(
                f"no {role} for `{language}` was promoted (promoted: {others or 'none'})."
            )
        aside = _aside(place)
        files.rename(place, aside)
        if _before(place).is_dir():
            files.rename(_before(place), place)
        files.sync_folder(place.parent)
        files.remove(aside)
    return model_for(role, language)


@contextmanager
def _held(place: Path, what: str) -> Iterator[None]:
    """Lock the folder of promoted models, and clean up after a killed process."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.parent / ".lock", timeout=0):
            for leftover in place.parent.glob("*.tmp"):
                files.remove(leftover)
            for kept in place.parent.glob("*~1"):
                name = kept.with_name(kept.name.removesuffix("~1"))
                if not name.is_dir():  # killed between two renames
                    files.rename(kept, name)
            yield
    except Timeout:
        raise ModelError(f"another process is changing `{place.parent}`. Try again.") from None
    except (OSError, shutil.Error) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise ModelError(f"{what} `{place}`: {reason}. What was in use stays.") from error


def _before(place: Path) -> Path:
    return place.with_name(f"{place.name}~1")


def _aside(place: Path) -> Path:
    return place.with_name(f"{place.name}.{uuid.uuid4().hex[:8]}.tmp")
