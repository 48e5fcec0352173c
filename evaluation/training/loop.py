"""The training itself: steps, losses, checkpoints that a run goes on from, the best one kept.

Every step draws its randomness from the seed and its own number, so that a run that was stopped
and goes on gives the same as one that was not. Checkpoints are safetensors and JSON.
"""

import itertools
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.nn import functional

from evaluation.training.features import UNKNOWN, Feature
from rag.embedders import pick_device, pick_dtype
from rag.joint import Heads, JointModel, to_tensors

POOL = 32  # batches whose windows are sorted by length together
WARM_UP = 0.06  # share of the training in which the learning rate rises
CHECKS = 6  # times that the model is measured on what is held back
SPARE = 0.25  # share of the windows beside an answer that an epoch shows
SAVED_EVERY = 120.0  # seconds between checkpoints
HEAVY = 0.01  # weight decay


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes:
        epochs: Times that everything is seen.
        minutes: Longest time; None is as long as it takes. The learning rate falls by time then.
        batch_size: Windows of a step.
        learning_rate: The highest.
        seed: Of everything random.
        device: `auto` takes a GPU if there is one.
        spans: Whether spans are learnt, or relevance alone.
    """

    epochs: float = 2
    minutes: float | None = None
    batch_size: int = 16
    learning_rate: float = 1.5e-4
    seed: int = 0
    device: str = "auto"
    spans: bool = True


@dataclass(frozen=True)
class Progress:
    """Where the training is.

    Attributes:
        step: Steps done.
        share: Share of the whole, from 0 to 1.
        seconds: Time spent, that of the runs before included.
        loss: Mean loss of late.
        best: Best score on what is held back, or None.
        checked: The score that was just measured, or None.
    """

    step: int = 0
    share: float = 0.0
    seconds: float = 0.0
    loss: float = 0.0
    best: float | None = None
    checked: float | None = None


def train(
    model: JointModel,
    features: Sequence[Feature],
    schedule: Schedule,
    *,
    folder: Path,
    measure: Callable[[JointModel], float],
    told: Callable[[Progress], None],
) -> Progress:
    """Train a model, and leave it with the weights that measured best.

    Args:
        model: What is trained, in place.
        features: Labelled windows, at least one.
        schedule: How long and how fast.
        folder: Holds checkpoints; training goes on from one that is there.
        measure: Score of the model on what is held back, higher is better.
        told: Told after each step.

    Returns:
        Where it ended. A Ctrl-C after the first step ends it early, with the best weights so far.

    Raises:
        OSError: If a checkpoint cannot be written.
    """
    device = pick_device(schedule.device)
    model.to(device).train()
    encoder: Any = model.encoder
    if device == "cpu" and hasattr(encoder, "set_attn_implementation"):
        encoder.set_attn_implementation("eager")  # its gradient is a third faster there
    optimizer = _optimizer(model, schedule, fused=device == "cpu")
    run = _Run(
        model,
        optimizer,
        schedule,
        folder=folder,
        measure=measure,
        told=told,
        steps=_steps(features, schedule),
    )
    run.restore()
    try:
        run.go(features)
    except KeyboardInterrupt:
        if run.now.step == 0:
            raise  # there is nothing to keep
        run.interrupted = True
    run.finish()
    return run.now


def _steps(features: Sequence[Feature], schedule: Schedule) -> int:
    shown = len(shown_in_epoch(features, random.Random(f"{schedule.seed}:0")))  # noqa: S311
    return max(1, round(schedule.epochs * -(-shown // schedule.batch_size)))


def _optimizer(model: JointModel, schedule: Schedule, *, fused: bool) -> torch.optim.AdamW:
    named = list(model.named_parameters())
    return torch.optim.AdamW(
        [
            {"params": [each for _, each in named if each.ndim > 1], "weight_decay": HEAVY},
            {"params": [each for _, each in named if each.ndim < 2], "weight_decay": 0.0},
        ],
        lr=schedule.learning_rate,
        fused=fused,
    )


class _Run:
    """A training in progress, and what of it is kept on the disk."""

    def __init__(
        self,
        model: JointModel,
        optimizer: torch.optim.AdamW,
        schedule: Schedule,
        *,
        folder: Path,
        measure: Callable[[JointModel], float],
        told: Callable[[Progress], None],
        steps: int,
    ) -> None:
        self.model, self.optimizer, self.schedule, self.folder = model, optimizer, schedule, folder
        self.measure, self.told, self.steps = measure, told, steps
        self.now = Progress()
        self.interrupted = False
        self._before = 0.0  # seconds of the runs before
        self._checked = 0  # of CHECKS
        self._began = self._saved = time.monotonic()

    def go(self, features: Sequence[Feature]) -> None:
        """Do the steps that are left."""
        order = batch_order(features, self.schedule)
        for batch in itertools.islice(order, self.now.step, None):
            if self.now.step >= self.steps or self.now.share >= 1:
                return
            self._step([features[place] for place in batch])
            if self._is_due():
                self._check()
            elif time.monotonic() - self._saved > SAVED_EVERY:
                self.save()
            self.told(self.now)

    def finish(self) -> None:
        """Measure the last weights if nothing was measured since, and take the best ones."""
        if not self.interrupted or self.now.best is None:
            self._check()
            self.told(self.now)
        self.model.load_state_dict(load_file(self.folder / "best.safetensors"))
        self.model.eval()

    def restore(self) -> None:
        """Go on from a checkpoint if there is one."""
        path = self.folder / "last.safetensors"
        if not path.is_file():
            return
        with safe_open(path, "pt") as held:
            self.now = Progress(**json.loads(held.metadata()["progress"]))
        self._before, self._checked = self.now.seconds, int(self.now.share * CHECKS)
        state = load_file(path)
        names = [name for name, _ in self.model.named_parameters()]
        self.model.load_state_dict({name.removeprefix("model."): each for name, each in
                                    state.items() if name.startswith("model.")})  # fmt: skip
        for name, parameter in zip(names, self.model.parameters(), strict=True):
            if f"first.{name}" in state:
                self.optimizer.state[parameter] = {
                    "step": state[f"step.{name}"].cpu(),
                    "exp_avg": state[f"first.{name}"].to(parameter.device),
                    "exp_avg_sq": state[f"second.{name}"].to(parameter.device),
                }

    def save(self) -> None:
        """Write everything that is needed to go on."""
        state = {f"model.{name}": each for name, each in self.model.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            held = self.optimizer.state.get(parameter)
            if held:
                state[f"step.{name}"] = held["step"]
                state[f"first.{name}"] = held["exp_avg"]
                state[f"second.{name}"] = held["exp_avg_sq"]
        progress = json.dumps(asdict(replace(self.now, checked=None)))
        _replace(self.folder / "last.safetensors", state, {"progress": progress})
        self._saved = time.monotonic()

    def _step(self, batch: Sequence[Feature]) -> None:
        schedule, now = self.schedule, self.now
        torch.manual_seed(schedule.seed * 1_000_003 + now.step)
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.learning_rate * rate(now.share)
        device = next(self.model.parameters()).device
        with autocast(device):
            heads = self.model(**to_tensors([each.window for each in batch], self.model.encoder))
        loss = loss_of(heads, batch, spans=schedule.spans)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        late = loss.item() if now.step == 0 else 0.98 * now.loss + 0.02 * loss.item()
        seconds = self._before + time.monotonic() - self._began
        self.now = Progress(now.step + 1, self._share(now.step + 1, seconds), seconds, late,
                            now.best)  # fmt: skip

    def _share(self, step: int, seconds: float) -> float:
        minutes = self.schedule.minutes
        by_time = 0.0 if minutes is None else seconds / (60 * minutes)
        return min(1.0, max(step / self.steps, by_time))

    def _is_due(self) -> bool:
        return int(self.now.share * CHECKS) > self._checked and self.now.share < 1

    def _check(self) -> None:
        """Measure the model; keep its weights if it is the best so far."""
        self._checked = int(self.now.share * CHECKS)
        self.model.eval()
        score = self.measure(self.model)
        self.model.train()
        best = self.now.best
        if best is None or score > best:
            _replace(self.folder / "best.safetensors", dict(self.model.state_dict()))
            best = score
        self.now = replace(self.now, best=best, checked=score)
        self.save()


def _replace(
    path: Path, state: dict[str, torch.Tensor], facts: dict[str, str] | None = None
) -> None:
    """Write a file whole or not at all."""
    half = path.with_suffix(".part")
    held = {name: each.detach().cpu().contiguous() for name, each in state.items()}
    save_file(held, half, metadata=facts)
    half.replace(path)


def autocast(device: torch.device) -> torch.autocast:
    """Return the context in which a model computes in bfloat16, where that is fast."""
    fast = pick_dtype("auto", device.type) == "bfloat16"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=fast)


def rate(share: float) -> float:
    """Return the learning rate's share of its highest: it rises, then falls to 0 in a line.

    Example:
        >>> rate(0.03), rate(0.53), rate(1.0)
        (0.5, 0.5, 0.0)
    """
    return min(share / WARM_UP, (1 - share) / (1 - WARM_UP)) if share else 1 / 1000


def batch_order(features: Sequence[Feature], schedule: Schedule) -> Iterator[list[int]]:
    """Yield the places of features in batches of similar lengths, epoch after epoch."""
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
    """Return the places of what an epoch shows, in order.

    A long text that answers is many windows, most of them beside the answer. Each epoch shows one
    that holds the answer, another each time, and a few of the others.
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


def loss_of(heads: Heads, batch: Sequence[Feature], *, spans: bool) -> torch.Tensor:
    """Return the loss of a batch: spans, no answer and relevance; what is unknown costs nothing."""
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
    """Relevance and no answer count half."""
    return [1.0] if count == 1 else [0.5, *[1.0] * (count - 2), 0.5]


def _yes_no(logits: torch.Tensor, goals: Sequence[int]) -> torch.Tensor:
    goal = torch.tensor(goals, device=logits.device)
    known = goal != UNKNOWN
    if not bool(known.any()):
        return logits.sum() * 0
    return functional.binary_cross_entropy_with_logits(logits[known], goal[known].float())
