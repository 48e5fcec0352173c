"""Training objective of a reader and ranker: batches of windows, and the loss of the heads."""

import itertools
import random
from collections.abc import Iterator, Sequence

import torch
from torch.nn import functional

from evaluation.training.loop import POOL, Schedule, autocast
from evaluation.training.reader.features import UNKNOWN, Feature
from evaluation.training.reader.regularisation import Hiding, hide_tokens
from rag.models.reader_ranker import ReaderRanker, ReaderRankerOutput, to_tensors

SPARE = 0.25  # share of a text's windows without the answer that an epoch shows


class ReaderObjective:
    """The `Objective` of a reader and ranker.

    Args:
        features: Labelled windows, at least one.
        schedule: Batch size, number of epochs, and whether spans are learnt.
        hiding: Options of token masking; None masks none.

    Attributes:
        steps: Number of steps of the whole training.
    """

    def __init__(
        self, features: Sequence[Feature], schedule: Schedule, hiding: Hiding | None = None
    ) -> None:
        self.features, self.schedule, self.hiding = features, schedule, hiding
        shown = len(shown_in_epoch(features, random.Random(f"{schedule.seed}:0")))  # noqa: S311
        self.steps = max(1, round(schedule.epochs * -(-shown // schedule.batch_size)))

    def batches(self) -> Iterator[list[Feature]]:
        """Yield the windows of each step."""
        for batch in batch_order(self.features, self.schedule):
            yield [self.features[place] for place in batch]

    def loss(self, model: ReaderRanker, batch: Sequence[Feature]) -> torch.Tensor:
        """Return the loss of a batch of windows."""
        windows = [each.window for each in batch]
        if self.hiding:
            windows = hide_tokens(windows, self.hiding)
        with autocast(next(model.parameters()).device):
            heads = model(**to_tensors(windows, model.encoder))
        return loss_of(heads, batch, spans=self.schedule.spans)


def batch_order(features: Sequence[Feature], schedule: Schedule) -> Iterator[list[int]]:
    """Yield the indices of features in batches of similar lengths, epoch after epoch."""
    for epoch in itertools.count():
        draw = random.Random(f"{schedule.seed}:{epoch}")  # noqa: S311 - not for secrets
        order = shown_in_epoch(features, draw)
        draw.shuffle(order)
        size, found = schedule.batch_size, []
        for start in range(0, len(order), size * POOL):
            pool = sorted(
                order[start : start + size * POOL],
                key=lambda place: len(features[place].window.ids),
            )
            found += [pool[first : first + size] for first in range(0, len(pool), size)]
        draw.shuffle(found)
        yield from found


def shown_in_epoch(features: Sequence[Feature], draw: random.Random) -> list[int]:
    """Return the indices of the features that an epoch shows, in order.

    A long text that answers has many windows, most of them without the answer. Each epoch shows one
    that contains the answer, a different one each time, and a few of the others.
    """
    holding: dict[int, list[int]] = {}
    for place, each in enumerate(features):
        if each.null == 0:
            holding.setdefault(each.window.text, []).append(place)
    chosen = {draw.choice(places) for places in holding.values()}
    return [
        place
        for place, each in enumerate(features)
        if place in chosen
        or each.window.text not in holding
        or (each.null == 1 and draw.random() < SPARE)
    ]


def loss_of(heads: ReaderRankerOutput, batch: Sequence[Feature], *, spans: bool) -> torch.Tensor:
    """Return the loss of a batch: spans, no answer and relevance; unknown labels cost nothing."""
    device = heads.starts.device
    losses = [_yes_no(heads.relevance, [each.relevant for each in batch])]
    if spans:
        mask = torch.zeros_like(heads.starts, dtype=torch.bool)
        for row, each in enumerate(batch):
            mask[row, 0] = True
            mask[row, each.window.first : each.window.first + len(each.window.offsets)] = True
        for logits, goals in (
            (heads.starts, [each.start for each in batch]),
            (heads.ends, [each.end for each in batch]),
        ):
            goal = torch.tensor(goals, device=device)
            if bool((goal != UNKNOWN).any()):
                shown = logits.masked_fill(~mask, -1e4)
                losses.append(functional.cross_entropy(shown, goal, ignore_index=UNKNOWN))
        losses.append(_yes_no(heads.null, [each.null for each in batch]))
    return torch.stack(losses).mul(torch.tensor(_weights(len(losses)), device=device)).sum()


def _weights(count: int) -> list[float]:
    """Return the weights of the losses: relevance and no answer count half."""
    return [1.0] if count == 1 else [0.5, *[1.0] * (count - 2), 0.5]


def _yes_no(logits: torch.Tensor, goals: Sequence[int]) -> torch.Tensor:
    goal = torch.tensor(goals, device=logits.device)
    known = goal != UNKNOWN
    if not bool(known.any()):
        return logits.sum() * 0
    return functional.binary_cross_entropy_with_logits(logits[known], goal[known].float())
