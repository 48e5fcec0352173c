"""Validation of data before it is written to a store: manifests and vectors."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.errors import MismatchError, StoreError
from rag.stores.contract import Manifest, Vectors

EMBEDDER = ("embedder", "embedder_sha256", "dimension")
_NAMES = {
    "embedder": ("the embedder", "embedder.model"),
    "embedder_sha256": ("the embedder's files (sha256)", "embedder.model"),
    "dimension": ("a vector length of", "embedder.model"),
    "length": ("a passage length of", "chunking.length"),
    "overlap": ("an overlap of", "chunking.overlap"),
    "context": ("context set to", "chunking.context"),
}


def read_manifest(made: Mapping[str, Any], where: str) -> Manifest:
    """Return a manifest from its stored settings.

    Args:
        made: The settings; later ones may be missing.
        where: What holds them, for an error.

    Raises:
        MismatchError: If a newer version wrote it: it has settings that are unknown here.
        TypeError: If an old setting is missing.
    """
    known = {each.name for each in fields(Manifest)}
    manifest = Manifest(**{name: value for name, value in made.items() if name in known})
    if made.keys() - known:
        raise MismatchError(f"`{where}` was written by a newer version: update citewell.")
    return manifest


def check_manifest(collection: str, made: Manifest, asked: Manifest) -> None:
    """Check that a manifest matches the collection's, apart from the analyser.

    Raises:
        MismatchError: If it does not; names the setting, its old and its new value.
    """
    for name, (words, setting) in _NAMES.items():
        was, now = getattr(made, name), getattr(asked, name)
        if was != now:
            other = f"run `rag collections delete {collection}` and index again"
            if name in EMBEDDER:
                other = f"run `rag collections reembed {collection}`"
            raise MismatchError(
                f"the collection `{collection}` was made with {words} `{was}`, but the "
                f"configuration asks for `{now}`. Set `{setting}` back, use another --collection, "
                f"or {other}."
            )


def check_reembedding(collection: str, made: Manifest | None, asked: Manifest) -> None:
    """Check that a collection can be re-embedded: it is not empty, and only the embedder changes.

    Raises:
        StoreError: If it holds nothing to embed.
        MismatchError: If another setting changes; names the setting, its old and its new value.
    """
    if made is None:
        raise StoreError(
            f"the collection `{collection}` holds nothing to embed again. Fill it with: rag index "
            f"PATH --collection {collection}"
        )
    embedder = {name: getattr(made, name) for name in EMBEDDER}
    check_manifest(collection, made, replace(asked, **embedder))


def as_vectors(found: Vectors, count: int, dimension: int) -> Vectors:
    """Return an embedder's output for some passages, checked.

    Raises:
        ValueError: If it has another shape, NaN or infinity.
    """
    if found.shape != (count, dimension):
        raise ValueError(f"the vectors have shape {found.shape}, not {(count, dimension)}")
    if not np.isfinite(found).all():
        raise ValueError("the vectors hold NaN or infinity")
    return found


def as_vector(values: object, name: str) -> npt.NDArray[np.float32]:
    """Return numbers as a vector.

    Raises:
        ValueError: If they are not a list of finite single-precision numbers; says whose.
    """
    try:
        with np.errstate(over="ignore"):  # too large becomes infinity, which is rejected below
            vector = np.asarray(values, np.float32)
    except (ValueError, TypeError):
        raise ValueError(f"{name} is not a list of numbers") from None
    if vector.ndim != 1 or not vector.size:
        raise ValueError(f"{name} has shape {vector.shape}, not one dimension")
    if not np.isfinite(vector).all():
        raise ValueError(f"{name} holds NaN or infinity")
    return vector
