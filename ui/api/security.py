"""Access control: keys, host names and origins; and the headers of every response.

Without a key only this machine is served, and only under its own names, so that no page in a
browser can reach the API by DNS rebinding. With a key every request must send it.
"""

import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.config import ServerConfig
from rag.config.hosts import EVERY_ADDRESS, is_loopback
from rag.errors import ConfigError
from ui.api.errors import RequestRefusal
from ui.services.owners import LOCAL, owner_of

OPEN_PATHS = ("/health", "/ready", "/docs", "/openapi.json")  # hold no user data
SHORTEST_KEY = 16  # characters; shorter ones can be guessed

_HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}


def check_exposure(server: ServerConfig, address: str) -> None:
    """Check that the API is not exposed to other machines without a key.

    Raises:
        ConfigError: If the address is not this machine's own and there is no key, or a short one.
    """
    key = key_of(server)
    if key is None and not is_loopback(address):
        raise ConfigError(
            f"`{address}` can be reached from other machines, and `server.api_key` is not set. Set "
            "it, as `${NAME}` from the environment, or listen on 127.0.0.1."
        )
    if key is not None and len(key) < SHORTEST_KEY:
        raise ConfigError(
            f"server.api_key: expected at least {SHORTEST_KEY} characters (got {len(key)}). Make "
            "one, for example with: openssl rand -hex 32"
        )


def key_of(server: ServerConfig) -> str | None:
    """Return the configured API key; None if there is none."""
    return server.api_key.get_secret_value() if server.api_key else None


class Gate:
    """ASGI middleware: refuses unauthorised requests, and sets the owner of the others.

    Args:
        app: The application.
        server: Configuration of key and host names.
    """

    def __init__(self, app: ASGIApp, *, server: ServerConfig) -> None:
        self._app = app
        self._key = key_of(server)
        names = {name.lower() for name in (*server.allowed_hosts, server.address)}
        names -= set(EVERY_ADDRESS)
        self._hosts = names if self._key else {name for name in names if is_loopback(name)}
        self._owner = owner_of(self._key) if self._key else LOCAL

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            self._check_host(headers)
            _check_origin(headers)
            if scope["path"] not in OPEN_PATHS:
                self._check_key(headers)
            scope.setdefault("state", {})["owner"] = self._owner
        await self._app(scope, receive, send)

    def _check_host(self, headers: Headers) -> None:
        if _host(headers.get("host", "")) not in self._hosts:
            raise RequestRefusal(
                421,
                "host",
                "this server is not known by the name in the header `Host`; its operator can add "
                "it to `server.allowed_hosts`.",
            )

    def _check_key(self, headers: Headers) -> None:
        if self._key is None:
            return
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        if not hmac.compare_digest(given.encode(), self._key.encode()):
            raise RequestRefusal(
                401,
                "invalid_api_key",
                "send the server's key, as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
                headers={"WWW-Authenticate": "Bearer"},
            )


def _check_origin(headers: Headers) -> None:
    """Refuse requests from pages of other origins, which are never served."""
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
        raise RequestRefusal(403, "origin", "pages of other origins may not use this API.")


def _host(header: str) -> str:
    """Return the name in a `Host` header, without its port; "" if there is none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


class SafeHeaders:
    """ASGI middleware: adds the default headers to every response that does not set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and add the headers to its response."""

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                more = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message["headers"] = [
                    *message["headers"],
                    *((name, value) for name, value in more if name not in own),
                ]
            await send(message)

        await self._app(scope, receive, add)
