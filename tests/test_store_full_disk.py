"""Real disks that are full or read-only: reading goes on, deleting works, nothing is lost."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from small_collections import SETTINGS, answers, fill, one_line

from rag import files
from rag.collections import delete_collection, list_collections
from rag.config import Config
from rag.errors import CollectionError, LockedError, StoreError, UnwritableError
from rag.sqlite_file import SqliteFile
from rag.stores.embedded.lock import hold
from rag.stores.embedded.store import EmbeddedStore

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")


def place(disk, collection):
    folder = disk.folder / "home" / "collections" / "c"
    shutil.copytree(collection, folder)
    return folder


def open_(folder, **options):
    return closing(EmbeddedStore(folder, settings=SETTINGS, **options))


def listing(folder):
    return sorted((str(path), path.stat().st_size) for path in folder.rglob("*"))


def leave_log(folder, *, big=False, shm=True):
    """Leave the log of a process that was killed after a change: a title, or a long text."""
    aside = folder.with_name("aside")
    store = EmbeddedStore(folder, settings=SETTINGS)
    with store.journal.transaction():
        store.journal.rows("UPDATE documents SET title = 'changed'")
        if big:
            store.journal.rows("INSERT INTO state VALUES ('big', ?)", ("x" * 100_000,))
    shutil.copytree(folder, aside)
    store.close()
    shutil.rmtree(folder)
    aside.rename(folder)
    assert (folder / "journal.db-wal").stat().st_size > 4096
    if not shm:
        (folder / "journal.db-shm").unlink()


def nowhere(monkeypatch, full):
    """Temporary folders are on the same disk."""
    monkeypatch.setattr(tempfile, "tempdir", str(full))
    monkeypatch.setattr(files, "MEMORY", full / "none")


def titles(folder):
    with open_(folder, create=False) as store:
        return {info.title for info in store.documents()}


# -- reading


def test_a_collection_on_a_full_disk_is_read_by_many(small_disk, sound, expected):
    folder = place(small_disk, sound)
    small_disk.fill()
    with open_(folder, create=False) as one, open_(folder) as other:
        assert one.check() == other.check() == []
        assert answers(folder) == expected
    assert small_disk.space() == 0


def test_a_collection_on_a_read_only_disk_is_read_and_nothing_changes(
    small_disk, sound, expected, caplog
):
    folder = place(small_disk, sound)
    small_disk.set_read_only()
    before = listing(folder)
    assert answers(folder) == expected
    assert listing(folder) == before
    assert caplog.text == ""  # no index was rebuilt


@pytest.mark.parametrize("big", [False, True])
def test_what_a_log_holds_is_read_on_a_full_disk(small_disk, sound, expected, big):
    folder = place(small_disk, sound)
    leave_log(folder, big=big, shm=False)
    small_disk.fill()
    assert titles(folder) == {"changed"}
    assert answers(folder) == expected
    small_disk.free()
    assert titles(folder) == {"changed"}
    with open_(folder) as store:
        assert store.check() == []


@pytest.mark.parametrize("shm", [False, True])
def test_what_a_log_holds_is_read_on_a_read_only_disk(small_disk, sound, expected, shm):
    folder = place(small_disk, sound)
    leave_log(folder, shm=shm)
    small_disk.set_read_only()
    before = listing(folder)
    assert titles(folder) == {"changed"}
    assert answers(folder) == expected
    assert listing(folder) == before


def test_a_log_that_can_be_read_nowhere_is_one_clear_line(small_disk, sound, monkeypatch):
    folder = place(small_disk, sound)
    leave_log(folder, shm=False)
    small_disk.set_read_only()
    nowhere(monkeypatch, small_disk.folder)
    with pytest.raises(UnwritableError, match=r"was not closed.*Read-only file system") as error:
        titles(folder)
    assert str(folder) in one_line(error)


def test_a_reader_where_no_temporary_folder_exists_says_so(small_disk, sound, monkeypatch):
    folder = place(small_disk, sound)
    shutil.rmtree(next(folder.glob("bm25-2")))
    shutil.rmtree(next(folder.glob("bm25-1")), ignore_errors=True)
    small_disk.fill()

    nowhere(monkeypatch, small_disk.folder)
    with pytest.raises(StoreError, match="No space left") as error:
        answers(folder)
    one_line(error)


def test_a_reader_on_a_full_disk_sees_what_is_published_once_it_is_free(small_disk, sound):
    folder = place(small_disk, sound)
    small_disk.fill()
    with open_(folder, create=False) as reader:
        before = [hit.id for hit in reader.bm25_retrieval("alpha", top_k=50)]
        small_disk.free()
        with open_(folder) as writer:
            fill(writer, 30, 40)
        after = [hit.id for hit in reader.bm25_retrieval("alpha", top_k=50)]
        assert set(before) < set(after)
        assert len({info.document_id for info in reader.documents()}) == 3
        assert reader.check() == []


def test_a_store_that_was_opened_on_a_full_disk_writes_once_it_is_free(small_disk, sound):
    folder = place(small_disk, sound)
    small_disk.fill()
    with open_(folder) as store:
        with pytest.raises(UnwritableError, match="No space left") as error:
            fill(store, 30)
        assert str(folder) in one_line(error)
        small_disk.free()
        fill(store, 30)
        assert store.check() == []
    with open_(folder) as store:
        assert len(list(store.documents())) == 3


def test_a_change_in_the_middle_of_reading_is_told_and_read_again(small_disk, sound):
    path = place(small_disk, sound) / "journal.db"
    small_disk.fill()
    with closing(SqliteFile(path)) as frozen:
        assert frozen.is_frozen
        with pytest.raises(StoreError, match="has just been changed"), frozen.use():
            small_disk.free()
            with closing(sqlite3.connect(path)) as db, db:
                db.execute("INSERT INTO state VALUES ('new', '1')")
        with frozen.use() as db:
            assert db.execute("SELECT value FROM state WHERE key = 'new'").fetchall() == [("1",)]
        assert not frozen.is_frozen


def test_closing_a_frozen_file_keeps_the_locks_of_a_writer(small_disk, sound):
    path = place(small_disk, sound) / "journal.db"
    small_disk.fill()
    frozen = SqliteFile(path)
    small_disk.free()
    with closing(SqliteFile(path)) as writer:
        with writer.use(to_write=True) as db:
            db.execute("INSERT INTO state VALUES ('first', '1')")
        frozen.close()
        visit = (  # whoever leaves last empties and removes the log
            "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]);"
            " db.execute('SELECT * FROM state').fetchall(); db.close()"
        )
        subprocess.run([sys.executable, "-c", visit, str(path)], check=True)
        with writer.use(to_write=True) as db:
            db.execute("INSERT INTO state VALUES ('second', '2')")
        assert path.with_name("journal.db-wal").stat().st_size
    with closing(sqlite3.connect(path)) as db:
        kept = db.execute("SELECT key FROM state WHERE key IN ('first', 'second')").fetchall()
    assert kept == [("first",), ("second",)]


def test_an_index_is_searched_where_no_lock_can_be_made(make_disk, sound, expected, caplog):
    disk = make_disk("size=2m,nr_inodes=60")
    folder = place(disk, sound)
    use_up_names(disk)
    before = listing(folder)
    assert answers(folder) == expected
    assert listing(folder) == before
    assert caplog.text == ""


def test_an_index_whose_lock_can_be_made_nowhere_is_kept_and_searched_in_memory(
    small_disk, sound, expected, monkeypatch, caplog
):
    folder = place(small_disk, sound)
    small_disk.set_read_only()
    nowhere(monkeypatch, small_disk.folder)
    before = listing(folder)
    (rankings, texts), (wanted, kept) = answers(folder), expected
    assert texts == kept
    assert [[hit[0] for hit in each] for each in rankings] == [
        [hit[0] for hit in each] for each in wanted
    ]
    assert "Until then it is searched in memory" in caplog.text
    assert listing(folder) == before


def test_libraries_find_the_name_of_a_temporary_folder_on_a_full_disk(small_disk, monkeypatch):
    small_disk.fill()
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(small_disk.folder)])
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "set")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    with pytest.raises(FileNotFoundError):
        tempfile.gettempdir()
    files.settle_temporary_folder()
    assert Path(tempfile.gettempdir()).is_dir()
    assert Path(os.environ["TORCHINDUCTOR_CACHE_DIR"]).is_dir()


# -- writing and deleting


def test_a_new_collection_on_a_full_disk_leaves_nothing(small_disk):
    folder = small_disk.folder / "home" / "collections" / "c"
    folder.parent.mkdir(parents=True)
    small_disk.fill()
    with pytest.raises(UnwritableError, match="free space") as error:
        EmbeddedStore(folder)
    assert str(folder) in one_line(error)
    assert list(folder.parent.iterdir()) == []


def test_a_disk_that_fills_while_a_document_is_removed_leaves_one_whole_state(
    small_disk, sound, expected, tmp_path
):
    with open_(shutil.copytree(sound, tmp_path / "c")) as store:
        remove_first(store)
    removed, states = answers(tmp_path / "c"), []
    for left in range(0, 600_000, 24_576):
        folder = place(small_disk, sound)
        small_disk.fill(left)
        try:
            with open_(folder) as store:
                remove_first(store)
            states.append("removed")
            assert answers(folder) == removed
        except UnwritableError as error:
            states.append("kept")
            assert str(folder) in str(error)
            assert "\n" not in str(error)
            assert answers(folder) == expected
        small_disk.free()
        with open_(folder) as store:
            remove_first(store)
            assert store.check() == []
        assert answers(folder)[1] == removed[1]
        shutil.rmtree(folder)
    assert states[0] == "kept"
    assert states == sorted(states)  # first `kept`, then `removed`
    assert states[-1] == "removed"


def remove_first(store):
    with store.writer() as writer:
        writer.remove(["1"])
        writer.publish()


def use_up_names(disk):
    for number in range(os.statvfs(disk.folder).f_favail):
        (disk.folder / str(number)).touch()
    assert os.statvfs(disk.folder).f_favail == 0


@pytest.fixture
def full(make_disk, sound, monkeypatch):
    """Give a function that makes a full disk with a collection, which is the configured one."""

    def make(options="size=2m"):
        disk = make_disk(options)
        folder = place(disk, sound)
        monkeypatch.setenv("RAG_HOME", str(disk.folder / "home"))
        disk.fill()
        return disk, folder

    return make


def test_a_collection_on_a_full_disk_is_deleted_and_frees_its_space(full):
    disk, folder = full()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    delete_collection("c", Config())
    assert list(folder.parent.iterdir()) == []
    assert disk.space() >= size
    with pytest.raises(CollectionError, match="there is no collection"):
        delete_collection("c", Config())


def test_a_collection_is_deleted_where_no_lock_can_be_made(full):
    disk, folder = full("size=2m,nr_inodes=60")
    (folder / "writer.lock").unlink()
    use_up_names(disk)
    delete_collection("c", Config())
    assert list(folder.parent.iterdir()) == []


def refuse_rename(monkeypatch, folder, code):
    rename = Path.rename

    def refuse(self, target):
        if self == folder:
            raise OSError(code, os.strerror(code))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)


def test_a_collection_is_deleted_where_there_is_no_space_for_a_new_name(full, monkeypatch):
    disk, folder = full()
    refuse_rename(monkeypatch, folder, errno.ENOSPC)
    delete_collection("c", Config())
    assert list(folder.parent.iterdir()) == []
    assert disk.space() > 0


def test_a_deletion_that_ends_before_the_journal_is_gone_keeps_the_collection(
    full, expected, monkeypatch
):
    _, folder = full()
    refuse_rename(monkeypatch, folder, errno.ENOSPC)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", broken(Path.unlink, "journal.db"))
        with pytest.raises(StoreError, match="cannot be deleted: Input/output error") as error:
            delete_collection("c", Config())
        one_line(error)
    assert list_collections() == ["c"]
    assert answers(folder) == expected


def broken(unlink, name):
    def refuse(self, **options):
        if self.name == name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        unlink(self, **options)

    return refuse


def test_what_an_interrupted_deletion_left_goes_with_the_next(full):
    _, folder = full()
    (folder.parent / ".old.12345678.deleted").mkdir()
    delete_collection("c", Config())
    assert list(folder.parent.iterdir()) == []


def test_a_collection_on_a_full_disk_is_not_deleted_while_it_is_written(full):
    _, folder = full()
    with hold(folder, freeing=True), pytest.raises(LockedError, match="is locked"):
        delete_collection("c", Config())
    assert list_collections() == ["c"]


def test_a_collection_on_a_read_only_disk_is_not_deleted_and_a_line_says_why(
    small_disk, sound, expected, monkeypatch
):
    folder = place(small_disk, sound)
    monkeypatch.setenv("RAG_HOME", str(small_disk.folder / "home"))
    small_disk.set_read_only()
    with pytest.raises(UnwritableError, match="Read-only file system") as error:
        delete_collection("c", Config())
    assert str(folder) in one_line(error)
    assert answers(folder) == expected
