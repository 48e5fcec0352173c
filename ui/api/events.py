"""Server-sent events as bytes."""

import json
from typing import Any

EVENT_STREAM = "text/event-stream"
HEARTBEAT = b": alive\n\n"  # a comment, which clients ignore


def server_sent_event(data: Any, *, name: str = "", number: str = "") -> bytes:  # noqa: ANN401
    r"""Return an event: its name and id, if it has any, and its data as one line of JSON.

    Example:
        >>> server_sent_event({"text": "ice"}, name="token", number="7")
        b'event: token\nid: 7\ndata: {"text": "ice"}\n\n'
    """
    lines = [f"event: {name}"] * bool(name) + [f"id: {number}"] * bool(number)
    text = json.dumps(data, ensure_ascii=False)  # one line: JSON escapes line breaks
    return "\n".join([*lines, f"data: {text}", "", ""]).encode()
