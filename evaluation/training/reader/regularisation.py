"""What keeps a model from learning a small set by heart: dropout, and tokens that are hidden."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from evaluation.training.loop import Schedule
from rag.errors import ModelError
from rag.models.windows import Window

STEPS = 128  # in which a share of dropout is told apart


class ByteDropout(nn.Module):
    """Dropout whose randomness is bytes: a processor draws those many times as fast as numbers.

    Args:
        share: Of the values that become 0, in steps of 1/128; less than a step is one.
    """

    p = 0.0  # what attention is told of it: nothing is dropped there

    def __init__(self, share: float) -> None:
        super().__init__()
        self.dropped = max(round(share * STEPS), 1 if share else 0)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the values while the model is used, and some of them 0 while it is trained."""
        if not self.training or not self.dropped:
            return values
        kept = STEPS / (STEPS - self.dropped)
        if values.device.type != "cpu":
            return nn.functional.dropout(values, 1 - 1 / kept)
        drawn = torch.empty(-(-values.numel() // 8), dtype=torch.int64).random_()
        # The highest bit of a drawn number is always 0: seven of each byte are used.
        bits = drawn.view(torch.uint8)[: values.numel()].view(values.shape) & (STEPS - 1)
        return values * (bits >= self.dropped).to(values.dtype) * kept


def add_dropout(encoder: nn.Module, share: float) -> int:
    """Put dropout where an encoder has a place for it; return at how many places.

    Args:
        encoder: Changed in place; its weights and their names are not.
        share: Of the values that become 0.
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
    """How tokens are hidden.

    Attributes:
        share: Of the tokens of question and text.
        mask: Id of the token that stands in their place.
        special: Ids of the tokens that are never hidden.
    """

    share: float
    mask: int
    special: frozenset[int]


def hide_tokens(windows: Sequence[Window], hiding: Hiding) -> list[Window]:
    """Return windows with some tokens hidden, others each time; torch's generator draws them."""
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
    """Put dropout into an encoder, and return how tokens are hidden, as a schedule says.

    Raises:
        ModelError: If the encoder has no place for the one, or no token for the other.
    """
    if schedule.dropout and not add_dropout(encoder, schedule.dropout):
        raise ModelError(f"--dropout: `{name}` has no place for it; give 0.")
    if not schedule.masked:
        return None
    if tokenizer.mask_token_id is None:
        raise ModelError(f"--masked: `{name}` has no token that hides others; give 0.")
    return Hiding(schedule.masked, tokenizer.mask_token_id, frozenset(tokenizer.all_special_ids))
