"""Errors of the services, whose messages may be shown to people."""

from rag.errors import RagError


class NotFoundError(RagError):
    """The object does not exist or belongs to another owner; the message does not say which."""


class BusyError(RagError):
    """The server is at its limits; the request can be repeated later."""


class UploadError(RagError):
    """An upload cannot be accepted."""


class StoppedError(RagError):
    """A question was stopped before its answer was begun."""
