"""The command `rag ui`: the page on this machine, configured without files of Streamlit's own."""

import socket
import tomllib
from importlib.resources import files
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from indexing.cli import ConfigOption
from rag.collections import check_name
from rag.config import Config, load_config
from rag.config.hosts import EVERY_ADDRESS
from rag.console import show
from rag.errors import ConfigError
from ui.commands.servers import tell_limits


def ui(
    *,
    collection: Annotated[
        str | None,
        typer.Option("--collection", help="The collection to begin with.", show_default=False),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", help="0 takes a free one.", min=0, max=65535, show_default=False),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option("--address", help="Where to listen.", show_default=False),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Open the page: chat, search, documents and evaluation in a browser."""
    settings = load_config(config)
    if collection is not None:
        check_name(collection)  # explains an invalid name
    address = settings.server.address if address is None else address
    port = _free_port(address, settings.server.port if port is None else port)
    show(_url(address, port, collection))
    _serve(settings, address, port, collection)


def streamlit_options(settings: Config, address: str, port: int) -> dict[str, Any]:
    """Return Streamlit's configuration as dotted names; none of it is read from files."""
    text = files("ui.design").joinpath("streamlit.toml").read_text(encoding="utf-8")
    options = _dotted(tomllib.loads(text))
    hosts = [*settings.server.allowed_hosts, *({address} - set(EVERY_ADDRESS))]
    return options | {
        "server.address": address,
        "server.port": port,
        "server.allowedHosts": list(dict.fromkeys(hosts)),
        "server.maxUploadSize": settings.server.max_upload_mb,
    }


def _serve(settings: Config, address: str, port: int, collection: str | None) -> None:
    from ui import session
    from ui.asgi import build_app
    from ui.services import open_services

    services = open_services(settings, recover=True)
    tell_limits(services)
    session.provide(services, collection=collection)
    build_app().run(config=streamlit_options(settings, address, port))


def _dotted(table: dict[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= _dotted(value, f"{above}{name}.")
        else:
            found[f"{above}{name}"] = value
    return found


def _free_port(address: str, port: int) -> int:
    """Return a free port to listen on; 0 picks one.

    Raises:
        ConfigError: If it is taken, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {address}, port {port}: {error.strerror}. Choose another with "
                "--port, or --port 0 for any free one."
            ) from None
        return int(probe.getsockname()[1])


def _url(address: str, port: int, collection: str | None) -> str:
    host = "localhost" if address in EVERY_ADDRESS else address
    host = f"[{host}]" if ":" in host else host
    query = f"?{urlencode({'collection': collection})}" if collection else ""
    return f"http://{host}:{port}/{query}"
