"""The API in this process and on a real port, its clients, and what its errors look like."""

import json
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
import uvicorn
from pydantic import SecretStr
from service_runs import opening, upload
from starlette.testclient import TestClient

from rag.errors import ModelError
from ui.api.app import build_api
from ui.services.owners import LOCAL

KEY = "canary-key-anna-0123456789"
MCP_HELLO = {  # the first message of a client of the MCP server
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
OTHER_KEY = "canary-key-bert-9876543210"


class AwayGenerator:
    """A generator whose server does not answer."""

    def warm_up(self):
        pass

    def run(self, messages, streaming_callback=None, stop=None, deadline=None):
        raise ModelError("http://127.0.0.1:9/v1 cannot be reached")


@contextmanager
def client_of(services, *, key=None, host="localhost"):
    """A client of the API over some services, in this process, with its own event loop."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with TestClient(
        build_api(services),
        base_url=f"http://{host}",
        headers=headers,
        raise_server_exceptions=False,
    ) as client:
        yield client


@contextmanager
def on_a_port(services):
    """The API on a free port of this machine; gives its address."""
    settings = uvicorn.Config(
        build_api(services), port=0, log_config=None, access_log=False, ws="none"
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def keyed(services, key):
    """The same services as a server with another key has them."""
    server = services.config.server.model_copy(update={"api_key": SecretStr(key)})
    return replace(services, config=services.config.model_copy(update={"server": server}))


@pytest.fixture
def station(make_services):
    """Open services with one shared collection, `station`, of two documents."""

    def make(generator=None, **server):
        services = make_services(generator, **server)
        services.library.create(LOCAL, "station")
        assert upload(services, LOCAL, "station").state == "done"
        return services

    return make


@pytest.fixture
def api(station):
    """A client of an API without a key, with the collection `station`."""
    with client_of(station()) as client:
        yield client


@pytest.fixture
def bare(make_services):
    """A client of an API without a key and without collections."""
    with client_of(make_services()) as client:
        yield client


@pytest.fixture(scope="module")
def kept_clients(tmp_path_factory, embedder):
    """Data folders and clients of APIs over them: `empty`, `station`, and `locked` with a key."""
    homes = {name: tmp_path_factory.mktemp(name) for name in ("empty", "station")}
    with opening(embedder) as make, ExitStack() as exits:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RAG_HOME", str(homes["empty"]))
            empty = make(requests_per_minute=1_000_000)
            patch.setenv("RAG_HOME", str(homes["station"]))
            filled = make(requests_per_minute=1_000_000)
            filled.library.create(LOCAL, "station")
            assert upload(filled, LOCAL, "station").state == "done"
        yield {
            "empty": (homes["empty"], exits.enter_context(client_of(empty))),
            "locked": (homes["empty"], exits.enter_context(client_of(keyed(empty, KEY)))),
            "station": (homes["station"], exits.enter_context(client_of(filled))),
        }


@pytest.fixture
def kept(kept_clients, monkeypatch):
    """Give a function that gives a client which other tests share; for what changes nothing."""

    def client(name):
        home, found = kept_clients[name]
        monkeypatch.setenv("RAG_HOME", str(home))
        return found

    return client


def refused(response, status, code):
    """The response is an error of this kind, in the one shape that there is; gives its message."""
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert set(error) == {"message", "type", "code", "param", "id"}
    assert error["code"] == code, error
    assert 0 < len(error["message"]) <= 300
    return error["message"]


def events_of(lines):
    """Server-sent events as (name, id, data) from lines of text; comments are left out."""
    found, now = [], {}
    for line in lines:
        if not line and now:
            found.append((now.get("event"), now.get("id"), json.loads(now["data"])))
            now = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            now[name] = value
    return found
