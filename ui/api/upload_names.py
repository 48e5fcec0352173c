"""Names of uploaded files in the extended form, `filename*=UTF-8''...` (RFC 8187).

RFC 7578 wants names of files in plain UTF-8; several clients send the extended form for names that
are not ASCII, some without any other, so that the file would be taken for a field without a name.
"""

from collections.abc import Callable, Coroutine
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser


def extended_name(disposition: bytes) -> str | None:
    """Return the name of a file in the extended form, in one piece or several; None without any.

    Args:
        disposition: Value of the header `Content-Disposition`.

    Example:
        >>> extended_name(b"form-data; name=files; filename*=UTF-8''caf%C3%A9.txt")
        'café.txt'
    """
    header = Message()
    header["content-disposition"] = disposition.decode("latin-1")
    for name, value in header.get_params([], "content-disposition"):
        if name == "filename" and isinstance(value, tuple):
            return collapse_rfc2231_value(value)
    return None


class UploadRoute(APIRoute):
    """A route whose forms may name files in the extended form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of a request."""
        handle = super().get_route_handler()

        async def with_names(request: Request) -> Response:
            return await handle(_UploadRequest(request.scope, request.receive))

        return with_names


class _UploadRequest(Request):
    async def _get_form(self, **limits: Any) -> FormData:  # noqa: ANN401 - starlette's
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if self._form is None and kind == "multipart/form-data":
            try:
                self._form = await _Parser(self.headers, self.stream(), **limits).parse()
            except MultiPartException as error:
                raise HTTPException(400, error.message) from None
        return await super()._get_form(**limits)


class _Parser(MultiPartParser):
    def on_headers_finished(self) -> None:
        part = self._current_part
        name = extended_name(part.content_disposition or b"")
        if name is not None:  # with it the part is a file
            part.content_disposition = (part.content_disposition or b"") + b'; filename=""'
        super().on_headers_finished()
        if name is not None and part.file is not None:
            part.file.filename = name
