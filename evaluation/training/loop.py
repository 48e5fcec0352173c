"""The training loop: steps, checkpoints for resuming, selection of the best weights.

An `Objective` provides the batches and their loss: `reader.objective` for readers and rankers,
`embedder.model` for embedders.

Every step draws its randomness from the seed and its own number, so that a resumed run equals an
uninterrupted one. Checkpoints are safetensors and JSON.
"""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from rag.models.runtime import pick_device, pick_dtype

POOL = 32  # batches whose texts are sorted by length together
WARM_UP = 0.06  # share of the training in which the learning rate rises
CHECKS = 6  # validations on the held-back examples
SAVED_EVERY = 120.0  # seconds between checkpoints
HEAVY = 0.01  # weight decay

Model = TypeVar("Model", bound=nn.Module)
Taught_contra = TypeVar("Taught_contra", bound=nn.Module, contravariant=True)
Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Schedule:
    """Duration, learning rate and regularisation of a training.

    Attributes:
        epochs: Passes over the training set.
        minutes: Time limit, by which the learning rate then decays; None is no limit.
        batch_size: Windows per step; for an embedder, questions.
        learning_rate: Peak learning rate.
        seed: Random seed.
        device: Device of the training; `auto` takes a GPU if there is one.
        spans: Whether spans are learnt, or relevance alone.
        dropout: Share of the encoder's values that a step drops; 0 for an embedder.
        masked: Share of the tokens that a step masks; 0 for an embedder.
    """

    epochs: float = 2
    minutes: float | None = None
    batch_size: int = 16
    learning_rate: float = 1.5e-4
    seed: int = 0
    device: str = "auto"
    spans: bool = True
    dropout: float = 0.0
    masked: float = 0.0


@dataclass(frozen=True)
class Progress:
    """Progress of a training.

    Attributes:
        step: Number of steps done.
        share: Share of the whole training, from 0 to 1.
        seconds: Time spent, earlier runs included.
        loss: Mean loss of recent steps.
        best: Best validation score, or None.
        checked: Validation score of this step, or None.
    """

    step: int = 0
    share: float = 0.0
    seconds: float = 0.0
    loss: float = 0.0
    best: float | None = None
    checked: float | None = None


class Objective(Protocol[Taught_contra, Batch]):
    """Training objective: batches and their loss.

    Attributes:
        steps: Number of steps of the whole training, at least one.
    """

    steps: int

    def batches(self) -> Iterator[Batch]:
        """Yield the batch of each step, without end, the same on every call."""

    def loss(self, model: Taught_contra, batch: Batch) -> torch.Tensor:
        """Return the loss of a batch, a scalar with a gradient."""


def train(
    model: Model,
    task: Objective[Model, Batch],
    schedule: Schedule,
    *,
    folder: Path,
    measure: Callable[[Model], float],
    told: Callable[[Progress], None],
) -> Progress:
    """Train a model, and leave it with the weights of the best validation score.

    Args:
        model: The model, trained in place.
        task: The objective.
        schedule: Duration, learning rate and regularisation.
        folder: Folder of the checkpoints; training resumes from an existing one.
        measure: Returns the validation score of the model, higher is better.
        told: Called after each step.

    Returns:
        The final progress. A Ctrl-C after the first step ends the training early, with the best
        weights so far.

    Raises:
        OSError: If a checkpoint cannot be written.
    """
    device = pick_device(schedule.device)
    model.to(device).train()
    if device == "cpu":
        _attend_eagerly(model)
    optimizer = _optimizer(model, schedule, fused=device == "cpu")
    run = _Run(model, optimizer, schedule, task=task, folder=folder, measure=measure, told=told)
    run.restore()
    try:
        run.go()
    except KeyboardInterrupt:
        if run.now.step == 0:
            raise  # there is nothing to keep
        run.interrupted = True
    run.finish()
    return run.now


def _attend_eagerly(model: nn.Module) -> None:
    """Select the attention implementation whose gradient is a third faster on a CPU."""
    for part in model.modules():
        choose: Any = getattr(part, "set_attn_implementation", None)
        if choose is not None:
            choose("eager")
            return


def _optimizer(model: nn.Module, schedule: Schedule, *, fused: bool) -> torch.optim.AdamW:
    named = list(model.named_parameters())
    return torch.optim.AdamW(
        [
            {"params": [each for _, each in named if each.ndim > 1], "weight_decay": HEAVY},
            {"params": [each for _, each in named if each.ndim < 2], "weight_decay": 0.0},
        ],
        lr=schedule.learning_rate,
        fused=fused,
    )


class _Run(Generic[Model, Batch]):
    """A training in progress, and its checkpoints on disk."""

    def __init__(
        self,
        model: Model,
        optimizer: torch.optim.AdamW,
        schedule: Schedule,
        *,
        task: Objective[Model, Batch],
        folder: Path,
        measure: Callable[[Model], float],
        told: Callable[[Progress], None],
    ) -> None:
        self.model, self.optimizer, self.schedule, self.folder = model, optimizer, schedule, folder
        self.task, self.measure, self.told = task, measure, told
        self.now = Progress()
        self.interrupted = False
        self._before = 0.0  # seconds of earlier runs
        self._checked = 0  # of CHECKS
        self._began = self._saved = time.monotonic()

    def go(self) -> None:
        """Run the remaining steps."""
        for batch in itertools.islice(self.task.batches(), self.now.step, None):
            if self.now.step >= self.task.steps or self.now.share >= 1:
                return
            self._step(batch)
            if self._is_due():
                self._check()
            elif time.monotonic() - self._saved > SAVED_EVERY:
                self.save()
            self.told(self.now)

    def finish(self) -> None:
        """Validate the last weights if they have not been, and load the best ones."""
        if not self.interrupted or self.now.best is None:
            self._check()
            self.told(self.now)
        self.model.load_state_dict(load_file(self.folder / "best.safetensors"))
        self.model.eval()

    def restore(self) -> None:
        """Resume from a checkpoint if there is one."""
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
        """Write a checkpoint."""
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

    def _step(self, batch: Batch) -> None:
        schedule, now = self.schedule, self.now
        torch.manual_seed(schedule.seed * 1_000_003 + now.step)
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.learning_rate * rate(now.share)
        loss = self.task.loss(self.model, batch)
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
        return min(1.0, max(step / self.task.steps, by_time))

    def _is_due(self) -> bool:
        return int(self.now.share * CHECKS) > self._checked and self.now.share < 1

    def _check(self) -> None:
        """Validate the model; keep its weights if it is the best so far."""
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
    """Write a file atomically."""
    half = path.with_suffix(".part")
    held = {name: each.detach().cpu().contiguous() for name, each in state.items()}
    save_file(held, half, metadata=facts)
    half.replace(path)


def autocast(device: torch.device) -> torch.autocast:
    """Return the autocast context: bfloat16 where that is fast."""
    fast = pick_dtype("auto", device.type) == "bfloat16"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=fast)


def rate(share: float) -> float:
    """Return the learning rate's share of its peak: linear warm-up, then linear decay to 0.

    Example:
        >>> rate(0.03), rate(0.53), rate(1.0)
        (0.5, 0.5, 0.0)
    """
    return min(share / WARM_UP, (1 - share) / (1 - WARM_UP)) if share else 1 / 1000
