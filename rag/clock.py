"""Timing of steps."""

import time

from rag.schema import Stage


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
        model: str | None = None,
        runtime: str | None = None,
    ) -> Stage:
        """Return the trace entry of a step that ends now."""
        return Stage(name, round(self.ms, 3), count, note, model, runtime=runtime)
