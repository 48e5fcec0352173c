"""The proxy that the environment names for an address; this machine is never asked through one."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from rag.config.hosts import is_loopback


@dataclass(frozen=True)
class Proxy:
    """A proxy in force.

    Attributes:
        variable: The environment variable that names it.
        shown: Its address, without user and password.
    """

    variable: str
    shown: str


def proxy_for(url: str, environ: Mapping[str, str] | None = None) -> Proxy | None:
    """Return the proxy that a request to an address goes through; None if it goes directly.

    `http_proxy`, `https_proxy` and `all_proxy` count in small letters and capitals, the small ones
    first, unless `no_proxy` excepts the host.

    Args:
        url: The address.
        environ: The environment; None is the process's own.

    Example:
        >>> proxy_for("https://a.example/v1", {"ALL_PROXY": "http://me:secret@proxy:3128"})
        Proxy(variable='ALL_PROXY', shown='http://proxy:3128')
        >>> proxy_for("http://127.0.0.1:8080/v1", {"http_proxy": "http://proxy:3128"}) is None
        True
    """
    environ = os.environ if environ is None else environ
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or _is_excepted(host, environ):
        return None
    for name in (f"{parts.scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            if value := environ.get(variable, "").strip():
                return Proxy(variable, _without_secrets(value))
    return None


def _is_excepted(host: str, environ: Mapping[str, str]) -> bool:
    """Return whether `no_proxy` names the host, a domain that it is in, or `*`."""
    excepted = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    names = [name.strip().lower().lstrip(".") for name in excepted.split(",")]
    host = host.lower()
    return "*" in names or any(
        name and (host == name or host.endswith(f".{name}")) for name in names
    )


def _without_secrets(address: str) -> str:
    parts = urlsplit(address if "://" in address else f"//{address}")
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}" if parts.scheme else place
