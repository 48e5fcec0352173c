"""Weights in eight bits: half the size of float16, for the models shipped with this package.

Each row of a matrix is divided by its largest value and stored as integers from -127 to 127; the
row's scale is stored under the name of the weight and `.scale`. Vectors stay as they are.
"""

from collections.abc import Mapping
from pathlib import Path

import torch

from rag.models.weight_files import SCALE_SUFFIX, read_weights

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


def load_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a folder's `.safetensors` files in float32, packed or not.

    Raises:
        OSError: If the folder cannot be read.
        safetensors.SafetensorError: If a file is damaged.
    """
    return {name: torch.from_numpy(each) for name, each in read_weights(folder).items()}
