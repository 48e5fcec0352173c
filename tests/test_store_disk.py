"""A full disk, or a folder that cannot be written, leaves the old state serving."""

# ruff: noqa: T201 - a program that prints what happened

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_collections import SETTINGS, answers, fill, one_line

from rag import files
from rag.errors import StoreError
from rag.stores.embedded import sqlite
from rag.stores.embedded.store import EmbeddedStore

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")


def publish_with_limit(folder, limit):
    """Publish in this process with no file growing beyond a limit; print what happened."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        store = EmbeddedStore(Path(folder), settings=SETTINGS)
        fill(store, 30, 40)
        print("published")
    except StoreError as error:
        print(error)


def test_a_full_disk_leaves_the_old_state_serving_and_says_where(tmp_path, sound, expected):
    limits = [int(1.8**step) for step in range(4, 23)]
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import json, os, test_store_disk as t\n"
        "for folder, limit in json.loads(sys.argv[1]):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        t.publish_with_limit(folder, limit); sys.stdout.flush(); os._exit(0)\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
    )
    plan = [(str(tmp_path / str(limit)), limit) for limit in limits]
    for folder, _ in plan:
        shutil.copytree(sound, folder)
    root = str(Path(__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(plan)],
        env={**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert (done.returncode, len(lines)) == (0, len(limits)), done.stderr
    assert lines[-1] == "published"
    failed = [pair for pair in zip(plan, lines, strict=True) if pair[1] != "published"]
    assert len(failed) > 10
    for (folder, _), line in failed:
        assert folder in line
        assert "Free some space" in line or "Check free space" in line
        assert answers(Path(folder)) == expected
    for (folder, _), _ in failed:  # with space again, the same command succeeds
        store = EmbeddedStore(Path(folder), settings=SETTINGS)
        fill(store, 30, 40)
        assert store.check() == []
        assert store.count_documents() == 60
        store.close()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EIO, errno.EMFILE])
def test_a_publish_that_cannot_write_says_so_and_changes_nothing(
    tmp_path, sound, expected, monkeypatch, code
):
    folder = tmp_path / "c"
    shutil.copytree(sound, folder)

    def refuse(folder, numbers):
        raise OSError(code, os.strerror(code))

    store = EmbeddedStore(folder, settings=SETTINGS)
    with monkeypatch.context() as patch:
        patch.setattr(files, "write_numbers", refuse)
        with pytest.raises(StoreError, match=os.strerror(code)) as error:
            fill(store, 30)
        assert str(folder) in one_line(error)
    store.close()
    assert answers(folder) == expected


def test_a_reader_that_cannot_write_builds_elsewhere(tmp_path, sound, expected, monkeypatch):
    folder = tmp_path / "c"
    shutil.copytree(sound, folder, ignore=shutil.ignore_patterns("bm25-*", "dense-*"))
    write = files.write_numbers

    def refuse(target, numbers):
        if target.is_relative_to(folder):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        write(target, numbers)

    monkeypatch.setattr(files, "write_numbers", refuse)
    assert answers(folder) == expected
    assert [path.name for path in folder.iterdir() if path.is_dir()] == []


def test_a_reader_that_can_write_nowhere_says_so(tmp_path, sound, monkeypatch):
    folder = tmp_path / "c"
    shutil.copytree(sound, folder, ignore=shutil.ignore_patterns("bm25-*", "dense-*"))

    def refuse(target, numbers):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "write_numbers", refuse)
    with pytest.raises(StoreError, match="No space left on device") as error:
        answers(folder)
    one_line(error)


def test_a_collection_in_a_read_only_folder_is_read(tmp_path, sound, expected, monkeypatch):
    folder = tmp_path / "c"
    shutil.copytree(sound, folder)
    folder.chmod(0o500)
    monkeypatch.setattr(sqlite, "access", lambda path, mode: False)
    assert answers(folder) == expected
    assert not (folder / "journal.db-wal").exists()
    folder.chmod(0o700)


def test_a_lock_that_cannot_be_written_is_one_clear_line(tmp_path, sound, monkeypatch):
    shutil.copytree(sound, tmp_path / "c")
    store = EmbeddedStore(tmp_path / "c", settings=SETTINGS)

    def refuse(*values, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", refuse)
        with pytest.raises(StoreError, match="No space left"):
            fill(store, 30)
    fill(store, 30)  # the lock was given back
    store.close()


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be created: .*RAG_HOME"):
        EmbeddedStore(tmp_path / "file" / "c")
