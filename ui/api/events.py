"""Server-sent events as bytes, in FastAPI's own form."""

import json
from typing import Any

from fastapi.sse import EventSourceResponse, format_sse_event

EVENT_STREAM = EventSourceResponse.media_type
HEARTBEAT = format_sse_event(comment="alive")  # which clients ignore


def server_sent_event(data: Any, *, name: str = "", number: str = "") -> bytes:  # noqa: ANN401
    r"""Return an event: its name and id, if it has any, and its data as one line of JSON.

    Example:
        >>> server_sent_event({"text": "ice"}, name="token", number="7")
        b'event: token\ndata: {"text": "ice"}\nid: 7\n\n'
    """
    text = json.dumps(data, ensure_ascii=False)
    return format_sse_event(data_str=text, event=name or None, id=number or None)
