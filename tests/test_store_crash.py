"""Nothing acknowledged is lost, nothing half done is seen: crashes at every single operation.

This file is also the program that crashes: a clean process (`python test_store_crash.py PLAN`)
forks one child per crash, which runs a fixed workload and writes one byte per publish to a pipe.
An operation is each call of `rag.files` that touches the disk (before and after) and each
SQL statement (before). The power-loss model drops, empties or cuts every file that was not synced,
and undoes renames in folders that were not synced; SQLite's own files are left to SQLite.

Crashes are spread over all operations, with at least one at every kind of operation. With
`CRASH=all` in the environment there is one at every single operation, and more kills: minutes.
"""

# ruff: noqa: S311, T201 - seeded draws, and a program that prints what happened

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import numpy as np
import pytest
from haystack import Document

from rag import files
from rag.config import StoreConfig
from rag.stores.contract import StoredDocument
from rag.stores.embedded import derived_indexes, sqlite
from rag.stores.embedded.store import EmbeddedStore

SETTINGS = StoreConfig(exact_limit=5, graph_search=16, rebuild_share=0.5)
ALL = os.environ.get("CRASH") == "all"
PATIENCE = 3600 if ALL else 600  # seconds
pytestmark = [pytest.mark.usefixtures("no_waiting_for_the_disk"), pytest.mark.timeout(PATIENCE)]
PLAN = {"points": {"crash": 24, "power": 12}, "kills": 30 if ALL else 8, "seed": 7}
FILES = ("sync_file", "sync_folder", "rename", "remove", "write_numbers", "seal")
KINDS = {f"{when} {name}" for when in ("before", "after") for name in FILES}
OTHERS = {"before link", "after link", "BEGIN", "COMMIT", "CREATE", "PRAGMA", "SELECT"}
OTHERS |= {
    f"{verb} {table}"
    for verb in ("INSERT", "DELETE")
    for table in ("documents", "passages", "vectors")
}
OTHERS |= {"UPDATE documents", "UPDATE passages", "INSERT state"}
GOLDEN = ("common", "alpha", "beta gamma", "rare32", "rare61", "delta common")
WORDS = ("alpha", "beta", "gamma", "delta", "epsilon")


# -- the workload and what it must leave behind


def a_document(name, version):
    """A document of two passages, and its vectors, made from its name and version alone."""
    draw = random.Random(f"{name}{version}")
    texts = [f"common rare{name}{version} {' '.join(draw.choices(WORDS, k=6))}" for _ in range(2)]
    text = "\n".join(texts)
    passages = [
        Document(
            id=f"{name}:{number}",
            content=part,
            meta={"document_id": name, "title": name, "start": text.index(part), "end": 0},
            embedding=np.random.default_rng(abs(hash_of(part))).normal(size=8).tolist(),
        )
        for number, part in enumerate(texts)
    ]
    for passage in passages:
        passage.meta["end"] = passage.meta["start"] + len(passage.content)
    return StoredDocument(name, f"{name}.txt", name, text, f"{version}", f"/d/{name}"), passages


def hash_of(text):
    return int.from_bytes(text.encode()[:60], "big") % 2**32


# What each publish brings: documents to put (name, version) and names to remove.
STEPS = (
    ([("1", 1), ("2", 1), ("3", 1), ("4", 1)], []),
    ([("2", 2), ("5", 1)], ["1"]),
    ([("6", 1), ("3", 2)], ["4"]),
)


def state_after(count):
    """Document name -> version, after some publishes."""
    state = {}
    for put, gone in STEPS[:count]:
        state |= dict(put)
        for name in gone:
            state.pop(name, None)
    return state


def run_workload(folder, acknowledge=lambda: None):
    store = EmbeddedStore(folder, settings=SETTINGS)
    for put, gone in STEPS:
        with store.writer() as writer:
            for name, version in put:
                writer.replace(*a_document(name, version))
                writer.commit()
            writer.remove(gone)
            writer.publish()
        acknowledge()
    return store


# -- the program that crashes


class Crash:
    """Counts operations, and ends the process at one of them; keeps what a power loss would."""

    def __init__(self, folder, at, power_loss):
        self.folder, self.at, self.power_loss = folder, at, power_loss
        self.kinds, self.synced, self.renames = [], {}, []

    def tick(self, kind):
        self.kinds.append(kind)
        if len(self.kinds) == self.at:
            if self.power_loss:
                self.lose_power()
            os._exit(137)

    def around(self, function):
        def patched(*values, **options):
            self.tick(f"before {function.__name__}")
            result = function(*values, **options)
            if function.__name__ == "rename":
                self.renames.append(values)
            self.tick(f"after {function.__name__}")
            return result

        return patched

    def note_sync(self, descriptor):
        """Stand-in for fsync: of a file its content lasts, of a folder what it lists."""
        synced = os.fstat(descriptor)
        self.synced[synced.st_ino] = synced.st_mtime_ns
        self.renames = [
            (old, new) for old, new in self.renames if new.parent.stat().st_ino != synced.st_ino
        ]

    def lose_power(self):
        draw = random.Random(self.at)
        for old, new in reversed(self.renames):
            if draw.random() < 0.5 and new.exists() and not old.exists():
                new.rename(old)
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not path.name.startswith("journal.db"):
                stat = path.stat()
                if self.synced.get(stat.st_ino) != stat.st_mtime_ns:
                    damage(path, draw)

    def install(self):
        for name in FILES:
            setattr(files, name, self.around(getattr(files, name)))
        files.os.link = self.around(os.link)
        files.os.fsync = self.note_sync
        connect = sqlite.sqlite3.connect

        def traced(*values, **options):
            connection = connect(*values, **options)
            connection.set_trace_callback(lambda statement: self.tick(kind_of(statement)))
            return connection

        sqlite.sqlite3.connect = traced
        derived_indexes.SMALL = 0  # so that hard links and deletions in tantivy are part of it


def kind_of(statement):
    """Kind of an SQL statement, and the table that it changes, if any."""
    verb = statement.split(maxsplit=1)[0].rstrip(";").upper()
    table = re.match(r"(INSERT.* INTO|UPDATE|DELETE FROM) (\w+)", " ".join(statement.split()))
    return f"{verb} {table[2]}" if table else verb


def spread(kinds, count):
    """The operations to crash at, from 1: about so many or more, each kind among them, or all."""
    if ALL:
        return range(1, len(kinds) + 1)
    places = {kind: [at for at, each in enumerate(kinds, 1) if each == kind] for kind in kinds}
    some = range(1, len(kinds) + 1, max(1, len(kinds) // count))
    met = {kinds[at - 1] for at in some}
    others = {ats[len(ats) // 2] for kind, ats in places.items() if kind not in met}
    return sorted({*some, *others, len(kinds)})


def damage(path, draw):
    """States of a file that was not synced on a disk: nothing, zeros, or a part."""
    kind, content = draw.choice(("drop", "zero", "cut")), path.read_bytes()
    path.unlink()  # it may be a link to a synced file
    if kind != "drop":
        path.write_bytes(bytes(len(content)) if kind == "zero" else content[: len(content) // 2])


def crash_once(folder, *, at=0, power_loss=False, kill_after=None):
    """Run the workload in a child; return the publishes acknowledged, and operations if it ends.

    Operations are given by their kinds, in order.
    """
    read, write = os.pipe()
    child = os.fork()
    if not child:
        crash = Crash(folder, at, power_loss)
        crash.install()
        try:
            run_workload(folder, lambda: os.write(write, b"A"))
            os.write(write, b"N" + json.dumps(crash.kinds).encode())
        except BaseException:  # noqa: BLE001 - a child must never run on as its parent
            traceback.print_exc()
        os._exit(0)
    os.close(write)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(read) as stream:
        acknowledged, _, kinds = stream.read().partition("N")
    return {
        "folder": str(folder),
        "at": at,
        "acks": len(acknowledged),
        "kinds": json.loads(kinds or "[]"),
    }


def serve(plan):
    """Carry out a plan: print one line of JSON per crash."""
    root = Path(plan["root"])
    start = time.monotonic()
    whole = crash_once(root / "whole")
    seconds = time.monotonic() - start
    print(json.dumps(whole))
    for kind, count in plan["points"].items():
        for at in spread(whole["kinds"], count):
            print(json.dumps(crash_once(root / f"{kind}{at}", at=at, power_loss=kind == "power")))
    kill_at_random(plan, seconds, lambda name, wait: crash_once(root / name, kill_after=wait))


def kill_at_random(plan, seconds, kill):
    """Kill the plan's number of children, each within the time that the fastest so far needed."""
    draw = random.Random(plan["seed"])
    for number in range(plan["kills"]):
        wait = draw.uniform(0, seconds)
        crash = kill(f"kill{number}", wait)
        print(json.dumps(crash))
        if crash["kinds"]:  # it had ended by itself
            seconds = wait


@pytest.fixture(scope="module")
def crashes(tmp_path_factory):
    """Output of the program, by kind of crash."""
    root = tmp_path_factory.mktemp("crashes")
    plan = {"root": str(root), **PLAN}
    variables = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", __file__, json.dumps(plan)],
        env={**os.environ, **variables, "PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = {"whole": [], "crash": [], "power": [], "kill": []}
    for line in done.stdout.splitlines():
        crash = json.loads(line)
        found[Path(crash["folder"]).name.rstrip("0123456789")].append(crash)
    return found


# -- the ledger


def visible(store):
    """Document name -> version, as a reader sees it."""
    return {info.document_id: int(info.sha256) for info in store.documents()}


def expect_one_state(store, crash):
    """The visible state is the one before or after the publish that was cut."""
    generation = store.generation
    assert generation in (crash["acks"], crash["acks"] + 1), crash
    state = state_after(generation)
    assert visible(store) == state, crash
    wanted = {}
    for name, version in state.items():
        wanted |= {passage.id: passage.content for passage in a_document(name, version)[1]}
    found = store.filter_documents()
    assert sorted(document.id for document in found) == sorted(wanted), crash
    assert all(document.content == wanted[document.id] for document in found), crash
    for name, version in state.items():
        assert store.text_of(name) == a_document(name, version)[0].text
        hits = store.bm25_retrieval(f"rare{name}{version}", top_k=5)
        assert {hit.meta["document_id"] for hit in hits} == {name}, crash


def expect_same_numbers(store):
    view = store._view(None)
    live = store.journal.numbers(store.generation)
    np.testing.assert_array_equal(view.lexical.numbers, live)
    np.testing.assert_array_equal([] if view.dense is None else view.dense.numbers, live)


def rankings(store):
    found = [[hit.id for hit in store.bm25_retrieval(query, top_k=10)] for query in GOLDEN]
    for seed in range(3):
        vector = np.random.default_rng(seed).normal(size=8)
        found.append([hit.id for hit in store.dense_retrieval(vector.tolist(), top_k=10)])
    return found


def expect_consistent(crash, golden, *, rerun=True):
    folder = Path(crash["folder"])
    store = EmbeddedStore(folder, settings=SETTINGS)
    assert store.check() == [], crash
    assert store.journal.rows("PRAGMA integrity_check") == [("ok",)]
    expect_one_state(store, crash)
    expect_same_numbers(store)
    store.close()
    if rerun:
        store = run_workload(folder)
        assert visible(store) == state_after(len(STEPS))
        assert rankings(store) == golden, crash
        assert list(folder.glob("*.tmp")) == []
        store.close()


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    store = run_workload(tmp_path_factory.mktemp("golden") / "c")
    yield rankings(store)
    store.close()


def expect_every_kind(whole, crashes):
    """There was a crash at each kind of operation, or at each operation."""
    kinds = whole["kinds"]
    assert set(kinds) >= KINDS
    assert {kinds[crash["at"] - 1] for crash in crashes} == set(kinds)
    assert not any(crash["kinds"] for crash in crashes)
    assert not ALL or len(crashes) == len(kinds)


def test_a_crash_at_any_operation_leaves_one_whole_state(crashes, golden):
    (whole,), cut = crashes["whole"], crashes["crash"]
    assert len(whole["kinds"]) > 200
    assert set(whole["kinds"]) >= OTHERS
    assert len(cut) > 30
    assert whole["acks"] == len(STEPS)
    assert {crash["acks"] for crash in cut} >= {0, 1, 2}
    expect_every_kind(whole, cut)
    for number, crash in enumerate(cut):
        expect_consistent(crash, golden, rerun=number % 6 == 0)


def test_a_power_loss_at_any_operation_leaves_one_whole_state(crashes, golden):
    (whole,), cut = crashes["whole"], crashes["power"]
    assert len(cut) > 20
    expect_every_kind(whole, cut)
    for number, crash in enumerate(cut):
        expect_consistent(crash, golden, rerun=number % 8 == 0)


def test_kills_at_random_moments_leave_one_whole_state(crashes, golden):
    assert len(crashes["kill"]) == PLAN["kills"]
    assert sum(not crash["kinds"] for crash in crashes["kill"]) > PLAN["kills"] // 6
    for number, crash in enumerate(crashes["kill"]):
        expect_consistent(crash, golden, rerun=number % 8 == 0)


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
