"""The page under test: `rag ui` on this machine, and the language model that writes its answers.

`conftest.py` makes the fixtures known. One server runs for all tests of a session, with the bundled
sample and a collection of hostile documents, and with a language model that is a few lines of this
file: what it writes depends on a word in the question (see `WRITERS`), and where it is silent, it
waits for the test (see `Telling`).
"""

import os
import re
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from chat_server import serve
from payloads import PAYLOADS
from places import ROOT

QUESTION = "How thick is the ice of the Vessa Glacier at most?"
SENTENCE = (
    "A radar survey in 2015 found that the ice is 168 metres thick at its deepest point [1]. "
)
SECOND = "The ice was 168 metres thick [2]. And a passage that nobody has [9]. "
SILENCE = "…"  # where the model says nothing until the test says `go_on`
PIECE = 0.03  # seconds between two words of what is written in front of the reader's eyes
SLOW = 0.1  # the same, of what goes on until somebody stops it


# -- the language model


def _short(question):
    return [(0, SENTENCE + SECOND)]


def _long(question):
    return [(0, SENTENCE + SECOND), (SLOW, "and the ice moves on, " * 300)]  # tests stop it


def _medium(question):
    return [(0, f"{SENTENCE + SECOND} {SILENCE} "), (PIECE, "and the ice moves on, " * 8)]


def _hostile(question):
    return [(0, "\n\n".join(PAYLOADS.values()) + "\n\n" + SENTENCE)]


def _silent(question):
    return [(0, f"{SENTENCE} {SILENCE} {SECOND}")]


WRITERS = {
    "without a word": _silent,
    "at length": _long,
    "in full": _medium,
    "hostile": _hostile,
    "": _short,
}


class Telling:
    """One answer of the language model on its way, as a test sees and steers it."""

    def __init__(self):
        self.words, self.is_silent, self.is_over = 0, False, False
        self._go, self._ends = threading.Event(), False

    def go_on(self):
        """Wait for the next silence, and end it."""
        until(lambda: self.is_silent)
        self._go.set()

    def end(self):
        """Say nothing more, and let nobody wait."""
        self._ends = True
        self._go.set()

    def write(self, handler):
        """Stream the answer word by word; it is chosen by a word in the question."""
        question = handler.body["messages"][-1]["content"]
        parts = next(write(question) for word, write in WRITERS.items() if word in question)
        try:
            handler.start()
            for pause, text in parts:
                for piece in re.findall(r"\S+\s*", text):
                    self._write(handler, piece, pause)
            handler.send(finish="stop")
            handler.raw("[DONE]")
        finally:
            self.is_over = True

    def _write(self, handler, piece, pause):
        if self._ends:
            return
        if piece.strip() == SILENCE:
            self.is_silent = True
            while not self._go.wait(0.02):
                if _is_gone(handler.connection):
                    raise BrokenPipeError
            self._go.clear()
            self.is_silent = False
            return
        time.sleep(pause)
        handler.send(piece)
        self.words += 1


def _is_gone(connection):
    """Whether who asked has hung up."""
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""


def tells(handler):
    """Answer a question, and let the test know."""
    handler.server.tellings.append(Telling())
    handler.server.tellings[-1].write(handler)


# -- the server


class Server:
    """`rag ui` in a process of its own, on one port for all its lives; see `steered_ui.py`."""

    def __init__(self, home, config, port=0):
        self.home, self.config, self.port = home, config, port
        self.start()

    def start(self):
        command = [sys.executable, "-P", str(ROOT / "tests" / "steered_ui.py"), "ui"]
        command += ["--port", str(self.port), "--collection", "sample"]
        command += ["--config", str(self.config)]
        environment = os.environ | {
            "RAG_HOME": str(self.home),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
        }
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, cwd=self.home, stdout=subprocess.PIPE, stderr=log
            )
        try:
            line = self.process.stdout.readline().decode()
            assert line.startswith("http"), (line, self.log())
            self.url = line.split("?")[0].strip().rstrip("/")
            self.port = int(self.url.rsplit(":", 1)[1])
            until(lambda: status_of(f"{self.url}/ready") in (200, 500), self.log, seconds=240)
            assert status_of(f"{self.url}/ready") == 200, self.log()
        except BaseException:
            self.stop(kill=True)
            raise

    def stop(self, *, kill=False):
        self.process.kill() if kill else self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()

    @contextmanager
    def held(self):
        """Let what is indexed meanwhile wait before it is embedded."""
        hold = self.home / "hold"
        hold.touch()
        try:
            yield
        finally:
            hold.unlink()

    @property
    def is_alive(self):
        return self.process.poll() is None

    def log(self):
        return (self.home / "server.log").read_text(encoding="utf-8", errors="replace")


def status_of(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own server
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def until(ready, explain=lambda: "", *, seconds=60):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, explain()
        time.sleep(0.05)


@pytest.fixture(scope="session")
def page_home(tmp_path_factory, sample_store, embedder):
    """A data folder with the sample, and with documents that are one payload each."""
    from indexing.pipeline import index_paths
    from rag.config import Config
    from rag.stores.embedded.store import EmbeddedStore

    home = tmp_path_factory.mktemp("page")
    shutil.copytree(sample_store.folder, home / "collections" / "sample")
    hostile = home / "<img src=x onerror=alert(12)> ![x](javascript:alert(13))"
    hostile.mkdir()
    for number, (what, text) in enumerate(PAYLOADS.items()):
        body = f"# {text}\n\nThe zorblax of {what} is {text} and it weighs {number} stones.\n"
        suffix = ".txt" if "<!--" in text else ".md"  # comments are left out when Markdown is read
        name = f"{number} <b onclick=alert(14)>&amp;{suffix}"
        hostile.joinpath(name).write_text(body, encoding="utf-8")
    store = EmbeddedStore(home / "collections" / "hostile")
    index_paths([hostile], store, embedder, Config(), leave_out=Path("nowhere"))
    store.close()
    return home


@pytest.fixture(scope="session")
def page_model():
    """The language model's server."""
    with serve(tells) as server:
        server.tellings = []
        yield server


@pytest.fixture
def told(page_model):
    """Give a function that gives the answer which the language model began last."""

    def last():
        until(lambda: page_model.tellings)
        return page_model.tellings[-1]

    page_model.tellings.clear()
    yield last
    for each in page_model.tellings:
        each.end()


@pytest.fixture(scope="session")
def page_config(page_home, page_model):
    """The configuration file of the page under test."""
    url = f"http://127.0.0.1:{page_model.server_address[1]}/v1"
    settings = {"generator": {"kind": "openai", "model": "m", "base_url": url}}
    path = page_home / "rag.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def page_server(page_home, page_config):
    """The page, ready for questions."""
    server = Server(page_home, page_config)
    yield server
    server.stop()
