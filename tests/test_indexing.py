"""Folders to collections: only what changed is done, and nothing is lost."""

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
from index_runs import content, fresh, posix, run, texts, write

from indexing.chunking import embedded_text
from indexing.pipeline import index_paths, plan_index
from indexing.plan import FileSearch
from rag.config import ChunkingConfig, Config
from rag.errors import MismatchError, SourceError
from rag.stores.embedded.store import EmbeddedStore

# -- add, change, remove, revert


def test_a_folder_is_followed_through_every_change(store, counted, tmp_path):
    write("docs/a.txt", "The pump runs on diesel.")
    write("docs/b.txt", "The mast is twelve metres high.")
    first = run(store, counted)
    assert [file.source for file in first.indexed] == ["docs/a.txt", "docs/b.txt"]
    assert (first.generation, first.passages, len(counted.texts)) == (1, 2, 2)

    write("docs/c.txt", "The dog is called Juno.")
    write("docs/a.txt", "The pump runs on sunlight.")
    Path("docs/b.txt").unlink()
    second = run(store, counted)
    assert {file.source for file in second.indexed} == {"docs/a.txt", "docs/c.txt"}
    assert [Path(path).name for path in second.removed] == ["b.txt"]
    assert (second.generation, second.unchanged, len(counted.texts)) == (2, 0, 2 + 2)
    assert texts(store) == ["The dog is called Juno.", "The pump runs on sunlight."]

    write("docs/a.txt", "The pump runs on diesel.")
    write("docs/b.txt", "The mast is twelve metres high.")
    Path("docs/c.txt").unlink()
    third = run(store, counted)
    assert third.generation == 3 and store.check() == []
    assert content(store) == fresh(tmp_path, counted)


def test_a_second_run_does_nothing(store, counted):
    write("docs/a.txt", "The pump runs on diesel.")
    write("docs/b.csv", "name,height\nmast,12\ntower,30\n")
    before = run(store, counted)
    held, asked = content(store), len(counted.texts)
    after = run(store, counted)
    assert (after.indexed, after.removed, after.failures) == ([], [], [])
    assert (after.unchanged, after.generation) == (2, before.generation)
    assert len(counted.texts) == asked and content(store) == held


def test_a_changed_file_leaves_the_passages_of_the_others_alone(store, counted):
    write("docs/a.txt", "The pump runs on diesel.")
    write("docs/b.txt", "The mast is twelve metres high.")
    run(store, counted)
    counted.texts.clear()
    write("docs/b.txt", "The mast is thirteen metres high.")
    run(store, counted)
    assert len(counted.texts) == 1 and "thirteen" in counted.texts[0]
    assert texts(store) == ["The mast is thirteen metres high.", "The pump runs on diesel."]


def test_a_change_that_keeps_size_and_time_is_noticed(store, counted):
    path = write("docs/a.txt", "The mast is 12 m high.")
    run(store, counted)
    status = path.stat()
    write("docs/a.txt", "The mast is 13 m high.")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    run(store, counted)
    assert texts(store) == ["The mast is 13 m high."]


def test_a_moved_file_is_another_document_with_the_same_text(store, counted):
    write("docs/a.txt", "The pump runs on diesel.")
    run(store, counted)
    before = content(store)
    Path("docs/a.txt").rename("docs/z.txt")
    report = run(store, counted)
    assert len(report.removed) == len(report.indexed) == 1
    assert content(store).keys().isdisjoint(before)
    assert texts(store) == ["The pump runs on diesel."]


def test_identical_files_are_two_documents(store, counted):
    for name in ("docs/a.txt", "docs/b.txt"):
        write(name, "The pump runs on diesel.")
    run(store, counted)
    assert sorted(content(store).values()) == [
        ("docs/a.txt", "The pump runs on diesel."),
        ("docs/b.txt", "The pump runs on diesel."),
    ]


def test_what_lies_outside_the_paths_given_is_left_alone(store, counted):
    write("one/a.txt", "The pump runs on diesel.")
    write("two/b.txt", "The mast is twelve metres high.")
    run(store, counted, "one", "two")
    Path("two/b.txt").unlink()
    report = run(store, counted, "one")
    assert report.removed == [] and len(content(store)) == 2


def test_any_history_of_edits_ends_where_a_fresh_index_does(store, counted, tmp_path):
    chance = random.Random(20)  # noqa: S311 - the same edits every time
    sentences = [f"Device {n} stands in room {n % 7}." for n in range(12)]
    names = ["a.txt", "b.md", "sub/a.txt", "sub/c.csv", "d.json"]
    write("docs/keep.txt", "This file always stays.")
    for _ in range(8):
        for name in chance.sample(names, chance.randint(1, 3)):
            path = Path("docs", name)
            if chance.random() < 0.3:
                path.unlink(missing_ok=True)
            elif chance.random() < 0.1:
                path.write_bytes(b"")  # cannot be read: what was there before is kept
            else:
                lines = chance.sample(sentences, chance.randint(1, 5))
                make = {".csv": lambda rows: "\n".join(["text", *rows]), ".json": json.dumps}
                records = [{"text": line} for line in lines] if name == "d.json" else lines
                write(path, make.get(path.suffix, " ".join)(records))
        run(store, counted)
        assert store.check() == []
    for path in Path("docs").rglob("*"):
        if path.is_file() and path.stat().st_size == 0:
            path.unlink()
    run(store, counted)
    assert content(store) == fresh(tmp_path, counted)
    assert store.failures() == []


# -- records


def test_each_record_is_a_document(store, counted):
    write("docs/a.csv", "name,text\nmast,It is high.\npump,It is loud.\n")
    write("docs/b.jsonl", '{"text": "The dog is old."}\n{"text": "The cat is young."}\n')
    run(store, counted)
    found = {info.source: info for info in store.documents()}
    assert sorted(found) == [
        "docs/a.csv#1",
        "docs/a.csv#2",
        "docs/b.jsonl#1",
        "docs/b.jsonl#2",
    ]
    ids = {info.document_id.split("#")[0] for info in found.values()}
    assert len(ids) == 2  # one for each file
    assert all(info.document_id.endswith(source[-2:]) for source, info in found.items())


def test_fewer_records_leave_no_old_one_behind(store, counted):
    write("docs/a.csv", "text\nThe mast is high.\nThe pump is loud.\nThe dog is old.\n")
    run(store, counted)
    write("docs/a.csv", "text\nThe mast is high.\n")
    run(store, counted)
    assert [info.source for info in store.documents()] == ["docs/a.csv#1"]


def test_a_record_with_nan_does_not_stop_the_run(tmp_path, embedder):
    folder = tmp_path / "records"
    folder.mkdir()
    line = '{"text": "The gauge was broken on that day.", "level": NaN, "day": 3}\n'
    (folder / "log.jsonl").write_text(line, encoding="utf-8")
    store = EmbeddedStore(tmp_path / "c")
    report = index_paths([folder], store, embedder, Config(), leave_out=tmp_path / "home")
    meta = store.filter_documents()[0].meta
    store.close()
    assert not report.failures
    assert meta["day"] == 3
    assert meta["level"] == "nan"  # a word, not a number that no order holds for


# -- what cannot be read


def test_a_bad_file_never_stops_a_run_and_every_file_is_told_once(store, counted):
    write("docs/same.txt", "This one stays the same.")
    run(store, counted)
    write("docs/good.txt", "The pump runs on diesel.")
    write("docs/picture.png", "no picture")
    write("docs/empty.txt", "")
    write("docs/blank.md", " \n\t\n")
    write("docs/broken.json", "{")
    Path("docs/broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    Path("docs/broken.docx").write_bytes(b"PK\x03\x04 and then nothing")
    Path("docs/binary.txt").write_bytes(bytes(range(256)) * 20)
    if os.name == "posix":
        os.mkfifo("docs/pipe.txt")
    plan = plan_index(FileSearch([Path("docs")], Path("nowhere")), store)
    report = run(store, counted)
    told = [
        *(file.source for file in report.indexed),
        *(file.source for file in plan.unchanged),
        *report.skipped,
        *(failure.source for failure in report.failures),
        *(failure.source for failure in report.empty),
    ]
    assert sorted(told) == sorted(f"docs/{path.name}" for path in Path("docs").iterdir())
    assert [file.source for file in report.indexed] == ["docs/good.txt"]
    assert (report.unchanged, report.skipped) == (1, ["docs/picture.png"])
    assert all(failure.reason and "\n" not in failure.reason for failure in report.failures)
    listed = {failure.source for failure in (*report.failures, *report.empty)}
    assert {failure.source for failure in store.failures()} == listed


def test_a_changed_file_that_cannot_be_read_keeps_its_old_version(store, counted):
    write("docs/a.txt", "The pump runs on diesel.")
    first = run(store, counted)
    write("docs/a.txt", "")
    second = run(store, counted)
    (failure,) = second.failures
    assert failure.reason.endswith("; the version indexed before is kept")
    assert store.failures() == [failure]
    assert (second.indexed, second.generation) == ([], first.generation)
    assert texts(store) == ["The pump runs on diesel."]

    write("docs/a.txt", "The pump runs on sunlight.")
    assert run(store, counted).failures == [] == store.failures()
    assert texts(store) == ["The pump runs on sunlight."]


def test_a_new_file_that_cannot_be_read_has_no_old_version(store, counted):
    write("docs/a.txt", "The pump runs on diesel.")
    write("docs/b.json", "{")
    (failure,) = run(store, counted).failures
    assert "kept" not in failure.reason


def test_a_failure_goes_when_its_file_does(store, counted):
    write("docs/a.txt", "The pump runs on diesel.")
    write("docs/b.json", "{")
    write("docs/c.txt", "")
    assert len(run(store, counted).failures) == 1 == len(store.failures()) - 1
    Path("docs/b.json").unlink()
    Path("docs/c.txt").unlink()
    report = run(store, counted)
    assert store.failures() == [] and report.removed == []


def test_one_bad_record_is_listed_and_the_others_are_indexed(store, counted):
    write("docs/a.jsonl", '{"text": "The dog is old."}\nnot json\n{"text": "It barks."}\n')
    report = run(store, counted)
    assert len(report.indexed) == 1 and report.indexed[0].documents == 2
    (failure,) = report.failures
    assert failure.source == "docs/a.jsonl" and "line 2" in failure.reason


@posix
def test_files_of_any_name_are_indexed_and_removed_again(store, counted):
    write("docs/keep.txt", "This file always stays.")
    names = [b"bad\xff", b"new\nline", b"-rf", b"'\";--", b"a" * 251]
    paths = [Path(os.fsdecode(b"docs/" + name + b".txt")) for name in names]
    for path in paths:
        path.write_bytes(b"The pump runs on diesel.")
    assert run(store, counted).failures == []
    assert run(store, counted).unchanged == 1 + len(names) == len(content(store))
    for path in paths:
        path.unlink()
    assert len(run(store, counted).removed) == len(names)
    assert texts(store) == ["This file always stays."]


def test_an_empty_folder_keeps_what_was_indexed(store, counted):
    path = write("docs/a.txt", "The pump runs on diesel.")
    run(store, counted)
    path.unlink()
    with pytest.raises(SourceError, match="1 files indexed from it before are kept"):
        run(store, counted)
    assert texts(store) == ["The pump runs on diesel."]


# -- vectors


def test_vectors_are_those_of_the_embedder_with_title_and_headings_before_the_text(store, embedder):
    body = "The pump runs on diesel. " * 30
    write("docs/a.md", f"# Station\n\n{body}\n\n## Water\n\n{body}\n\n### Taps\n\n{body}\n")
    write("docs/b.txt", "The mast is twelve metres high.")
    run(store, embedder)
    passages = store.filter_documents()
    tokenizer = embedder.files.tokenizer
    asked = [embedded_text(passage, tokenizer, context=True) for passage in passages]
    assert any(text.startswith("Station > Water > Taps\n") for text in asked)
    expected = embedder.encode_passages(asked)
    vectors = np.array([passage.embedding for passage in passages], np.float32)
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(expected, axis=1)
    assert ((vectors * expected).sum(axis=1) / lengths > 0.9999).all()


def test_without_context_the_text_alone_is_embedded(store, counted):
    write("docs/a.md", "# Station\n\nThe pump runs on diesel.\n")
    run(store, counted, config=Config(chunking=ChunkingConfig(context=False)))
    assert counted.texts == [passage.content for passage in store.filter_documents()]


def test_other_settings_than_those_it_was_made_with_are_refused_by_name(store, counted):
    write("docs/a.txt", "The pump runs on diesel.")
    run(store, counted)
    write("docs/b.txt", "The mast is twelve metres high.")
    with pytest.raises(MismatchError, match=r"length of `192`.*asks for `100`.*chunking\.length"):
        run(store, counted, config=Config(chunking=ChunkingConfig(length=100)))
    assert len(content(store)) == 1
