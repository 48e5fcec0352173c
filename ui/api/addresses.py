"""Addresses as clients write them: below a proxy's base path, with a slash too many, with HEAD."""

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.config import ServerConfig

_SLASHES = re.compile(r"/{2,}")


class Addresses:
    """ASGI middleware: gives every request the path and the method that the routes know.

    What comes behind it (keys, limits, routes) sees one form of each address. Nothing is
    redirected: a redirect would lose the body of a POST, and name this machine to a proxy's client.

    Args:
        app: The application.
        server: Configuration of the base path.
    """

    def __init__(self, app: ASGIApp, *, server: ServerConfig) -> None:
        self._app, self._base = app, server.root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; the response to HEAD is that to GET, without its body."""
        if scope["type"] == "http":
            scope = {**scope, "path": route_path(scope["path"], self._base)}
            if scope["method"] == "HEAD":
                scope["method"], send = "GET", _without_body(send)
        await self._app(scope, receive, send)


def route_path(path: str, base: str) -> str:
    """Return the path of a route: without the base path, and without slashes that mean nothing.

    A proxy may leave the base path in the address or take it off.

    Example:
        >>> route_path("/rag/v1//models/", "/rag"), route_path("/v1/models", "/rag")
        ('/v1/models', '/v1/models')
    """
    path = _SLASHES.sub("/", path)
    if base and (path == base or path.startswith(f"{base}/")):
        path = path.removeprefix(base)
    return path.rstrip("/") or "/"


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return send_head
