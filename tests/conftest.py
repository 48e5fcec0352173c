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
    "promotions",
    "small_collections",
    "store_builders",
    "store_engines",
]

_connect = socket.socket.connect


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Where tests run side by side: one browser, one Elasticsearch, and a file's tests together."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return _group(nodeid)

    return Groups(config, log)


def pytest_collection_modifyitems(config, items):
    """Begin with the two that take longest, so that none is left alone with them at the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _group(item.nodeid) not in ("browser", "elasticsearch"))


def _group(nodeid):
    if "/test_browser_" in nodeid:
        return "browser"
    if any(word in nodeid.lower() for word in ("/test_elastic_", "elasticsearch", "[faiss")):
        return "elasticsearch"
    return nodeid.partition("::")[0]


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
def elasticsearch_url():
    """Address of a real Elasticsearch: the one that is named, else one started now."""
    with elasticsearch_server.running_or_named() as url:
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
