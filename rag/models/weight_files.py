"""Weights of a model's `.safetensors` files as NumPy arrays, packed in eight bits or not.

Nothing here knows torch. See `rag.models.int8` for the packed form.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SCALE_SUFFIX = ".scale"  # of a packed weight's name: the scales of its rows
Array = npt.NDArray[np.generic]
LONGEST_HEADER = 100_000_000  # bytes, the limit of the format
_BFLOAT16 = "BF16"  # NumPy has no such numbers: the upper half of a float32


def read_weights(folder: Path) -> dict[str, Array]:
    """Return a folder's weights by name, in float32 what is no whole number, and unpacked.

    Raises:
        OSError: If the folder cannot be read.
        safetensors.SafetensorError: If a file is damaged.
    """
    stored = read_stored(folder)
    names = [name for name in stored if not _is_scale(name, stored)]
    return {name: take_weight(stored, name) for name in names}


def read_stored(folder: Path) -> dict[str, Array]:
    """Return a folder's weights as they are stored, for `take_weight`; raises as `read_weights`."""
    stored: dict[str, Array] = {}
    for path in sorted(folder.glob("*.safetensors")):
        stored |= _read(path)
    return stored


def take_weight(stored: dict[str, Array], name: str) -> Array:
    """Remove a weight from those stored, so that it takes no memory twice, and return it unpacked.

    Args:
        stored: Weights as `read_stored` returns them.
        name: Name of a weight.

    Raises:
        KeyError: If there is none of that name.
    """
    value, scale = stored.pop(name), stored.pop(name + SCALE_SUFFIX, None)
    if scale is not None:
        return np.multiply(value, scale, dtype=np.float32)
    return value.astype(np.float32) if np.issubdtype(value.dtype, np.floating) else value


def read_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a folder's weights by name, without reading the weights.

    Raises:
        OSError: If the folder cannot be read.
        ValueError: If a file is damaged.
    """
    found: dict[str, tuple[int, ...]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        found |= {name: tuple(each["shape"]) for name, each in _header(path).items()}
    return {name: shape for name, shape in found.items() if not _is_scale(name, found)}


def _header(path: Path) -> dict[str, dict[str, Any]]:
    """Return the header of a file: eight bytes with its length, then JSON."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        content = json.loads(file.read(size)) if size <= LONGEST_HEADER else None
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no safetensors file")
    return {name: each for name, each in content.items() if name != "__metadata__"}


def _read(path: Path) -> dict[str, Array]:
    from safetensors import deserialize, safe_open

    names = _header(path)
    if all(each["dtype"] != _BFLOAT16 for each in names.values()):
        with safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    found: dict[str, Array] = {}
    for name, each in deserialize(path.read_bytes()):  # type: ignore[no-untyped-call]
        kind = "<u2" if each["dtype"] == _BFLOAT16 else _KINDS[each["dtype"]]
        value = np.frombuffer(each["data"], kind).reshape(each["shape"]).copy()
        if each["dtype"] == _BFLOAT16:
            value = (value.astype(np.uint32) << 16).view(np.float32)
        found[name] = value
    return found


_KINDS = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}


def _is_scale(name: str, names: dict[str, Array] | dict[str, tuple[int, ...]]) -> bool:
    return name.endswith(SCALE_SUFFIX) and name.removesuffix(SCALE_SUFFIX) in names
