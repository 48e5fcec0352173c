"""Timing of steps."""

import time
from typing import TYPE_CHECKING, Protocol

from rag.schema import Stage

if TYPE_CHECKING:
    from rag.models.model_files import ModelFiles


class TracedModel(Protocol):
    """A model that a trace names.

    Attributes:
        files: The model's files.
    """

    files: "ModelFiles"

    @property
    def ran_by(self) -> str:
        """`onnx` or `torch`, whichever runs it; empty until it is loaded."""


class Stopwatch:
    """Stopwatch that starts at construction."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def ms(self) -> float:
        """Milliseconds since the start."""
        return (time.perf_counter() - self._start) * 1000

    def stage(
        self,
        name: str,
        *,
        count: int | None = None,
        note: str | None = None,
        model: "TracedModel | None" = None,
    ) -> Stage:
        """Return the trace entry of a step that ends now, with the model that it ran."""
        ms = round(self.ms, 3)
        if model is None:
            return Stage(name, ms, count, note)
        return Stage(name, ms, count, note, model.files.name, runtime=model.ran_by or None)
