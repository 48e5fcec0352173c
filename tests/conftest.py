"""Everything offline, deterministic and in a folder of its own."""

import os

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")

import socket
from contextlib import closing
from pathlib import Path

import elasticsearch_server
import kinds
import pytest
from places import SAMPLE
from shared_builds import built_once

from rag.config import Config

pytest_plugins = [  # the fixtures that several files share, by the module that defines them
    "service_runs",  # first: others import from it
    "api_runs",
    "browser",
    "cli_runs",
    "embedder_courses",
    "index_runs",
    "page_runs",
    "page_server",
    "promotions",
    "small_collections",
    "small_disks",
    "store_builders",
    "store_engines",
]

_connect = socket.socket.connect


def pytest_addoption(parser):
    parser.addoption("--part", metavar="I/N", help="only the I-th of N parts, cut by file")


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(config, items):
    """Mark every test with its kind, keep a file's tests together, and begin with the slow ones."""
    for item in items:
        kind = kinds.kind_of(item)
        item.add_marker(kind)
        if kinds.is_shared(item, kind):
            item.add_marker("share")
        file = item.nodeid.partition("::")[0]
        together = kind if kind in ("cluster", "browser") else file
        item.add_marker(pytest.mark.xdist_group(together))
    if part := config.getoption("--part"):
        number, count = map(int, part.split("/"))
        kept = [item for item in items if kinds.part_of(item, count) == number]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: kinds.kind_of(item) == "core" and not kinds.is_slow(item))


@pytest.fixture(autouse=True)
def _offline_and_alone(monkeypatch, tmp_path):
    """Refuse every connection but loopback; clean the environment; stand in an empty folder."""

    def connect(self, address):
        host = address[0] if isinstance(address, tuple) else address
        if isinstance(address, tuple) and host not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"this test tried to reach {host}")
        return _connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    for name in ("RAG_HOME", "RAG_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def elasticsearch_url(tmp_path_factory):
    """Address of a real Elasticsearch: the one that is named, else one shared by all processes."""
    with elasticsearch_server.running_or_named(tmp_path_factory) as url:
        yield url


@pytest.fixture(scope="session")
def embedder():
    """The bundled embedder, loaded once."""
    from rag.models.embedder import Embedder

    loaded = Embedder(Config().embedder)
    loaded.warm_up()
    return loaded


@pytest.fixture(scope="session")
def sample_store(tmp_path_factory, embedder):
    """The bundled sample, indexed once; only for reading."""
    from indexing.pipeline import index_paths
    from rag.stores.embedded.store import EmbeddedStore

    def build(folder):
        with closing(EmbeddedStore(folder / "sample")) as store:
            documents = [SAMPLE / "documents"]
            report = index_paths(documents, store, embedder, Config(), leave_out=Path("nowhere"))
        assert not report.failures

    store = EmbeddedStore(built_once(tmp_path_factory, "sample", build) / "sample", create=False)
    yield store
    store.close()


@pytest.fixture(scope="session")
def sample_rag(sample_store, embedder):
    """The bundled sample, ready for questions."""
    from rag.engine import RAG

    return RAG(Config(), sample_store, embedder=embedder, collection="sample")
