"""Headers of every response: security headers, and cookies for identity and language.

The policy allows nothing from other origins and no script but Streamlit's own files and the one
inline script of its `index.html`, identified by hash. So even text that slipped through the
escaping in `ui.render` could neither run nor fetch. The identity cookie is a random secret that
scripts cannot read; only its digest is stored (`ui.services.owners`).
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Container, Iterable
from functools import cache
from http.cookies import CookieError, SimpleCookie
from importlib.resources import files
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.words import LANGUAGES, Language, first_language, language_of_browser

OWNER_COOKIE = "citewell_owner"
LANGUAGE_COOKIE = "citewell_language"
Header = tuple[bytes, bytes]
FOR_MACHINES = ("/health", "/ready")
YEAR = 31_536_000  # seconds
_SECRET = re.compile(r"[\w-]{32,128}")
_CACHE_HEADERS = {b"etag", b"last-modified"}
_PACKED_OR_KEPT = {b"accept-encoding", b"if-none-match", b"if-modified-since"}
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@cache
def content_security_policy() -> str:
    """Return the value of the header `Content-Security-Policy`."""
    page = files("streamlit").joinpath("static/index.html").read_text(encoding="utf-8")
    scripts = " ".join(f"'sha256-{script_hash(script)}'" for script in _INLINE.findall(page))
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' {scripts}",
            "style-src 'self' 'unsafe-inline'",  # Streamlit generates styles at run time
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "media-src 'self' blob:",
            "connect-src 'self'",
            "frame-src 'self' blob:",  # the preview of a PDF
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def script_hash(script: str) -> str:
    """Return the SHA-256 of an inline script in the policy's notation.

    Example:
        >>> script_hash("")
        '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def security_headers() -> list[tuple[bytes, bytes]]:
    """Return the security headers of every response."""
    return [
        (b"content-security-policy", content_security_policy().encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]


class Headers:
    """ASGI middleware: adds headers and cookies, and sets the language of the page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the headers to its response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_page = _is_page(scope)
        cookies, language = (
            (_new_cookies(scope), language_of_request(scope)) if is_page else ([], "en")
        )
        if is_page:  # it differs by language, so it is neither compressed nor cached
            scope = dict(scope, headers=_without(scope["headers"], _PACKED_OR_KEPT))

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = {name for name, _ in security_headers()} | (
                    _CACHE_HEADERS if is_page else set()
                )
                kept = _without(message["headers"], ours)
                message["headers"] = [*kept, *_guards(message["headers"]), *cookies]
            elif is_page and language != "en":
                named = f'<html lang="{language}"'.encode()
                message["body"] = message.get("body", b"").replace(b'<html lang="en"', named, 1)
            await send(message)

        await self._app(scope, receive, add)


def _guards(brought: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the security headers; a response keeps a sandbox policy of its own."""
    sandboxes = {
        name.lower(): value
        for name, value in brought
        if name.lower() == b"content-security-policy" and value.startswith(b"sandbox")
    }
    return list((dict(security_headers()) | sandboxes).items())


def cookies_of(headers: dict[bytes, bytes]) -> dict[str, str]:
    """Return the cookies of a request; none if they cannot be parsed."""
    try:
        jar = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}


def is_secret(value: object) -> bool:
    """Return whether a cookie's value has the format of a secret issued here."""
    return isinstance(value, str) and bool(_SECRET.fullmatch(value))


def language_of_request(scope: Scope) -> Language:
    """Return the requested language: from the address, the cookie or the browser."""
    headers = dict(scope["headers"])
    chosen = (_asked_language(scope), cookies_of(headers).get(LANGUAGE_COOKIE))
    accepted = headers.get(b"accept-language", b"").decode("latin-1")
    return first_language(chosen) or language_of_browser(accepted)


def _is_page(scope: Scope) -> bool:
    """Return whether a request is for a page rather than one of its files."""
    name = scope["path"].rstrip("/").rsplit("/", 1)[-1]
    return (
        scope["method"] in ("GET", "HEAD")
        and "." not in name
        and scope["path"] not in FOR_MACHINES
        and not scope["path"].startswith("/_stcore")
    )


def _new_cookies(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the cookies to set with a page."""
    brought = cookies_of(dict(scope["headers"]))
    secure = "; Secure" if scope["scheme"] == "https" else ""
    kept = f"HttpOnly; Path=/; SameSite=Lax; Max-Age={YEAR}{secure}"
    found = []
    if not is_secret(brought.get(OWNER_COOKIE)):
        found.append(f"{OWNER_COOKIE}={secrets.token_urlsafe(32)}; {kept}")
    wanted = _asked_language(scope)
    if wanted in LANGUAGES and brought.get(LANGUAGE_COOKIE) != wanted:
        found.append(f"{LANGUAGE_COOKIE}={wanted}; {kept}")
    return [(b"set-cookie", cookie.encode()) for cookie in found]


def _asked_language(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    return parse_qs(query.decode("latin-1")).get("lang", [""])[0]


def _without(headers: Iterable[Header], names: Container[bytes]) -> list[Header]:
    return [(name, value) for name, value in headers if name.lower() not in names]
