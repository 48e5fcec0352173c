"""A real Elasticsearch: the server that a variable names, or the shared one, started when needed.

Without either, the tests that need it are skipped and say why; where `CI` is set and the shared
server is there, they never are.
"""

import importlib.util
import os
import shutil
from contextlib import contextmanager

import pytest
from places import SHARED

from rag.config import StoreConfig

NAMED = "RAG_TEST_ELASTICSEARCH_URL"
PROGRAM = SHARED / "elasticsearch" / "cluster.py"
JAVA = "ES_JAVA_HOME"


def cluster_class():
    """The shared server's class `Cluster`; skips the test if it cannot run here."""
    if not PROGRAM.is_file():
        pytest.skip(f"needs {NAMED}, or the shared server at {PROGRAM}")
    if not os.environ.get("CI") and not (os.environ.get(JAVA) or shutil.which("java")):
        pytest.skip("the shared Elasticsearch needs Java 17")
    spec = importlib.util.spec_from_file_location("cluster", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Cluster


@contextmanager
def running(**options):
    """Start a cluster of its own, and remove it with its data at the end."""
    cluster = cluster_class()(**options)
    try:
        try:
            cluster.start()
        except SystemExit as error:  # it is a program too, and ends itself
            pytest.fail(f"the shared Elasticsearch does not start: {error}")
        yield cluster
    finally:
        cluster.remove()


@contextmanager
def running_or_named():
    """Give the address of a server."""
    named = os.environ.get(NAMED)
    if named:
        yield named
        return
    with running() as cluster:
        yield cluster.urls[0]


def settings_for(url, *, prefix, dense="elasticsearch", base=None, **options):
    """The settings of a store on that server; all but the cluster is taken from `base`."""
    base = base or StoreConfig()
    given = base.model_dump(exclude={"elasticsearch"}) | {"kind": "elasticsearch"}
    cluster = {"url": url, "prefix": prefix, "dense": dense, "replicas": 0, **options}
    return StoreConfig(**given, elasticsearch=cluster)
