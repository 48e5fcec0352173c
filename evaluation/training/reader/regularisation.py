"""Regularisation against overfitting on a small data set: dropout and token masking."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from evaluation.training.loop import Schedule
from rag.errors import ModelError
from rag.models.windows import Window

STEPS = 128  # resolution of a dropout share


class ByteDropout(nn.Module):
    """Dropout with random bytes, which a CPU draws many times as fast as random floats.

    Args:
        share: Share of the values that become 0, in steps of 1/128; at least one step.
    """

    p = 0.0  # read by the attention, which drops nothing itself

    def __init__(self, share: float) -> None:
        super().__init__()
        self.dropped = max(round(share * STEPS), 1 if share else 0)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the values, in training mode with some of them set to 0."""
        if not self.training or not self.dropped:
            return values
        kept = STEPS / (STEPS - self.dropped)
        if values.device.type != "cpu":
            return nn.functional.dropout(values, 1 - 1 / kept)
        drawn = torch.empty(-(-values.numel() // 8), dtype=torch.int64).random_()
        # The highest bit of a random number is always 0: seven bits of each byte are used.
        bits = drawn.view(torch.uint8)[: values.numel()].view(values.shape) & (STEPS - 1)
        return values * (bits >= self.dropped).to(values.dtype) * kept


def add_dropout(encoder: nn.Module, share: float) -> int:
    """Replace an encoder's dropout layers; return their number.

    Args:
        encoder: The encoder, changed in place; its weights and their names stay.
        share: Share of the values that become 0.
    """
    count = 0
    for name, part in list(encoder.named_children()):
        if isinstance(part, nn.Dropout):
            setattr(encoder, name, ByteDropout(share))
            count += 1
        else:
            count += add_dropout(part, share)
    return count


@dataclass(frozen=True)
class Hiding:
    """Options of token masking.

    Attributes:
        share: Share of the tokens of question and text.
        mask: Id of the mask token.
        special: Ids of the tokens that are never masked.
    """

    share: float
    mask: int
    special: frozenset[int]


def hide_tokens(windows: Sequence[Window], hiding: Hiding) -> list[Window]:
    """Return windows with some tokens masked, drawn by torch's random generator."""
    return [_hide(window, hiding) for window in windows]


def _hide(window: Window, hiding: Hiding) -> Window:
    drawn = torch.rand(len(window.ids)).tolist()
    ids = tuple(
        hiding.mask if chance < hiding.share and token not in hiding.special else token
        for token, chance in zip(window.ids, drawn, strict=True)
    )
    return replace(window, ids=ids)


def make_harder(
    encoder: nn.Module,
    tokenizer: Any,  # noqa: ANN401 - transformers' own type
    name: str,
    schedule: Schedule,
) -> Hiding | None:
    """Add a schedule's dropout to an encoder, and return the options of its token masking.

    Raises:
        ModelError: If the encoder has no dropout layer, or the tokenizer no mask token.
    """
    if schedule.dropout and not add_dropout(encoder, schedule.dropout):
        raise ModelError(f"--dropout: `{name}` has no place for it; give 0.")
    if not schedule.masked:
        return None
    if tokenizer.mask_token_id is None:
        raise ModelError(f"--masked: `{name}` has no token that hides others; give 0.")
    return Hiding(schedule.masked, tokenizer.mask_token_id, frozenset(tokenizer.all_special_ids))
