"""`rag serve` and `rag mcp` as processes of their own, over the bundled sample."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager

import httpx
import openai
import pytest
import uvicorn
from api_runs import KEY, MCP_HELLO, events_of
from cli_runs import QUESTION, refused
from mcp import ClientSession, StdioServerParameters, stdio_client
from places import ROOT

from ui.api import app
from ui.commands import servers

RADIO = "How long can the repeater on Kettle Peak work without sunshine?"


@contextmanager
def served(home, *arguments, **environment):
    """A running `rag serve`; gives its address and its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ui", "serve", "--port", "0", *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "RAG_HOME": str(home), **environment},
    )
    try:
        line = process.stderr.readline()
        found = re.search(r"http://\S+:\d+", line)
        assert found, line + process.stderr.read()
        yield found[0], process
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def sample_home(sample_store, tmp_path_factory):
    home = tmp_path_factory.mktemp("served")
    shutil.copytree(sample_store.folder, home / "collections" / "default")
    return home


class Running:
    """The one server that most tests ask; started again for whoever finds it ended."""

    def __init__(self, home):
        self._home, self._exits = home, ExitStack()
        self.url = self.process = None

    def started(self):
        if self.process is None or self.process.poll() is not None:
            self.url, self.process = self._exits.enter_context(served(self._home))
        return self

    def close(self):
        self._exits.close()


@pytest.fixture(scope="module")
def running(sample_home):
    with closing(Running(sample_home)) as running:
        yield running


@pytest.fixture
def server(running):
    return running.started().url


def check(citations, store):
    assert citations
    for citation in citations:
        text = store.text_of(citation["document_id"])
        assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_it_lives_is_ready_and_answers_httpx_with_events(server, sample_store):
    assert httpx.get(f"{server}/health").json() == {"status": "ok"}
    assert httpx.get(f"{server}/ready", timeout=60).json()["ready"] is True
    asked = {"question": RADIO, "stream": True}
    with httpx.stream("POST", f"{server}/v1/ask", json=asked, timeout=60) as response:
        events = events_of(response.iter_lines())
    assert [name for name, _, _ in events] == ["sources", "answer"]
    answer = events[-1][2]
    assert "nine days" in answer["answer"] and answer["short"] == "nine days"
    check(answer["citations"], sample_store)


def test_openai_s_client_chats_with_it(server, sample_store):
    with openai.OpenAI(base_url=f"{server}/v1", api_key="none", timeout=60) as client:
        assert [model.id for model in client.models.list()] == ["citewell/default"]
        messages = [{"role": "user", "content": QUESTION}]
        reply = client.chat.completions.create(model="citewell", messages=messages)
    assert "168 metres" in reply.choices[0].message.content
    check(reply.citations, sample_store)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
def test_curl_asks_it(server):
    asked = json.dumps({"question": QUESTION})
    ran = subprocess.run(
        ["curl", "-s", f"{server}/v1/ask", "--json", asked],  # noqa: S607
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert "168 metres" in json.loads(ran.stdout)["answer"]


def test_what_the_command_line_indexed_is_listed(server):
    shown = httpx.get(f"{server}/v1/collections").json()
    assert [(each["name"], each["usable"]) for each in shown] == [("default", True)]
    rows = httpx.get(f"{server}/v1/collections/default/documents?limit=1000").json()["documents"]
    assert all(not row["uploaded"] for row in rows)
    assert len(rows) == 62


def test_another_name_for_this_machine_is_not_served(server):
    response = httpx.get(f"{server}/v1/collections", headers={"Host": "evil.example"})
    assert response.status_code == 421


def end(process, number):
    """Tell a server to end; at once it does, and says nothing more."""
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", ""), number


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_it_ends_at_once_when_ctrl_c_is_pressed_and_says_nothing_more(running):
    process = running.started().process
    assert httpx.get(f"{running.url}/health").json() == {"status": "ok"}
    end(process, signal.SIGINT)


def test_whoever_reads_the_address_may_connect_at_once(monkeypatch):
    connected = []

    def said(line):
        port = int(re.search(r":(\d+),", line)[1])
        with socket.create_connection(("127.0.0.1", port)):
            connected.append(port)

    monkeypatch.setattr(servers, "say", said)
    monkeypatch.setattr(app, "build_api", lambda services: None)
    monkeypatch.setattr(uvicorn.Server, "run", lambda server, sockets: None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with servers._listen("127.0.0.1", 0) as listening:
        servers._serve(None, listening)
    assert len(connected) == 1


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_the_key_comes_from_the_environment_and_nothing_is_said_until_it_is_told_to_end(
    sample_home, tmp_path
):
    settings = "server:\n  api_key: ${CITEWELL_TEST_KEY}\nreader:\n  kind: sentences\nranker:\n"
    (tmp_path / "rag.yaml").write_text(settings)
    with served(sample_home, CITEWELL_TEST_KEY=KEY) as (url, process):
        assert httpx.get(f"{url}/v1/models").status_code == 401
        good = httpx.get(f"{url}/v1/models", headers={"Authorization": f"Bearer {KEY}"})
        assert good.status_code == 200
        end(process, signal.SIGTERM)


def test_other_machines_are_not_served_without_a_key(rag):
    refused(rag("serve", "--address", "0.0.0.0"), "`0.0.0.0`", "server.api_key")  # noqa: S104
    refused(rag("serve", "--address", "::"), "`::`", "server.api_key")


def test_a_port_that_is_taken_is_named(rag):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(rag("serve", "--port", port), f"port {port}", "--port")


def test_an_address_that_is_not_ours_is_named(rag):
    refused(rag("serve", "--address", "127.0.0.999"), "127.0.0.999")


def test_a_model_that_is_missing_is_an_error_before_anything_is_served(rag, tmp_path):
    (tmp_path / "rag.yaml").write_text("embedder:\n  model: ./nowhere\n")
    refused(rag("serve", "--port", 0), "no model folder `./nowhere`")


def test_mcp_refuses_a_collection_that_is_not_there(rag):
    refused(rag("mcp", "--collection", "nothing"), "`nothing`")


async def use_tools(home, use):
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "ui", "mcp"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "RAG_HOME": str(home)},
    )
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        return await use(session)


def test_an_mcp_client_searches_asks_and_reads(sample_home, sample_store):
    async def use(session):
        names = [tool.name for tool in (await session.list_tools()).tools]
        found = await session.call_tool("search", {"question": "ice", "top_k": 2})
        answer = await session.call_tool("ask", {"question": QUESTION})
        first = found.structured_content["passages"][0]["passage_id"]
        read = await session.call_tool("read_passage", {"passage_id": first})
        return names, found, answer, read

    names, found, answer, read = asyncio.run(use_tools(sample_home, use))
    assert names == ["search", "ask", "read_passage"]
    passages = found.structured_content["passages"]
    assert len(passages) == 2
    assert json.loads(answer.content[0].text) == answer.structured_content
    assert "168 metres" in answer.structured_content["answer"]
    check(answer.structured_content["citations"], sample_store)
    assert read.structured_content["passage"] == passages[0]


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_mcp_ends_when_it_is_told_to_though_its_client_says_nothing(sample_home):
    process = subprocess.Popen(
        [sys.executable, "-m", "ui", "mcp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "RAG_HOME": str(sample_home)},
    )
    with process:
        process.stdin.write(json.dumps(MCP_HELLO) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")
