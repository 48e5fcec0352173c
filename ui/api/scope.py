"""Dependencies of the routes: services, owner, threads; and their common error responses."""

from typing import Annotated, Any

from fastapi import Depends, Request

from ui.api.errors import ErrorResponse
from ui.api.limits import Threads
from ui.services import Services


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _threads(request: Request) -> Threads:
    threads: Threads = request.app.state.threads
    return threads


async def _owner(request: Request) -> str:
    owner: str = request.state.owner
    return owner


ServicesOf = Annotated[Services, Depends(_services)]
ThreadsOf = Annotated[Threads, Depends(_threads)]
Owner = Annotated[str, Depends(_owner)]

_MEANINGS = {
    400: "The request cannot be read.",
    401: "The key is missing or wrong.",
    403: "Sent by a page of another origin.",
    404: "It is not there, or not yours.",
    408: "The request did not arrive in time.",
    409: "The collection cannot do this in its present state.",
    413: "The request is too large.",
    421: "This server is not known by that name.",
    422: "A field cannot be used.",
    429: "Too many requests.",
    500: "Unexpected; the id is in the server's log.",
    503: "Too busy, or a model or the store cannot be used.",
    504: "It took too long.",
    507: "Nothing can be written: the disk is full or read-only.",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorResponse, "description": meaning}
    for status, meaning in _MEANINGS.items()
}
