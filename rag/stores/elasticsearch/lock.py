"""One writer at a time for a collection on a cluster, across machines.

The lock is a document with its holder's name, refreshed every few seconds as a sign of life. A
lock is taken over when its holder was a process of this machine that is gone, or has shown no
sign of life for a while: first by its own clock, then watched by ours, as clocks may differ.
"""

import os
import socket
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from elasticsearch import ConflictError

from rag.errors import LockedError, StoreError, UnavailableError
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.index import Names, create_if_missing

BEAT = 4.0  # seconds between signs of life
LEASE = 20.0  # seconds without one after which a lock is suspected
SHORTLY = 5.0  # seconds to wait for the release of a lock; it is taken over later anyway
_MAPPINGS = {
    "dynamic": "strict",
    "properties": {
        **{name: {"type": "keyword", "index": False} for name in ("owner", "host", "place")},
        **{name: {"type": "keyword", "index": False} for name in ("since", "beat")},
        "pid": {"type": "long", "index": False},
    },
}


class Lock:
    """The lock of one collection, held for a block.

    Raises:
        LockedError: If another process holds it; says which, and since when.
    """

    def __init__(self, cluster: Cluster, names: Names) -> None:
        self._cluster, self._names = cluster, names
        self.owner = uuid.uuid4().hex
        self._since = _now()
        self._guard: dict[str, int] = {}
        self._alive_until = 0.0
        self._renewing = threading.Lock()
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._heart: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Take the lock."""
        self._take()
        self._heart = threading.Thread(target=self._beat, daemon=True)
        self._heart.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Release the lock, if it is still ours."""
        self._ended.set()
        if self._heart is not None:
            self._heart.join()
        if self._lost.is_set():
            return
        try:
            self._cluster.write(
                lambda client: client.options(ignore_status=[404, 409]).delete(
                    index=self._names.locks, id=self._names.alias, **self._guard
                ),
                seconds=SHORTLY,
            )
        except StoreError:  # it is taken over later; the exception being raised matters more
            return

    def check(self) -> None:
        """Check that the lock is still ours.

        Raises:
            LockedError: If another process has taken it.
        """
        if not self._lost.is_set() and time.monotonic() > self._alive_until:
            self._renew()  # this process slept, or the cluster was away: the lock may be lost
        if self._lost.is_set():
            raise LockedError(
                f"another process has taken over writing to `{self._names.collection}`, as this "
                "one gave no sign of life. Run the same command again."
            )

    def _take(self) -> None:
        locks, alias = self._names.locks, self._names.alias
        self._make_index()
        try:
            self._write(op_type="create")
            return
        except StoreError as error:
            if not isinstance(error.__cause__, ConflictError):
                raise
        held = self._read()
        if held is None:  # released in between
            self._write(op_type="create")
            return
        if held["_source"]["owner"] == self.owner:  # the answer was lost on the way
            self._guard = _guard(held)
            return
        if not self._is_dead(held):
            raise LockedError(f"`{self._names.collection}` is locked {_describe(held['_source'])}.")
        try:
            self._write(**_guard(held))
        except StoreError as error:
            if isinstance(error.__cause__, ConflictError):
                raise LockedError(
                    f"`{alias}` in `{locks}` was locked just now: try again."
                ) from None
            raise

    def _make_index(self) -> None:
        settings = {
            "number_of_shards": 1,
            "number_of_replicas": self._cluster.settings.replicas,
        }
        locks = self._names.locks
        if not self._cluster.write(lambda client: client.indices.exists(index=locks)):
            create_if_missing(self._cluster, index=locks, settings=settings, mappings=_MAPPINGS)

    def _is_dead(self, held: dict[str, Any]) -> bool:
        """Return whether a lock's holder is gone."""
        facts = held["_source"]
        if facts["place"] == _place() and not _runs(facts["pid"]):
            return True
        quiet = datetime.now(UTC) - datetime.fromisoformat(facts["beat"])
        if abs(quiet.total_seconds()) < LEASE:
            return False
        self._ended.wait(3 * BEAT)  # a living holder with another clock shows itself in this time
        again = self._read()
        return again is None or _guard(again) == _guard(held)

    def _beat(self) -> None:
        while not self._ended.wait(BEAT) and not self._lost.is_set():
            try:
                self._renew(seconds=BEAT)
            except UnavailableError:  # the next sign may get through
                continue

    def _renew(self, *, seconds: float | None = None) -> None:
        """Give a sign of life, unless another process has taken the lock."""
        with self._renewing:
            try:
                self._write(seconds=seconds, **self._guard)
            except UnavailableError:
                raise
            except StoreError as error:
                conflict = isinstance(error.__cause__, ConflictError)
                held = self._read(seconds=seconds) if conflict else None
                if held is None or held["_source"]["owner"] != self.owner:
                    self._lost.set()
                else:
                    self._guard = _guard(held)  # from a sign whose answer was lost

    def _read(self, *, seconds: float | None = None) -> dict[str, Any] | None:
        found = self._cluster.write(
            lambda client: client.options(ignore_status=404).get(
                index=self._names.locks, id=self._names.alias
            ),
            seconds=seconds,
        )
        return dict(found.body) if found.get("found") else None

    def _write(self, *, seconds: float | None = None, **guard: Any) -> None:  # noqa: ANN401
        facts = {
            "owner": self.owner,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "place": _place(),
            "since": self._since,
            "beat": _now(),
        }
        done = self._cluster.write(
            lambda client: client.index(
                index=self._names.locks, id=self._names.alias, document=facts, **guard
            ),
            seconds=seconds,
        )
        self._guard = _guard(done.body)
        self._alive_until = time.monotonic() + LEASE


def _guard(document: dict[str, Any]) -> dict[str, int]:
    return {"if_seq_no": document["_seq_no"], "if_primary_term": document["_primary_term"]}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _place() -> str:
    """Return an identity of this machine or container, which changes at boot."""
    parts = [socket.gethostname()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        found = Path(path)
        if found.is_symlink():
            parts.append(str(found.readlink()))
        elif found.is_file():
            parts.append(found.read_text(encoding="ascii").strip())
    return " ".join(parts)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _describe(facts: dict[str, Any]) -> str:
    return (
        f"by process {facts['pid']} on {facts['host']} since {facts['since']}: it is being "
        "indexed. Wait until that is done, or stop that process"
    )
