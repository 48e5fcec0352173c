"""What people can be told when a service does not do what they asked; messages may be shown."""

from rag.errors import RagError


class NotFoundError(RagError):
    """It is not there, or it is somebody else's; which of the two is not said."""


class BusyError(RagError):
    """Too much is being done already; the same request can be made again later."""


class UploadError(RagError):
    """What was uploaded cannot be taken."""
