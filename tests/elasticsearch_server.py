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
from filelock import FileLock
from places import SHARED
from shared_builds import built_once

from rag.config import StoreConfig

NAMED = "RAG_TEST_ELASTICSEARCH_URL"
PROGRAM = SHARED / "elasticsearch" / "cluster.py"
JAVA = "ES_JAVA_HOME"
SECONDS = 300  # to start or stop, on a busy machine
MEMORY = Path("/dev/shm")  # noqa: S108 - a disk in memory: on another, each change waits for it
ROOM = 4 << 30  # bytes that program and data of three nodes never need
QUICK = "-XX:TieredStopAtLevel=1"  # nodes live for minutes: compiling well costs more than it gives


class Server:
    """The nodes of one cluster; `facts` has their urls, ca, user, password and process numbers."""

    def __init__(self, folder):
        self.folder, self.facts = folder, {}

    def do(self, action, *options):
        """Run the shared program."""
        command = [sys.executable, str(PROGRAM), action, "--folder", str(self.folder), *options]
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=os.environ | {"JDK_JAVA_OPTIONS": QUICK, "CLI_JAVA_OPTS": QUICK},
        )
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

    def remove(self):
        self.do("stop")
        shutil.rmtree(self.folder)


def started(*, nodes=1, secure=False):
    """Start a cluster; skip the test if none can run."""
    if not PROGRAM.is_file():
        pytest.skip(f"needs {NAMED}, or the shared server at {PROGRAM}")
    if not os.environ.get("CI") and not (os.environ.get(JAVA) or shutil.which("java")):
        pytest.skip("the shared Elasticsearch needs Java 17")
    folder = Path(tempfile.mkdtemp(prefix="elasticsearch-", dir=_memory()))
    folder.chmod(0o755)  # it runs as another user
    server = Server(folder)
    try:
        server.do("start", "--nodes", str(nodes), *(["--secure"] if secure else []))
    except BaseException:
        server.remove()
        raise
    return server


def _memory():
    """The disk in memory, if programs can run there and it has room; None is the usual folder."""
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return None
    facts = os.statvfs(MEMORY)
    room = facts.f_bavail * facts.f_frsize
    return None if facts.f_flag & os.ST_NOEXEC or room < ROOM else MEMORY


@contextmanager
def running(*, nodes=1, secure=False):
    """Start a cluster, and remove it with its data at the end; skip the test if none can run."""
    server = started(nodes=nodes, secure=secure)
    try:
        yield server
    finally:
        server.remove()


@contextmanager
def running_or_named(tmp_path_factory=None):
    """Give the address of a server; processes that share a folder of builds share one."""
    named = os.environ.get(NAMED)
    if named:
        yield named
    elif tmp_path_factory is None:
        with running() as server:
            yield server.urls[0]
    else:
        with _shared(built_once(tmp_path_factory, "elasticsearch", lambda folder: None)) as url:
            yield url


@contextmanager
def _shared(folder):
    """Whoever comes first starts it; whoever is the last to go removes it."""
    lock, noted, mine = FileLock(folder / "lock"), folder / "server.json", str(os.getpid())

    def users():
        known = json.loads(noted.read_text())["users"] if noted.exists() else []
        return [user for user in known if user != mine and Path("/proc", user).exists()]

    with lock:
        others = users()
        if others:
            facts = json.loads(noted.read_text())
        else:
            server = started()
            facts = {"url": server.urls[0], "folder": str(server.folder)}
        noted.write_text(json.dumps(facts | {"users": [*others, mine]}))
    try:
        yield facts["url"]
    finally:
        with lock:
            others = users()
            noted.write_text(json.dumps(facts | {"users": others}))
            if not others:
                Server(Path(facts["folder"])).remove()


def settings_for(url, *, prefix, dense="elasticsearch", base=None, **options):
    """The settings of a store on that server; all but the cluster is taken from `base`."""
    base = base or StoreConfig()
    given = base.model_dump(exclude={"elasticsearch"}) | {"kind": "elasticsearch"}
    cluster = {"url": url, "prefix": prefix, "dense": dense, "replicas": 0, **options}
    return StoreConfig(**given, elasticsearch=cluster)
