"""A real Elasticsearch: the server that a variable names, or the shared one, started when needed.

Without either, the tests that need it are skipped and say why; where `CI` is set and the shared
server is there, they never are.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from places import SHARED

from rag.config import StoreConfig

NAMED = "RAG_TEST_ELASTICSEARCH_URL"
PROGRAM = SHARED / "elasticsearch" / "cluster.py"
JAVA = "ES_JAVA_HOME"
SECONDS = 300  # to start or stop, on a busy machine


class Server:
    """The nodes of one cluster; `facts` has their urls, ca, user, password and process numbers."""

    def __init__(self, folder):
        self._folder, self.facts = folder, {}

    def do(self, action, *options):
        """Run the shared program."""
        command = [sys.executable, str(PROGRAM), action, "--folder", str(self._folder), *options]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS)
        if done.returncode:
            pytest.fail(f"the shared Elasticsearch fails to {action}: {done.stderr[-2000:]}")
        self.facts = json.loads(done.stdout.splitlines()[-1])

    @property
    def urls(self):
        return self.facts["urls"]

    def kill(self, node):
        self.do("kill", "--node", str(node))

    def pause(self, node):
        self.do("pause", "--node", str(node))

    def resume(self, node):
        self.do("resume", "--node", str(node))

    def restart(self, node):
        self.do("restart", "--node", str(node))


@contextmanager
def running(*, nodes=1, secure=False):
    """Start a cluster, and remove it with its data at the end; skip the test if none can run."""
    if not PROGRAM.is_file():
        pytest.skip(f"needs {NAMED}, or the shared server at {PROGRAM}")
    if not os.environ.get("CI") and not (os.environ.get(JAVA) or shutil.which("java")):
        pytest.skip("the shared Elasticsearch needs Java 17")
    folder = Path(tempfile.mkdtemp(prefix="elasticsearch-"))
    folder.chmod(0o755)  # it runs as another user
    server = Server(folder)
    try:
        server.do("start", "--nodes", str(nodes), *(["--secure"] if secure else []))
        yield server
    finally:
        server.do("stop")
        shutil.rmtree(folder)


@contextmanager
def running_or_named():
    """Give the address of a server."""
    named = os.environ.get(NAMED)
    if named:
        yield named
        return
    with running() as server:
        yield server.urls[0]


def settings_for(url, *, prefix, dense="elasticsearch", base=None, **options):
    """The settings of a store on that server; all but the cluster is taken from `base`."""
    base = base or StoreConfig()
    given = base.model_dump(exclude={"elasticsearch"}) | {"kind": "elasticsearch"}
    cluster = {"url": url, "prefix": prefix, "dense": dense, "replicas": 0, **options}
    return StoreConfig(**given, elasticsearch=cluster)
