"""Delivery of generated text to the caller, and its interruption; shared by all generators."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from haystack.dataclasses import ChatMessage

from rag.errors import ModelError

FinishReason: TypeAlias = Literal["stop", "length", "stopped", "deadline"]

POLL_SECONDS = 0.05  # longest time for which a waiting thread overlooks `stop` and `deadline`


class Delivery:
    """Collector of one answer's pieces, which passes them on and says when to stop.

    Args:
        callback: Receives each piece that is not empty, in the thread that calls `add`.
        stop: Ends the generation when set; None never does.
        deadline: Ends the generation when `time.monotonic()` reaches it; None never does.

    Example:
        >>> delivery = Delivery(None, None, None)
        >>> delivery.add("Yes"); delivery.add(".")
        >>> delivery.reply("stop")
        {'text': 'Yes.', 'finish_reason': 'stop'}
    """

    def __init__(
        self,
        callback: Callable[[str], None] | None,
        stop: threading.Event | None,
        deadline: float | None,
    ) -> None:
        self._callback = callback
        self._stop = stop
        self._deadline = deadline
        self._pieces: list[str] = []

    def add(self, piece: str) -> None:
        """Append a piece of text and pass it to the callback; an empty piece is ignored."""
        if not piece:
            return
        self._pieces.append(piece)
        if self._callback is not None:
            self._callback(piece)

    def interruption(self) -> FinishReason | None:
        """Return the reason to stop now, "stopped" or "deadline"; None if there is none."""
        if self._stop is not None and self._stop.is_set():
            return "stopped"
        if self._deadline is not None and time.monotonic() >= self._deadline:
            return "deadline"
        return None

    def text(self) -> str:
        """Return the text so far."""
        return "".join(self._pieces)

    def reply(self, finish_reason: FinishReason) -> dict[str, str]:
        """Return the output of a generator's `run`."""
        return {"text": self.text(), "finish_reason": finish_reason}


def wait_for(lock: threading.Lock, delivery: Delivery) -> FinishReason | None:
    """Take the lock, or return why not: while waiting, `stop` was set or the deadline passed."""
    while True:
        interruption = delivery.interruption()
        if interruption is not None:
            return interruption
        if lock.acquire(timeout=POLL_SECONDS):
            return None


def as_dicts(messages: Sequence[ChatMessage]) -> list[dict[str, str]]:
    """Return the messages as dictionaries with `role` and `content`, text only.

    Raises:
        ValueError: If there are none, or one has no text.
    """
    if not messages:
        raise ValueError("messages: expected at least one (got none)")
    for message in messages:
        if message.text is None:
            raise ValueError(f"messages: expected text (got a message of {message.role} without)")
    return [{"role": message.role.value, "content": message.text or ""} for message in messages]


def too_long(prompt_tokens: int, context: int, advice: str) -> ModelError:
    """Return the error for a prompt that leaves no room for an answer."""
    return ModelError(
        f"the prompt has {prompt_tokens} tokens, but the model's context holds {context} "
        f"including the answer: {advice}"
    )
