"""The real page in a real browser: a server on this machine, and people who look at it.

`conftest.py` makes the fixtures known. One server and one browser run for all tests of a session,
with the bundled sample and a collection of hostile documents, and with a language model that is a
few lines of this file: what it writes depends on a word in the question (see `WRITERS`), and where
it is silent, it waits for the test (see `Telling`).

Nothing is waited out, and little is done twice: people who look at the page in the same way follow
each other in one tab, which forgets the one before (a new tab compiles all scripts of the page).
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
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml
from chat_server import serve
from payloads import PAYLOADS
from places import ROOT

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
VIEWPORT = {"width": 1280, "height": 900}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
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


# -- people


class Browser:
    """The system's Chromium, and the people who are gone and whose tabs can be used again."""

    def __init__(self):
        from playwright.sync_api import expect, sync_playwright

        expect.set_options(timeout=20_000)
        self._playwright = sync_playwright().start()
        self._chromium = self._playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        self._gone = {}

    def bring(self, url, **options):
        """Bring in a person whose context has some options."""
        gone = self._gone.setdefault(repr(sorted(options.items())), [])
        person = gone.pop() if gone else Person(self._chromium, options)
        person.arrive(url)
        return person

    def lead_out(self, person):
        """Say good-bye to a person; only one who could forget everything is used again."""
        try:
            person.forget()
        except BaseException:
            person.context.close()
            raise
        self._gone[repr(sorted(person.options.items()))].append(person)

    def close(self):
        self._chromium.close()
        self._playwright.stop()


class Running:
    """The one browser that runs, if one does."""

    browser = None


@pytest.fixture
def chromium():
    """The system's Chromium; without it these tests are skipped, but not where CI=true."""
    if not CHROMIUM.exists() and os.environ.get("CI") != "true":
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium, or set CHROMIUM")
    Running.browser = Running.browser or Browser()
    return Running.browser


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    """End the browser before other tests: while it is there, none could run an event loop."""
    is_next = nextitem is not None and nextitem.path.name.startswith("test_browser_")
    if Running.browser is not None and not is_next:
        Running.browser.close()
        Running.browser = None


class Person:
    """Somebody with a browser of their own: cookies, and a record of what should not happen."""

    def __init__(self, chromium, options):
        self.url, self.outside, self.problems, self.options = "", [], [], options
        self.context = chromium.new_context(**{"viewport": VIEWPORT} | options)
        self.context.on("request", self._note)
        self.open_tab()

    def arrive(self, url):
        self.url, self.outside, self.problems = url, [], []

    def forget(self):
        """Look at what went wrong, and become nobody in one empty tab."""
        found = [*self.outside, *self.problems]
        self.page, *others = self.context.pages
        for each in others:
            each.close()
        self.page.goto(f"{self.url}/health")
        self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        self.page.emulate_media(color_scheme=self.options.get("color_scheme", "light"))
        self.context.clear_cookies()
        assert not found, found

    def _note(self, request):
        ours = (self.url, self.url.replace("http", "ws", 1), "data:", "blob:")
        if not request.url.startswith(ours):
            self.outside.append(request.url)

    def open_tab(self):
        self.watch(self.context.new_page())
        return self.page

    def watch(self, page):
        self.page = page
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", self._dismiss)

    def _dismiss(self, dialog):
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def go(self, path="/"):
        self.page.goto(path if path.startswith("http") else self.url + path)
        self.idle()
        return self.page

    def idle(self):
        """Wait until the page's script has run to its end."""
        self.page.wait_for_selector("h1, [role=alert]", state="attached", timeout=30_000)
        self.page.wait_for_selector(
            '[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=60_000
        )

    def ask(self, question):
        self.page.get_by_test_id("stChatInputTextArea").fill(question)
        self.page.keyboard.press("Enter")

    def begin_anew(self):
        """Leave the conversation."""
        from playwright.sync_api import expect

        self.idle()
        self.page.get_by_role("button", name="New conversation").click()
        expect(self.page.get_by_role("heading", name="Ask your documents")).to_be_visible()
        self.idle()

    def answered(self, count=1):
        """Wait until that many answers are at their end."""
        again = '[class*="st-key-retry_"]'
        self.page.wait_for_selector(
            f":nth-match({again}, {count})", state="attached", timeout=40_000
        )
        self.idle()
        assert self.page.locator(again).count() == count


@pytest.fixture
def meet(chromium, page_server, told):
    """Give a function that brings in a person; at the end, nothing they saw has gone wrong."""
    people = []
    if not page_server.is_alive:  # a test has ended it
        page_server.start()

    def bring(url=page_server.url, **options):
        people.append(chromium.bring(url, **options))
        return people[-1]

    yield bring
    with ExitStack() as exits:
        for person in people:
            exits.callback(chromium.lead_out, person)


@pytest.fixture
def person(meet):
    """One person at a desk."""
    return meet()
