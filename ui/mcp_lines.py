"""Lines from an MCP client: messages, or the JSON-RPC errors that answer what is none.

A line is a message in UTF-8. What cannot be read is answered, and the next line is read.
"""

import json
from typing import BinaryIO

from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

LONGEST_LINE = 32 * 2**20  # bytes
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NO_JSON = "this line is no JSON; send one message a line, in UTF-8."
BATCH = "batches are not read; send one message a line."
NO_MESSAGE = (
    'this is no JSON-RPC message; send {"jsonrpc": "2.0", "id": ..., "method": ..., "params": {}}.'
)


class UnreadableLine(Exception):  # noqa: N818 - a client's mistake, answered and not raised further
    """A line that holds no message; `answer` is what its sender is told."""

    def __init__(self, answer: JSONRPCError) -> None:
        super().__init__(answer.error.message)
        self.answer = answer


def next_line(wire: BinaryIO) -> bytes | None:
    """Return the next line that is not blank; b"" at the end, None for one that is too long.

    Args:
        wire: The client's bytes. A line that is too long is read to its end, and not kept.
    """
    while line := wire.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while (more := wire.readline(LONGEST_LINE)) and not more.endswith(b"\n"):
                pass
            return None
        if line.removeprefix(BYTE_ORDER_MARK).strip():
            return line
    return b""


def read_message(line: bytes | None) -> JSONRPCMessage:
    """Return the message of a line, as `next_line` returned it.

    Raises:
        UnreadableLine: If it holds no message.
    """
    if line is None:
        raise _error(PARSE_ERROR, f"a line may have {LONGEST_LINE:,} bytes; send less at once.")
    line = line.removeprefix(BYTE_ORDER_MARK)
    try:
        return jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError as error:
        is_json = error.errors(include_input=False)[0]["type"] != "json_invalid"
    raise _refusal(line) if is_json else _error(PARSE_ERROR, NO_JSON, _id_of(_value(line)))


def _refusal(line: bytes) -> UnreadableLine:
    value = _value(line)
    return _error(INVALID_REQUEST, BATCH if isinstance(value, list) else NO_MESSAGE, _id_of(value))


def _value(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _id_of(value: object) -> int | str | None:
    """Return the id under which a client waits for an answer; None if there is none."""
    number = value.get("id") if isinstance(value, dict) else None
    if isinstance(number, str):
        return number.encode("utf-8", "replace").decode()
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _error(code: int, message: str, number: int | str | None = None) -> UnreadableLine:
    error = ErrorData(code=code, message=message)
    return UnreadableLine(JSONRPCError(jsonrpc="2.0", id=number, error=error))
