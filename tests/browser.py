"""The real page in a real browser: a server on this machine, and people who look at it.

`conftest.py` makes the fixtures known. One server runs for all tests of a session, with the bundled
sample and a collection of hostile documents, and with a language model that is a few lines of this
file: it streams slowly, and what it writes depends on a word in the question (see `WRITERS`).
"""

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from chat_server import serve
from payloads import PAYLOADS

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
SILENCE = "…"  # where the model is silent for 10 seconds
PIECE = 0.03  # seconds between two words of the model


# -- the language model


def _short(question):
    return SENTENCE + SECOND


def _long(question):
    return SENTENCE + SECOND + "and the ice moves on, " * 300  # 45 seconds: tests stop it


def _medium(question):
    return SENTENCE + SECOND + "and the ice moves on, " * 20


def _hostile(question):
    return "\n\n".join(PAYLOADS.values()) + "\n\n" + SENTENCE


def _silent(question):
    return f"{SENTENCE} {SILENCE} {SECOND}"


WRITERS = {
    "without a word": _silent,
    "at length": _long,
    "in full": _medium,
    "hostile": _hostile,
    "": _short,
}


def writes_slowly(handler):
    """Stream an answer word by word, chosen by a word in the question."""
    question = handler.body["messages"][-1]["content"]
    text = next(write(question) for word, write in WRITERS.items() if word in question)
    handler.start()
    for piece in re.findall(r"\S+\s*", text):
        time.sleep(10 if piece.strip() == SILENCE else PIECE)
        handler.send(piece)
    handler.send(finish="stop")
    handler.raw("[DONE]")


# -- the server


class Server:
    """`rag ui` in a process of its own, on one port for all its lives."""

    def __init__(self, home, config, port=0):
        self.home, self.config, self.port = home, config, port
        self.start()

    def start(self):
        command = [sys.executable, "-m", "ui", "ui", "--port", str(self.port), "--collection"]
        command += ["sample", "--config", str(self.config)]
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
    with serve(writes_slowly) as server:
        yield server


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


@contextmanager
def second_server(home, config, folder):
    """Another page with a copy of the data, that a test may kill."""
    copy = folder / "home"
    shutil.copytree(home / "collections" / "sample", copy / "collections" / "sample")
    server = Server(copy, config)
    try:
        yield server
    finally:
        server.stop(kill=True)


# -- people


@pytest.fixture(scope="module")
def chromium():
    """The system's Chromium; without it these tests are skipped, but not where CI=true.

    It goes at the end of a file: while it is there, no other test could run an event loop.
    """
    if not CHROMIUM.exists() and os.environ.get("CI") != "true":
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium, or set CHROMIUM")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


class Person:
    """Somebody with a browser of their own: cookies, and a record of what should not happen."""

    def __init__(self, chromium, url, **options):
        self.url, self.outside, self.problems = url, [], []
        options = {"viewport": {"width": 1280, "height": 900}} | options
        self.context = chromium.new_context(**options)
        self.context.on("request", self._note)
        self.open_tab()

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
        from playwright.sync_api import expect

        expect(self.page.locator('[class*="st-key-retry_"]')).to_have_count(count, timeout=40_000)
        self.idle()

    def close(self):
        self.context.close()
        assert not self.outside, self.outside
        assert not self.problems, self.problems


@pytest.fixture
def meet(chromium, page_server):
    """Give a function that brings in a person; at the end, nothing they saw has gone wrong."""
    people = []

    def bring(**options):
        people.append(Person(chromium, options.pop("url", page_server.url), **options))
        return people[-1]

    yield bring
    for person in people:
        person.close()


@pytest.fixture
def person(meet):
    """One person at a desk."""
    return meet()
