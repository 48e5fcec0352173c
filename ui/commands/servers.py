"""The commands `rag serve` and `rag mcp`: collections for programs."""

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

SECONDS_TO_FINISH = 5  # for answers being sent when the server is stopped

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
        _serve(services, listening)


def mcp(*, collection: CollectionOption = "default", config: ConfigOption = None) -> None:
    """Serve one collection's search and answers as MCP tools, over stdin and stdout."""
    settings = load_config(config)
    from ui.mcp_tools import build_server
    from ui.services import open_services

    with closing(open_services(settings)) as services:
        services.engines.rag(collection)  # says what is wrong with it before a client waits
        _end_when_told(services)
        build_server(services, collection).run("stdio")


def _with_place(settings: Config, address: str | None, port: int | None) -> Config:
    """Return the configuration with what was given on the command line in it."""
    given = {"address": address, "api_port": port}
    changes = {name: value for name, value in given.items() if value is not None}
    server = settings.server.model_copy(update=changes)
    return settings.model_copy(update={"server": server})


def _listen(address: str, port: int) -> socket.socket:
    """Return a socket that nobody else can have; nothing is accepted yet.

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


def _serve(services: "Services", listening: socket.socket) -> None:
    import uvicorn

    from ui.api.app import build_api

    settings = uvicorn.Config(
        build_api(services),
        log_config=None,
        log_level="warning",
        access_log=False,  # questions and names stay out of logs
        server_header=False,
        proxy_headers=False,  # anybody could send them
        ws="none",
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    host, port = listening.getsockname()[:2]
    place = f"[{host}]" if ":" in host else host
    signal.signal(signal.SIGTERM, _leave)
    listening.listen()  # who reads the address may connect at once, and waits for the server
    say(f"The API is at http://{place}:{port}, described at /docs. Ctrl-C stops it.")
    with suppress(KeyboardInterrupt):
        uvicorn.Server(settings).run(sockets=[listening])


def _end_when_told(services: "Services") -> None:
    """End on Ctrl-C and SIGTERM, though a thread still waits for a line of the client's."""

    def end(_number: int, _frame: object) -> NoReturn:
        services.close()
        os._exit(0)  # that thread can be ended in no other way

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)


def _leave(_number: int, _frame: object) -> NoReturn:
    """End as asked: the server has finished what it was sending."""
    raise SystemExit(0)
