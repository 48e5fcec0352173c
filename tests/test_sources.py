"""Which files are found, what they are called, and what changed since the last time."""

import os
import sys
from pathlib import Path

import pytest

from indexing import plan as sources_module
from indexing.plan import FileSearch, SourceFile, make_plan
from rag.errors import SourceError
from rag.files import sha256_of
from rag.stores.contract import DocumentInfo, Failure

posix = pytest.mark.skipif(os.name != "posix", reason="names of any bytes need POSIX")
HOME = Path(".rag")


def write(path, text="The pump runs.\n"):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def held(path, sha256=None, document_id=None):
    file = SourceFile(Path(path).absolute(), str(path))
    digest = sha256 or sha256_of(file.path)
    return DocumentInfo(document_id or file.file_id, str(path), "", digest, file.key, 1)


def plan(*paths, known=(), failures=(), leave_out=HOME):
    search = FileSearch([Path(path) for path in paths], leave_out)
    return make_plan(search, known, failures=failures)


def sources(files):
    return [file.source for file in files]


# -- which files


def test_files_come_in_one_order_whatever_the_folder_says():
    for name in ("docs/z.txt", "docs/a.md", "docs/sub/m.txt", "docs/B.txt"):
        write(name)
    assert sources(plan("docs").new) == ["docs/B.txt", "docs/a.md", "docs/z.txt", "docs/sub/m.txt"]


def test_hidden_files_and_folders_are_left_out():
    write("docs/a.txt"), write("docs/.b.txt"), write("docs/.git/c.txt")
    found = plan("docs")
    assert (sources(found.new), found.skipped) == (["docs/a.txt"], [])


def test_a_hidden_file_that_is_named_is_taken():
    write(".notes.txt")
    assert sources(plan(".notes.txt").new) == [".notes.txt"]


def test_the_folder_of_the_collections_is_left_out(tmp_path):
    write("a.txt"), write("data/collections/x/seal.json", "{}")
    found = plan(".", leave_out=Path("data"))
    assert sources(found.new) == ["a.txt"] and not found.skipped
    with pytest.raises(SourceError, match="holds no document"):
        plan("data/collections", leave_out=tmp_path / "data")


def test_types_that_are_not_indexed_are_skipped_and_listed_once():
    write("docs/a.txt"), write("docs/b.png"), write("docs/noname")
    found = plan("docs", "docs", "docs/b.png")
    assert (sources(found.new), found.skipped) == (["docs/a.txt"], ["docs/b.png", "docs/noname"])


def test_one_file_of_another_type_does_not_stop_the_files_named_beside_it():
    write("a.txt"), write("b.png")
    found = plan("b.png", "a.txt")
    assert (sources(found.new), found.skipped) == (["a.txt"], ["b.png"])


def test_suffixes_are_known_in_capitals_too():
    write("A.TXT"), write("B.Md")
    assert sources(plan(".").new) == ["A.TXT", "B.Md"]


def test_what_is_given_twice_is_taken_once():
    write("docs/a.txt")
    assert sources(plan("docs", "docs/a.txt", "./docs/../docs").new) == ["docs/a.txt"]


@posix
def test_a_loop_of_links_ends_and_is_listed():
    write("docs/a.txt")
    Path("docs/loop").symlink_to(Path("docs").absolute())
    found = plan("docs")
    assert (sources(found.new), found.skipped) == (["docs/a.txt"], ["docs/loop"])


@posix
def test_links_to_files_are_followed_and_broken_ones_are_listed():
    write("a.txt")
    Path("b.txt").symlink_to("a.txt")
    Path("c.txt").symlink_to("nowhere.txt")
    Path("d.txt").symlink_to("d.txt")
    found = plan(".")
    assert sources(found.new) == ["a.txt", "b.txt"]
    assert all(file.sha256 for file in found.new)
    assert [each.source for each in found.failed] == ["c.txt", "d.txt"]
    assert {each.reason for each in found.failed} == {"a link to a file that is not there"}


@posix
def test_a_pipe_is_never_opened():
    os.mkfifo("pipe.txt")
    (file,) = plan(".").new  # would wait forever if it were read
    assert file.sha256 == ""


# -- ids


def test_a_file_has_one_id_however_it_is_named(tmp_path, monkeypatch):
    write("docs/a.txt")
    named = ["docs/a.txt", "./docs/../docs/a.txt", tmp_path / "docs/a.txt", "docs//a.txt", "docs"]
    ids = {plan(name).new[0].file_id for name in named}
    monkeypatch.chdir("docs")
    ids.add(plan("a.txt").new[0].file_id)
    monkeypatch.setenv("HOME", str(tmp_path))
    ids.add(plan("~/docs/a.txt").new[0].file_id)
    assert len(ids) == 1


def test_the_same_name_in_two_folders_is_two_documents():
    write("one/a.txt"), write("two/a.txt")
    first, second = plan("one", "two").new
    assert first.file_id != second.file_id
    assert sources([first, second]) == ["one/a.txt", "two/a.txt"]


def test_a_file_outside_is_shown_with_its_whole_path(tmp_path, monkeypatch):
    path = write("a.txt").absolute()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert sources(plan(path).new) == [path.as_posix()]


@posix
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"new\nline.txt", "new\\nline.txt"),
        (b"\x1b[31mred.txt", "\\x1b[31mred.txt"),
        ("\u202etxt.exe.txt".encode(), "\\u202etxt.exe.txt"),
        (b"quote'\".txt", "quote'\".txt"),
        (b"-rf.txt", "-rf.txt"),
        (b"bad\xff\xfe.txt", "bad\\xff\\xfe.txt"),
        ("中文 名\u3000字.txt".encode(), "中文 名\u3000字.txt"),
        (b"a" * 251 + b".txt", "a" * 251 + ".txt"),
        (b" .txt", " .txt"),
    ],
    ids=["newline", "escape", "bidi", "quotes", "dash", "bytes", "chinese", "255", "space"],
)
def test_any_name_can_be_shown_stored_and_found_again(name, shown):
    Path("docs").mkdir()
    Path(os.fsdecode(b"docs/" + name)).write_bytes(b"The pump runs.\n")
    (file,) = plan("docs").new
    assert file.source == f"docs/{shown}"
    file.key.encode("utf-8")  # a collection keeps text, not bytes
    again = plan("docs", known=[held(file.path)])
    assert [each.path for each in again.unchanged] == [file.path]
    assert not again.vanished


@posix
def test_a_name_of_any_bytes_that_has_vanished_is_noticed():
    write("docs/a.txt")
    path = Path(os.fsdecode(b"docs/bad\xff.txt"))
    path.write_bytes(b"x")
    info = held(path)
    path.unlink()
    assert plan("docs", known=[info]).vanished == {info.path: [info.document_id]}


# -- what changed


def test_new_changed_unchanged_and_vanished_files_are_told_apart():
    for name in ("same", "changed", "gone", "new"):
        write(f"docs/{name}.txt", name)
    known = [held(f"docs/{name}.txt") for name in ("same", "changed", "gone")]
    write("docs/changed.txt", "another text")
    Path("docs/gone.txt").unlink()
    found = plan("docs", known=known)
    assert sources(found.new) == ["docs/new.txt"]
    assert sources(found.changed) == ["docs/changed.txt"]
    assert sources(found.unchanged) == ["docs/same.txt"]
    assert found.vanished == {known[2].path: [known[2].document_id]}


def test_a_change_is_noticed_though_size_and_time_stay_the_same():
    path = write("a.txt", "The pump runs.")
    known, status = [held(path)], path.stat()
    write("a.txt", "The pump rung.")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert sources(plan("a.txt", known=known).changed) == ["a.txt"]


def test_a_new_time_alone_changes_nothing():
    path = write("a.txt")
    known = [held(path)]
    os.utime(path, (2**33, 2**33))  # in the year 2242
    assert sources(plan("a.txt", known=known).unchanged) == ["a.txt"]


def test_a_file_with_records_of_two_versions_is_changed():
    path = write("a.csv", "x\n1\n")
    known = [held(path, document_id="a#1"), held(path, "0" * 64, document_id="a#2")]
    assert sources(plan("a.csv", known=known).changed) == ["a.csv"]


def test_only_files_below_the_paths_given_can_vanish():
    known = [held(write(name)) for name in ("one/a.txt", "two/b.txt", "one2/c.txt")]
    write("one/keep.txt")
    for info in known:
        Path(info.path).unlink()
    assert plan("one", known=known).vanished == {known[0].path: [known[0].document_id]}


def test_a_file_found_through_one_path_has_not_vanished_from_another():
    known = [held(write("docs/.hidden.txt"))]
    write("docs/a.txt")
    assert plan("docs", "docs/.hidden.txt", known=known).vanished == {}


def test_a_failure_of_a_file_that_is_gone_vanishes_with_it(tmp_path):
    write("docs/a.txt")
    gone = Failure("docs/b.pdf", "convert", "damaged", str(tmp_path / "docs/b.pdf"))
    elsewhere = Failure("other/c.pdf", "convert", "damaged", str(tmp_path / "other/c.pdf"))
    assert plan("docs", failures=[gone, elsewhere]).vanished == {gone.path: []}


# -- nothing there, nothing readable


def test_a_path_that_is_not_there_is_refused():
    with pytest.raises(SourceError, match="there is no file or folder `missing`"):
        plan("missing")


@pytest.mark.parametrize("name", [None, "a.png", ".hidden.txt"])
def test_a_folder_without_documents_is_refused_and_says_what_can_be_indexed(name):
    Path("docs").mkdir()
    if name:
        write(f"docs/{name}")
    with pytest.raises(SourceError, match=r"`docs` holds no document .* \.txt") as caught:
        plan("docs")
    assert "\n" not in str(caught.value)


def test_an_empty_folder_beside_a_full_one_is_no_error():
    Path("empty").mkdir()
    write("full/a.txt")
    assert sources(plan("empty", "full").new) == ["full/a.txt"]


def test_a_folder_that_is_empty_now_keeps_what_was_indexed_and_says_so():
    # an unmounted disk looks like this
    known = [held(write("docs/a.txt")), held(write("docs/b.txt"))]
    for info in known:
        Path(info.path).unlink()
    write("full/c.txt")
    with pytest.raises(SourceError, match="The 2 files indexed from it before are kept"):
        plan("full", "docs", known=known)


@pytest.mark.parametrize("before", [False, True])
def test_a_file_that_cannot_be_read_is_listed_and_its_old_version_kept(monkeypatch, before):
    write("docs/a.txt"), write("docs/b.txt")
    known = [held("docs/b.txt")] if before else []

    def refuse(path):
        if path.name == "b.txt":
            raise PermissionError(13, "Permission denied")
        return sha256_of(path)

    monkeypatch.setattr(sources_module, "sha256_of", refuse)
    found = plan("docs", known=known)
    (failure,) = found.failed
    kept = "; the version indexed before is kept" if before else ""
    assert (failure.source, failure.stage) == ("docs/b.txt", "read")
    assert failure.reason == f"Permission denied{kept}"
    assert sources(found.new) == ["docs/a.txt"] and not found.vanished


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_listed():
    write("docs/a.txt"), write("docs/b.txt").chmod(0)
    assert [failure.source for failure in plan("docs").failed] == ["docs/b.txt"]


def refuse_folder(monkeypatch, name):
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)


def test_a_folder_that_cannot_be_read_is_listed_and_nothing_below_it_vanishes(monkeypatch):
    write("docs/a.txt")
    known = [held(write("docs/closed/b.txt"))]
    refuse_folder(monkeypatch, "closed")
    found = plan("docs", known=known)
    assert [failure.source for failure in found.failed] == ["docs/closed"]
    assert "what was indexed from it is kept" in found.failed[0].reason
    assert sources(found.new) == ["docs/a.txt"] and not found.vanished


def test_the_only_folder_cannot_be_read(monkeypatch):
    write("docs/a.txt")
    refuse_folder(monkeypatch, "docs")
    with pytest.raises(SourceError, match="cannot be read: Permission denied"):
        plan("docs")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_path_that_is_no_place_for_documents_is_refused():
    with pytest.raises(SourceError, match="holds no document"):
        plan("/dev/null")
