"""Services over a data folder of their own, with small collections and models that tests steer."""

import threading
from contextlib import contextmanager

import pytest

from rag.config import Config, EmbedderConfig, GeneratorConfig
from rag.config.reader import ReaderConfig
from ui.services import open_services

EMBEDDER = "all-MiniLM-L6-v2"
ANNA, BERT = "a" * 64, "b" * 64
FILES = [
    ("pump.txt", b"The pump of the station runs on diesel. It was repaired in March."),
    ("dog.md", b"# The dog\n\nThe dog of the station is called Juno. She is nine years old."),
]
QUESTION = "What does the pump of the station run on?"


class SlowGenerator:
    """Writes an answer piece by piece, waiting for the test before each but the first."""

    def __init__(self, pieces=("The pump runs ", "on diesel ", "[1].")):
        self.pieces, self.go, self.begun = pieces, threading.Semaphore(0), threading.Event()

    def warm_up(self):
        pass

    def run(self, messages, streaming_callback=None, stop=None, deadline=None):
        written = ""
        for number, piece in enumerate(self.pieces):
            if number:
                while not self.go.acquire(timeout=0.01):
                    if stop.is_set():
                        return {"text": written, "finish_reason": "stopped"}
            written += piece
            if streaming_callback:
                streaming_callback(piece)
            self.begun.set()
        return {"text": written, "finish_reason": "stop"}


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("RAG_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def make_services(home, embedder):
    """Open services on the test's data folder; all are closed at the end."""
    with opening(embedder) as make:
        yield make


@contextmanager
def opening(embedder):
    """Give a function that opens services on the data folder; all are closed at the end."""
    opened = []

    def make(generator=None, **server):
        config = Config(
            server=server,
            embedder=EmbedderConfig(model=EMBEDDER),
            ranker=None,
            reader=ReaderConfig(kind="sentences"),
            generator=GeneratorConfig(kind="gguf", model="scripted") if generator else None,
        )
        services = open_services(config)
        services.engines._embedders[EMBEDDER] = embedder
        services.engines._generator, services.engines._has_generator = generator, True
        opened.append(services)
        return services

    try:
        yield make
    finally:
        for services in opened:
            services.close()


def upload(services, owner, collection, files=FILES):
    job = services.uploads.upload(owner, collection, files)
    return index_end(services, owner, job)


def index_end(services, owner, job):
    now = services.uploads.snapshot(owner, job)
    while now.is_open:
        now = services.uploads.wait(owner, job, now.version, 5)
    return now


def answer_end(services, owner, exchange_id):
    now = services.answers.snapshot(owner, exchange_id)
    while now.is_open:
        now = services.answers.wait(owner, exchange_id, now.version, 5)
    return now


def stages(snapshot):
    return {file.name: file.stage for file in snapshot.files}


@pytest.fixture
def services(make_services):
    """Services with one shared collection, `station`, of two documents."""
    made = make_services()
    made.library.create(ANNA, "station")
    assert upload(made, ANNA, "station").state == "done"
    return made
