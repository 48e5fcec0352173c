"""A collection that gets other vectors and is killed has all the old ones, or all the new ones.

This file is also the program that crashes, as `test_store_crash` is: one child per crash, ended at
one operation after the other, or killed from outside at random moments; at every single operation
with `CRASH=all` in the environment.
"""

# ruff: noqa: T201 - seeded draws, and a program that prints what happened

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_store_crash import (
    ALL,
    PATIENCE,
    SETTINGS,
    Crash,
    a_document,
    expect_every_kind,
    kill_at_random,
    spread,
)

from rag.language.analysis import ANALYZER_VERSION
from rag.stores.contract import Manifest
from rag.stores.embedded import reembedding
from rag.stores.embedded.store import EmbeddedStore

pytestmark = [pytest.mark.usefixtures("no_waiting_for_the_disk"), pytest.mark.timeout(PATIENCE)]
PLAN = {"points": {"crash": 20, "power": 8}, "kills": 16 if ALL else 6, "seed": 5}
OLD = Manifest(
    schema=1, analyzer=ANALYZER_VERSION, embedder="old", embedder_sha256="ab", dimension=8,
    length=100, overlap=10, context=True,
)  # fmt: skip
NEW = replace(OLD, embedder="new", embedder_sha256="cd", dimension=12)
GOLDEN = ("common", "alpha", "beta gamma", "delta common")


def vector_of(passage_id, dimension):
    seed = int.from_bytes(passage_id.encode(), "big") % 2**32
    return np.random.default_rng(seed).normal(size=dimension).astype(np.float32)


def embed(passages):
    return np.array([vector_of(passage.id, NEW.dimension) for passage in passages])


def embedded_document(name, version):
    document, passages = a_document(name, version)
    return document, [
        replace(each, embedding=vector_of(each.id, OLD.dimension).tolist()) for each in passages
    ]


def make_base(folder):
    store = EmbeddedStore(folder, settings=SETTINGS)
    with store.writer() as writer:
        writer.use(OLD)
        for name in "123456":
            writer.replace(*embedded_document(name, 1))
        writer.publish()
    with store.writer() as writer:
        writer.remove(["3"])
        writer.replace(*embedded_document("2", 2))
        writer.publish()
    store.close()
    return folder


def reembed(folder):
    reembedding.BATCH, reembedding.ROWS_AT_ONCE = 3, 4
    store = EmbeddedStore(folder, settings=SETTINGS)
    store.reembed(NEW, embed)
    return store


def crash_once(base, folder, *, at=0, power_loss=False, kill_after=None):
    """Embed again in a child that is ended; give its operations' kinds if it came to its end."""
    shutil.copytree(base, folder)
    read, write = os.pipe()
    child = os.fork()
    if not child:
        crash = Crash(folder, at, power_loss)
        whole = [path.stat() for path in folder.rglob("*")]
        crash.synced = {each.st_ino: each.st_mtime_ns for each in whole}
        crash.install()
        try:
            reembed(folder)
            os.write(write, json.dumps(crash.kinds).encode())
        except BaseException:  # noqa: BLE001 - a child must never run on as its parent
            traceback.print_exc()
        os._exit(0)
    os.close(write)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(read) as stream:
        return {"folder": str(folder), "at": at, "kinds": json.loads(stream.read() or "[]")}


def serve(plan):
    """Carry out a plan: print one line of JSON per crash."""
    root = Path(plan["root"])
    base = make_base(root / "base")
    start = time.monotonic()
    whole = crash_once(base, root / "whole")
    seconds = time.monotonic() - start
    print(json.dumps(whole))
    for kind, count in plan["points"].items():
        for at in spread(whole["kinds"], count):
            crash = crash_once(base, root / f"{kind}{at}", at=at, power_loss=kind == "power")
            print(json.dumps(crash))
    kill_at_random(plan, seconds, lambda name, wait: crash_once(base, root / name, kill_after=wait))


@pytest.fixture(scope="module")
def crashes(tmp_path_factory):
    """Output of the program, by kind of crash."""
    root = tmp_path_factory.mktemp("crashes")
    done = subprocess.run(
        [sys.executable, "-W", "error", __file__, json.dumps({"root": str(root), **PLAN})],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent.parent)},
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


def words_of(store):
    found = [[hit.id for hit in store.bm25_retrieval(query, top_k=10)] for query in GOLDEN]
    passages = [(each.id, each.content, each.meta) for each in store.filter_documents()]
    return found, passages, list(store.documents())


def expect_vectors(store, manifest):
    """All vectors are of one embedder, and found by."""
    made = {passage.id: passage.embedding for passage in store.filter_documents()}
    assert len(made) == 10
    for passage_id, vector in made.items():
        np.testing.assert_array_equal(vector, vector_of(passage_id, manifest.dimension))
        assert store.dense_retrieval(vector, top_k=1)[0].id == passage_id


def expect_old_or_new(crash, golden, *, rerun):
    folder = Path(crash["folder"])
    store = EmbeddedStore(folder, create=False, settings=SETTINGS)
    assert store.check() == [], crash
    assert store.journal.rows("PRAGMA integrity_check") == [("ok",)]
    manifest = store.manifest
    assert manifest == (OLD if store.generation == 2 else NEW), crash
    assert manifest == NEW or not crash["kinds"], crash
    expect_vectors(store, manifest)
    assert words_of(store) == golden, crash
    store.close()
    if rerun:
        store = reembed(folder)
        assert store.manifest == NEW
        assert store.generation == 3
        expect_vectors(store, NEW)
        assert words_of(store) == golden, crash
        assert list(folder.glob("*.tmp")) == []
        store.close()
    return manifest


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    folder = make_base(tmp_path_factory.mktemp("golden") / "c")
    store = EmbeddedStore(folder, settings=SETTINGS)
    yield words_of(store)
    store.close()


def test_a_crash_at_any_operation_leaves_the_old_vectors_or_the_new(crashes, golden):
    (whole,), cut = crashes["whole"], crashes["crash"]
    assert len(whole["kinds"]) > 120
    assert len(cut) >= 20
    expect_every_kind(whole, cut)
    found = [expect_old_or_new(crash, golden, rerun=True) for crash in cut]
    assert found[0] == OLD
    assert found[-1] == NEW


def test_a_power_loss_at_any_operation_leaves_the_old_vectors_or_the_new(crashes, golden):
    (whole,), cut = crashes["whole"], crashes["power"]
    assert len(cut) >= 10
    expect_every_kind(whole, cut)
    for crash in cut:
        expect_old_or_new(crash, golden, rerun=True)


def test_kills_at_random_moments_leave_the_old_vectors_or_the_new(crashes, golden):
    assert sum(not crash["kinds"] for crash in crashes["kill"]) > PLAN["kills"] // 5
    for crash in crashes["kill"]:
        expect_old_or_new(crash, golden, rerun=True)


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
