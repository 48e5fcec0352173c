"""Runs found, read and compared; and what can be done about files that failed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from made_results import build_results
from service_runs import ANNA, BERT, FILES, index_end, stages, upload

from evaluation.results.comparison import compare_runs
from evaluation.results.schema import from_json, to_json
from evaluation.run.run_files import write_file
from rag.collections import open_store
from rag.errors import DatasetError
from ui.services.errors import NotFoundError, UploadError
from ui.services.runs import Runs


@pytest.fixture(scope="module")
def made():
    return build_results(names=("bm25", "hybrid"), n=30)


def put(folder, results):
    write_file(folder / "results.json", to_json(results))


def test_runs_are_found_below_all_folders_the_last_changed_first(tmp_path, made):
    put(tmp_path / "runs" / "first", made)
    put(tmp_path / "runs" / "deep" / "er", made)
    put(tmp_path / "home" / "second", made)
    put(tmp_path / "elsewhere" / "hidden", made)
    (tmp_path / "runs" / "no run").mkdir()
    runs = Runs([tmp_path / "runs", tmp_path / "home", tmp_path / "runs", tmp_path / "missing"])
    found = runs.list()
    assert [info.name for info in found] == ["second", "deep/er", "first"]
    assert {(info.dataset, info.questions, info.problem) for info in found} == {
        ("subjqa-electronics", 30, None)
    }
    assert len({info.run_id for info in found}) == 3
    assert runs.results(found[0].run_id).systems == made.systems


def test_a_name_that_is_not_in_the_list_is_never_a_path(tmp_path, made):
    put(tmp_path / "runs" / "one", made)
    put(tmp_path / "secret", made)
    runs = Runs([tmp_path / "runs"])
    for name in ("", "one", "../secret", str(tmp_path / "secret"), "0" * 12, "\0"):
        for read in (runs.results, runs.report, runs.markdown):
            with pytest.raises(NotFoundError):
                read(name)
        with pytest.raises(NotFoundError):
            runs.comparison(runs.list()[0].run_id, name)


def test_links_to_folders_elsewhere_are_not_followed(tmp_path, made):
    put(tmp_path / "elsewhere" / "one", made)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "elsewhere")
    assert Runs([tmp_path / "runs"]).list() == []


def test_damaged_and_newer_runs_are_listed_with_the_reason(tmp_path, made):
    text = to_json(made)
    bad = {
        "cut": text[: len(text) // 2],
        "newer": text.replace('"schema_version": 1', '"schema_version": 2', 1),
        "other": "[1, 2]",
        "empty": "",
        "bytes": "\x00\x01",
    }
    for name, content in bad.items():
        write_file(tmp_path / name / "results.json", content)
    found = {info.name: info for info in Runs([tmp_path]).list()}
    assert "cut off or damaged" in found["cut"].problem
    assert found["cut"].dataset == "subjqa-electronics"
    assert "schema version 2; this citewell reads 1" in found["newer"].problem
    for name in ("other", "empty", "bytes"):
        assert "not the result of a run" in found[name].problem


def test_damage_inside_is_said_when_the_run_is_opened_without_what_stands_there(tmp_path, made):
    content = json.loads(to_json(made))
    content["systems"][0]["passages"] = "a secret of many characters"
    write_file(tmp_path / "one" / "results.json", json.dumps(content))
    runs = Runs([tmp_path])
    (info,) = runs.list()
    with pytest.raises(DatasetError, match=r"systems\.0\.passages: ") as error:
        runs.results(info.run_id)
    assert "secret" not in str(error.value)


def test_a_run_that_changes_is_read_again_and_one_that_goes_is_gone(tmp_path, made):
    put(tmp_path / "one", made)
    runs = Runs([tmp_path])
    (info,) = runs.list()
    assert runs.results(info.run_id).seed == made.seed
    put(tmp_path / "one", replace(made, seed=123456))
    assert runs.results(info.run_id).seed == 123456
    (tmp_path / "one" / "results.json").unlink()
    assert runs.list() == []
    with pytest.raises(NotFoundError):
        runs.results(info.run_id)


def test_two_runs_are_compared_as_on_the_command_line(tmp_path, made):
    other = build_results(names=("hybrid", "bm25"), n=30)
    put(tmp_path / "a", made)
    put(tmp_path / "b", other)
    put(tmp_path / "c", replace(made, dataset=replace(made.dataset, questions_sha256="0" * 64)))
    runs = Runs([tmp_path])
    ids = {info.name: info.run_id for info in runs.list()}
    assert runs.comparison(ids["a"], ids["b"]) == compare_runs(made, other)
    assert runs.comparison(ids["a"], ids["b"]) is runs.comparison(ids["a"], ids["b"])
    with pytest.raises(DatasetError, match="different questions"):
        runs.comparison(ids["a"], ids["c"])


def test_the_report_is_written_from_the_run_whatever_lies_beside_it(tmp_path, made):
    put(tmp_path / "one", made)
    write_file(tmp_path / "one" / "report.html", "<script>alert(1)</script>")
    runs = Runs([tmp_path])
    (info,) = runs.list()
    assert "alert(1)" not in runs.report(info.run_id)
    assert "subjqa-electronics" in runs.report(info.run_id)
    assert runs.markdown(info.run_id).startswith("# subjqa-electronics")
    assert from_json(to_json(runs.results(info.run_id))) == replace(made, environment={})


# -- files that failed


def test_what_failed_and_was_left_can_be_tried_again(services):
    end = upload(services, ANNA, "station", [("bad.pdf", b"%PDF-1.7 broken"), ("fake.pdf", b"x")])
    assert [file.can_retry for file in end.files] == [True, False]
    path = services.library.uploads / "station" / "bad.pdf"
    path.rename(path.with_suffix(".away"))
    (services.library.uploads / "station" / "bad.pdf").write_bytes(b"%PDF-1.7 broken still")
    again = index_end(services, ANNA, services.uploads.retry(ANNA, end.job_id))
    assert stages(again) == {"bad.pdf": "failed"}
    with pytest.raises(NotFoundError):
        services.uploads.retry(BERT, end.job_id)
    well = upload(services, ANNA, "station", [("well.txt", b"The well is deep.")])
    with pytest.raises(UploadError, match="upload it once more"):
        services.uploads.retry(ANNA, well.job_id)


def test_a_retry_needs_the_collection_to_be_there(services):
    end = upload(services, ANNA, "station", [("bad.pdf", b"%PDF-1.7 broken")])
    services.library.delete(ANNA, "station")
    with pytest.raises(NotFoundError):
        services.uploads.retry(ANNA, end.job_id)


def test_a_failed_upload_can_be_forgotten_with_its_file(services):
    upload(services, ANNA, "station", [("bad.pdf", b"%PDF-1.7 broken")])
    (failure,) = services.library.failures(ANNA, "station")
    pump = next(row for row in services.library.documents(ANNA, "station") if row.kind == "txt")
    with pytest.raises(NotFoundError):
        services.library.forget(ANNA, "station", [pump.path])
    services.library.forget(ANNA, "station", [failure.path])
    assert services.library.failures(ANNA, "station") == []
    assert not (services.library.uploads / "station" / "bad.pdf").exists()
    assert len(services.library.documents(ANNA, "station")) == 2


def test_forgetting_keeps_the_version_that_is_indexed(services):
    upload(services, ANNA, "station", [("dog.md", b"\xff\xfe\x00")])
    (failure,) = services.library.failures(ANNA, "station")
    services.library.forget(ANNA, "station", [failure.path])
    assert (services.library.uploads / "station" / "dog.md").exists()
    assert len(services.library.documents(ANNA, "station")) == 2


def test_what_a_restart_cut_off_is_not_lost(make_services):
    before = make_services()
    before.library.create(ANNA, "station")
    before.uploads.close()  # as at the end of the process: what waits is never begun
    before.uploads._pool = Never()
    before.uploads.upload(ANNA, "station", FILES)
    assert before.uploads.left_over(ANNA, "station") == []  # it waits for its turn
    after = make_services()
    assert [Path(path).name for path in after.uploads.left_over(ANNA, "station")] == [
        "dog.md",
        "pump.txt",
    ]
    end = index_end(after, ANNA, after.uploads.update(ANNA, "station"))
    assert stages(end) == {"dog.md": "ready", "pump.txt": "ready"}
    assert after.uploads.left_over(ANNA, "station") == []


def test_what_was_cut_off_can_be_discarded(make_services):
    services = make_services()
    services.library.create(ANNA, "mine", private=True)
    left = services.library.uploads / "mine" / "left.txt"
    left.parent.mkdir(parents=True)
    left.write_text("Nothing became of it.")
    with pytest.raises(NotFoundError):
        services.uploads.discard(BERT, "mine")
    services.uploads.discard(ANNA, "mine")
    assert not left.exists()


class Never:
    """A pool that begins nothing."""

    def submit(self, *_):
        pass

    def shutdown(self, **_):
        pass


def test_a_collection_tells_what_it_is_like_to_those_who_may_know(services):
    info = services.library.collection(BERT, "station")
    assert (info.documents, info.passages, info.problem) == (2, 2, None)
    assert info.embedder == open_store("station", services.config).manifest.embedder
    services.library.create(ANNA, "mine", private=True)
    assert services.library.collection(ANNA, "mine").documents == 0
    with pytest.raises(NotFoundError):
        services.library.collection(BERT, "mine")
