"""Weights in eight bits: half the size of float16, for the models shipped with this package.

Each row of a matrix is divided by its largest value and stored as integers from -127 to 127; the
row's scale is stored under the name of the weight and `.scale`. Vectors stay as they are.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file

SCALE_SUFFIX = ".scale"
LEVELS = 127


def pack(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weights with matrices in int8 and float32 scales, everything else in float32.

    Args:
        weights: Names and values; a matrix is of shape (rows, columns).
    """
    packed: dict[str, torch.Tensor] = {}
    for name, each in weights.items():
        value = each.detach().cpu()
        if value.ndim != 2 or not value.is_floating_point():
            packed[name] = value.contiguous()
            continue
        scale = value.float().abs().amax(1, keepdim=True).clamp_min(1e-12) / LEVELS
        packed[name] = (value.float() / scale).round().to(torch.int8).contiguous()
        packed[name + SCALE_SUFFIX] = scale.contiguous()
    return packed


def unpack(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weights in float32 as a model expects them, packed or not."""
    return {
        name: each.float() * weights[name + SCALE_SUFFIX]
        if name + SCALE_SUFFIX in weights
        else _float(each)
        for name, each in weights.items()
        if not name.endswith(SCALE_SUFFIX) or name.removesuffix(SCALE_SUFFIX) not in weights
    }


def load_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a folder's `.safetensors` files in float32, packed or not.

    Raises:
        OSError: If the folder cannot be read.
        safetensors.SafetensorError: If a file is damaged.
    """
    weights: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        weights |= load_file(path)
    return unpack(weights)


def _float(value: torch.Tensor) -> torch.Tensor:
    return value.float() if value.is_floating_point() else value
