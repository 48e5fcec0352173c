"""The commands `rag serve` and `rag mcp`: servers for other programs."""

import os
import signal
import socket
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from indexing.cli import CollectionOption, ConfigOption
from rag.config import Config, load_config
from rag.console import say
from rag.errors import ConfigError

if TYPE_CHECKING:
    from ui.services import Services

SECONDS_TO_FINISH = 5  # grace period for responses when the server stops

PortOption = Annotated[
    int | None,
    typer.Option("--port", help="0 takes a free one.", min=0, max=65535, show_default=False),
]
AddressOption = Annotated[
    str | None, typer.Option("--address", help="Where to listen.", show_default=False)
]


def serve(
    *, port: PortOption = None, address: AddressOption = None, config: ConfigOption = None
) -> None:
    """Serve the HTTP API: search, ask, documents, and chat for any OpenAI client."""
    settings = _with_place(load_config(config), address, port)
    from ui.api.security import check_exposure

    check_exposure(settings.server, settings.server.address)
    with _listen(settings.server.address, settings.server.api_port) as listening:
        from ui.services import open_services

        services = open_services(settings)
        services.engines.warm_up()
        _serve(services, listening, limits=services.limits())


def mcp(*, collection: CollectionOption = "default", config: ConfigOption = None) -> None:
    """Serve one collection's search and answers as MCP tools, over stdin and stdout."""
    settings = load_config(config)
    from ui.mcp_tools import build_server
    from ui.services import open_services

    with closing(open_services(settings)) as services:
        tell_limits(services)
        services.engines.rag(collection)  # fails before a client waits
        _end_when_told(services)
        build_server(services, collection).run("stdio")


def tell_limits(services: "Services") -> None:
    """Say on stderr what a server cannot do where nothing can be written."""
    if limits := services.limits():
        say(limits)


def _with_place(settings: Config, address: str | None, port: int | None) -> Config:
    """Return the configuration with the host and port of the command line."""
    given = {"address": address, "api_port": port}
    changes = {name: value for name, value in given.items() if value is not None}
    server = settings.server.model_copy(update=changes)
    return settings.model_copy(update={"server": server})


def _listen(address: str, port: int) -> socket.socket:
    """Return an exclusively bound socket that does not accept connections yet.

    Raises:
        ConfigError: If the port is taken, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise ConfigError(
            f"cannot listen on `{address}`, port {port}: {error}. Choose others with --address and "
            "--port."
        ) from None
    return listening


def _serve(services: "Services", listening: socket.socket, *, limits: str | None = None) -> None:
    import uvicorn

    from ui.api.app import build_api

    settings = uvicorn.Config(
        build_api(services),
        log_config=None,
        log_level="warning",
        access_log=False,  # keeps questions and names out of logs
        server_header=False,
        proxy_headers=False,  # any client could forge them
        ws="none",
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    host, port = listening.getsockname()[:2]
    place = f"[{host}]" if ":" in host else host
    signal.signal(signal.SIGTERM, _leave)
    listening.listen()  # clients may connect as soon as the address is printed, and wait
    say(f"The API is at http://{place}:{port}, described at /docs. Ctrl-C stops it.")
    if limits:
        say(limits)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(settings).run(sockets=[listening])


def _end_when_told(services: "Services") -> None:
    """Exit on Ctrl-C and SIGTERM, although a thread is still blocked on the client's input."""

    def end(_number: int, _frame: object) -> NoReturn:
        services.close()
        os._exit(0)  # there is no other way to end that thread

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)


def _leave(_number: int, _frame: object) -> NoReturn:
    """Exit as requested: the server has sent its last response."""
    raise SystemExit(0)
