"""The error format of the API: `{"error": {"message", "type", "code", ...}}`.

It is OpenAI's, so that clients of either protocol understand it. Messages say what the client can
do; errors that only the operator can fix are logged under an id that the client receives.
"""

import logging
import uuid
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import (
    CollectionError,
    LockedError,
    MismatchError,
    ModelError,
    QuestionError,
    RagError,
    StoreError,
    UnwritableError,
)
from rag.files import is_unwritable
from ui.services.errors import BusyError, NotFoundError, UploadError

log = logging.getLogger(__name__)

RETRY_SECONDS = 2  # that a client is asked to wait under load
MOST_PROBLEMS = 20  # listed in one message
LONGEST_MESSAGE = 300  # characters of a message that repeats what the client sent

Kind = Literal["invalid_request_error", "authentication_error", "rate_limit_error", "server_error"]


class ErrorDetail(BaseModel):
    """An error."""

    message: str = Field(description="What happened, and what to do; fit to be shown.")
    type: Kind = Field(description="OpenAI's kind of error.")
    code: str = Field(description="For programs: does not change with the wording.")
    param: str | None = Field(None, description="The field that caused it.")
    id: str | None = Field(None, description="Under which the server's log has the cause.")


class ErrorResponse(BaseModel):
    """The body of every response that is not 2xx."""

    error: ErrorDetail


class RequestRefusal(HTTPException):
    """An HTTP error for a refused request.

    Args:
        status: HTTP status.
        code: See `ErrorDetail`.
        message: See `ErrorDetail`.
        param: See `ErrorDetail`.
        number: Id of the error in the log.
        headers: Additional headers of the response.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        number: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.problem = ErrorDetail(
            message=message[:LONGEST_MESSAGE], type=_kind(status), code=code, param=param, id=number
        )

    def response(self) -> JSONResponse:
        """Return the HTTP response."""
        body = ErrorResponse(error=self.problem).model_dump()
        return JSONResponse(body, self.status_code, headers=self.headers)


def told(error: RagError) -> tuple[int, str, str]:
    """Return status, code and message of an expected error, without paths and others' names."""
    for kind, (status, code, message) in _TOLD.items():
        if isinstance(error, kind):
            return status, code, message or str(error)
    return 500, "internal", "something went wrong on the server."


def refusal_for(error: RagError) -> RequestRefusal:
    """Return the refusal for an expected error; errors that the client cannot fix are logged."""
    status, code, message = told(error)
    if status < 500 or isinstance(error, BusyError):
        waits = isinstance(error, BusyError | LockedError)
        headers = {"Retry-After": str(RETRY_SECONDS)} if waits else {}
        return RequestRefusal(status, code, message, headers=headers)
    number = new_number()
    log.error("error %s: %s", number, error)
    return RequestRefusal(status, code, f"{message} (error {number})", number=number)


# Without a message here, the error's own is shown.
_TOLD: dict[type[RagError], tuple[int, str, str]] = {
    NotFoundError: (404, "not_found", ""),
    BusyError: (503, "busy", ""),
    UploadError: (422, "upload", ""),
    QuestionError: (422, "question", ""),
    CollectionError: (
        409, "collection", "nothing was indexed in this collection yet, or it was just deleted.",
    ),
    LockedError: (409, "locked", "the collection is being indexed; try again later."),
    MismatchError: (
        409, "mismatch", "the collection was made with another embedder than this server uses.",
    ),
    UnwritableError: (
        507, "unwritable", "nothing can be written on this server: its disk is full or read-only. "
        "Questions and search go on.",
    ),
    ModelError: (503, "model", "a model of this server cannot be used."),
    StoreError: (503, "store", "the collection cannot be read."),
}  # fmt: skip


def new_number() -> str:
    """Return a new error id."""
    return uuid.uuid4().hex[:8]


def install(app: FastAPI) -> None:
    """Register the handlers that answer every expected error in this format."""
    for kind in (HTTPException, RequestValidationError, RagError):
        app.add_exception_handler(kind, _respond)


async def _respond(_request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, RagError):
        return refusal_for(error).response()
    if isinstance(error, RequestValidationError):
        return _invalid(error).response()
    if isinstance(error, RequestRefusal):
        return error.response()
    if isinstance(error.__cause__, OSError) and is_unwritable(error.__cause__):
        return refusal_for(UnwritableError(str(error.__cause__))).response()
    if isinstance(error, HTTPException):
        code = {400: "malformed", 404: "not_found", 405: "method"}.get(error.status_code, "http")
        message = f"{error.detail}."
        return RequestRefusal(error.status_code, code, message, headers=error.headers).response()
    raise error


def _invalid(error: RequestValidationError) -> RequestRefusal:
    """Return the refusal that lists each invalid field, without the values sent."""
    found = error.errors()[:MOST_PROBLEMS]
    if found[0]["type"] == "json_invalid":
        return RequestRefusal(
            400, "malformed", f"malformed JSON at character {found[0]['loc'][-1]}."
        )
    problems = [(_place(each["loc"]), _said(each)) for each in found]
    message = "; ".join(f"{place}: {said}" for place, said in problems)
    return RequestRefusal(422, "invalid", message, param=problems[0][0])


def _place(location: tuple[Any, ...]) -> str:
    """Return the location of a problem; names from the client are shortened and sanitised."""
    parts = [ascii(part)[1:-1] if isinstance(part, str) else str(part) for part in location[1:]]
    return ".".join(part[:40] for part in parts) or str(location[0])


def _said(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "extra_forbidden":
        return "unknown field"
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    return str(problem["msg"])


def _kind(status: int) -> Kind:
    if status in (401, 403):
        return "authentication_error"
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"


class Border:
    """ASGI middleware: an unexpected error is logged under an id, which the client receives."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; after any error there is a response."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        refusal = await self._serve(scope, receive, watched)
        if refusal is not None and not begun:
            await refusal.response()(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> RequestRefusal | None:
        try:
            await self._app(scope, receive, send)
        except RequestRefusal as refusal:
            return refusal
        except Exception as error:  # the server's border: the client receives only an id
            if isinstance(error, OSError) and is_unwritable(error):
                return refusal_for(UnwritableError(str(error)))
            number = new_number()
            log.exception("a request failed, error %s", number)
            message = f"something went wrong on the server (error {number})."
            return RequestRefusal(500, "internal", message, number=number)
        return None
