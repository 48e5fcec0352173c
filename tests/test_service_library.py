"""Collections and uploads: whose they are, what gets in, and what goes."""

import threading

import pytest
from service_runs import (
    ANNA,
    BERT,
    EMBEDDER,
    FILES,
    QUESTION,
    answer_end,
    index_end,
    stages,
    upload,
)

from indexing import documents
from rag.collections import open_store
from rag.config.ranker import RankerConfig
from rag.errors import CollectionError, LockedError, QuestionError
from rag.retrieval.ranking_depth import NO_QUESTION
from rag.schema import SearchOptions
from rag.stores.filters import parse_filter
from ui.services.errors import NotFoundError, UploadError
from ui.services.names import check_content, safe_name

PDF = b"%PDF-1.7 broken"


def document(services, name, owner=ANNA, collection="station"):
    rows = services.library.documents(owner, collection)
    return next(row for row in rows if row.source == name)


def test_what_was_uploaded_is_listed_under_its_own_name_and_found(services):
    rows = services.library.documents(ANNA, "station")
    assert [(row.source, row.kind, row.uploaded) for row in rows] == [
        ("pump.txt", "txt", True),
        ("dog.md", "md", True),
    ]
    found = services.search(BERT, "diesel pump", ["station"])
    best = found.results[0]
    assert best.passage.source == "pump.txt"
    text = best.passage.text
    assert text[slice(*best.answer)] == "The pump of the station runs on diesel."
    assert [text[start:end] for start, end in best.terms] == ["pump", "diesel"]


def test_a_private_collection_is_as_if_it_did_not_exist(services):
    services.library.create(ANNA, "secret", private=True)
    upload(services, ANNA, "secret", [("canary.txt", b"The canary code is 4711-zebra.")])
    key = document(services, "canary.txt", collection="secret").document_id
    (passage,) = services.library.passages(ANNA, "secret", key)
    library = services.library
    assert services.search(ANNA, "canary code", ["secret"]).results
    assert "secret" in library.names(ANNA) and "secret" not in library.names(BERT)
    assert "secret" not in [info.name for info in library.collections(BERT)]
    for attempt in (
        lambda: services.search(BERT, "canary", ["station", "secret"]),
        lambda: library.documents(BERT, "secret"),
        lambda: library.text(BERT, "secret", key),
        lambda: library.passages(BERT, "secret", key),
        lambda: library.neighbours(BERT, "secret", passage),
        lambda: library.file(BERT, "secret", key),
        lambda: library.failures(BERT, "secret"),
        lambda: library.remove(BERT, "secret", [key]),
        lambda: library.delete(BERT, "secret"),
        lambda: services.uploads.upload(BERT, "secret", FILES),
        lambda: services.uploads.update(BERT, "secret"),
    ):
        with pytest.raises(NotFoundError) as error:
            attempt()
        assert str(error.value) == "there is no collection `secret`."
    conversation = services.conversations.create(BERT, "secret")
    asked = services.answers.ask(BERT, conversation.id, "What is the canary code?")
    assert answer_end(services, BERT, asked).state == "failed"


def test_the_name_of_a_private_collection_is_taken_for_everybody(services):
    services.library.create(ANNA, "secret", private=True)
    with pytest.raises(CollectionError, match="is taken"):
        services.library.create(BERT, "secret")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 65, "a\nb", "..", "C:\\x"])
def test_a_collection_needs_a_name_that_can_be_a_folder(services, name):
    with pytest.raises(CollectionError, match="cannot be a collection's name"):
        services.library.create(ANNA, name)
    with pytest.raises(NotFoundError):
        services.library.documents(ANNA, name)


def test_the_same_name_again_replaces_and_the_same_content_costs_nothing(services):
    assert stages(upload(services, ANNA, "station", FILES[:1])) == {"pump.txt": "unchanged"}
    changed = upload(services, ANNA, "station", [("pump.txt", b"The pump now runs on wood gas.")])
    assert stages(changed) == {"pump.txt": "ready"}
    found = services.search(ANNA, "pump", ["station"]).results[0].passage.text
    assert found == "The pump now runs on wood gas."


def test_files_that_cannot_be_taken_say_why_and_the_others_are_indexed(make_services):
    services = make_services(max_upload_mb=1)
    services.library.create(ANNA, "station")
    end = upload(
        services,
        ANNA,
        "station",
        [
            ("good.txt", b"The kettle is blue."),
            ("empty.txt", b""),
            ("big.txt", b"x" * (2**20 + 1)),
            ("program.txt", b"\x7fELF\0\0"),
            ("fake.pdf", b"hello"),
            ("broken.pdf", PDF),
            ("tool.exe", b"MZ"),
            ("good.txt", b"twice"),
        ],
    )
    reasons = [(file.name, file.stage, (file.reason or "")[:25]) for file in end.files]
    assert reasons == [
        ("good.txt", "ready", ""),
        ("empty.txt", "failed", "the file is empty"),
        ("big.txt", "failed", "it has 1.0 MB, and the li"),
        ("program.txt", "failed", "the content is not that o"),
        ("fake.pdf", "failed", "the content is not that o"),
        ("broken.pdf", "failed", end.files[5].reason[:25]),
        ("tool.exe", "failed", "files of this type are no"),
        ("good.txt", "failed", "another file of this uplo"),
    ]
    (failure,) = services.library.failures(ANNA, "station")
    assert failure.source == "broken.pdf"
    again = services.uploads.update(ANNA, "station", [failure.path])
    assert stages(index_end(services, ANNA, again)) == {"broken.pdf": "failed"}


HOSTILE = [
    "../../evil.txt", "..\\..\\evil.txt", "/etc/evil.txt", "C:\\evil.txt", "a/b/../../evil.txt",
    "evil.txt/", "....//evil.txt", "%2e%2e%2fevil.txt", ".evil.txt", "CON.txt", "nul.md",
    "evil\0.txt", "evil\n.txt", "\u202eevil.txt", "e" * 300 + ".txt", "狗" * 200 + ".md",
    "evil .txt", "evil..txt", "-evil.txt", "~evil.txt", "$(id).txt", "`id`.txt", "a:b.txt",
    "\ud800.txt", "<script>.txt", "'.txt", "\".txt", "*?.txt", "|.txt",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_in_the_folder_of_uploads(tmp_path, name):
    safe = safe_name(name)
    (tmp_path / safe).write_bytes(b"x")
    assert [path.name for path in tmp_path.iterdir()] == [safe]
    assert len(safe.encode()) <= 150
    assert not set(safe) & set('/\\\0\n<>:"|?*\u202e') and not safe.startswith((".", " "))


@pytest.mark.parametrize("name", ["", "/", "..", ".txt", "   .txt", "evil", "a.TXT.exe", "\0"])
def test_a_name_of_nothing_or_of_another_type_is_refused(name):
    with pytest.raises(UploadError):
        safe_name(name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "gb18030", "latin-1"])
def test_text_in_any_encoding_is_text(encoding):
    check_content("a.txt", "Der Hund heißt Juno.\n".encode(encoding))


def test_removing_a_document_removes_it_from_both_indexes_and_the_upload(services):
    row = document(services, "pump.txt")
    services.engines.rag("station")  # opened before
    services.library.remove(ANNA, "station", [row.document_id])
    for method in ("bm25", "dense"):
        found = services.search(
            ANNA, "diesel pump", ["station"], SearchOptions(method=method)
        ).results
        assert "pump.txt" not in [hit.passage.source for hit in found]
    assert not (services.library.uploads / "station" / "pump.txt").exists()
    with pytest.raises(NotFoundError):
        services.library.remove(ANNA, "station", [row.document_id])


def test_a_document_of_the_command_line_stays_on_the_disk_when_it_is_removed(services, tmp_path):
    path = tmp_path / "cellar.txt"
    path.write_text("The cellar is cold.")
    index_from_disk(services, path)
    row = document(services, "cellar.txt")
    assert not row.uploaded
    services.library.remove(ANNA, "station", [row.document_id])
    assert path.exists()


def test_looking_again_takes_up_changes_and_keeps_what_is_gone(services, tmp_path):
    path = tmp_path / "cellar.txt"
    path.write_text("The cellar is cold.")
    index_from_disk(services, path)
    path.write_text("The cellar is warm.")
    (services.library.uploads / "station" / "dog.md").unlink()
    job = services.uploads.update(ANNA, "station")
    assert stages(index_end(services, ANNA, job)) == {
        "pump.txt": "unchanged",
        "dog.md": "failed",
        "cellar.txt": "ready",
    }
    assert len(services.library.documents(ANNA, "station")) == 3
    assert services.search(ANNA, "cellar warm", ["station"]).results[0].passage.source == (
        "cellar.txt"
    )


def test_a_deleted_collection_is_gone_and_its_name_is_free_again(services):
    services.search(ANNA, QUESTION, ["station"])
    services.library.delete(BERT, "station")  # shared: everybody may
    assert services.library.names(ANNA) == []
    assert not (services.library.uploads / "station").exists()
    services.library.create(ANNA, "station")
    upload(services, ANNA, "station", [("new.txt", b"The pump was sold.")])
    texts = [hit.passage.text for hit in services.search(ANNA, "pump", ["station"]).results]
    assert texts == ["The pump was sold."]  # not those of the collection before


def test_a_cancelled_upload_keeps_what_is_done(services, monkeypatch):
    monkeypatch.setattr(documents, "BATCH", 1)
    gate = threading.Event()
    real = services.engines._embedders[EMBEDDER].encode_passages

    def held(texts):
        gate.wait(10)
        return real(texts)

    monkeypatch.setattr(services.engines._embedders[EMBEDDER], "encode_passages", held)
    files = [(f"f{number}.txt", f"File number {number}.".encode()) for number in range(30)]
    job = services.uploads.upload(ANNA, "station", files)
    while "embedding" not in stages(services.uploads.wait(ANNA, job, 0, 1)).values():
        pass
    services.uploads.cancel(ANNA, job)
    gate.set()
    end = index_end(services, ANNA, job)
    assert end.state == "cancelled"
    done = [name for name, stage in stages(end).items() if stage == "ready"]
    assert 1 <= len(done) < 30
    assert {row.source for row in services.library.documents(ANNA, "station")} >= set(done)


def test_an_upload_while_another_process_writes_fails_in_words(services):
    with open_store("station", services.config).writer():
        end = upload(services, ANNA, "station", [("new.txt", b"New.")])
        with pytest.raises(LockedError):
            services.library.delete(ANNA, "station")
    assert end.state == "failed" and "locked" in end.error
    assert stages(end) == {"new.txt": "failed"}


def test_neighbours_are_the_passages_before_and_after(services):
    text = " ".join(
        f"Sentence number {number} of a long story about a glacier." for number in range(90)
    )
    upload(services, ANNA, "station", [("long.txt", text.encode())])
    key = document(services, "long.txt").document_id
    parts = services.library.passages(ANNA, "station", key)
    assert len(parts) > 2
    around = [services.library.neighbours(ANNA, "station", part) for part in parts]
    assert around[0] == (None, parts[1]) and around[-1] == (parts[-2], None)
    assert around[1] == (parts[0], parts[2])


def test_of_two_collections_the_first_of_each_come_first_and_the_likelier_answer_before(services):
    services.library.create(ANNA, "second")
    upload(services, ANNA, "second", [("pump2.txt", b"A second pump of diesel stands here."),
                                      ("x.txt", b"The pump is loud.")])  # fmt: skip
    for order in (["station", "second"], ["second", "station"]):
        found = services.search(ANNA, "What does the pump run on?", order)
        first = found.results[:2]
        assert [hit.passage.rank for hit in found.results] == [1, 2, 3, 4]
        assert {hit.collection for hit in first} == {"station", "second"}
        assert first[0].passage.source == "pump.txt"  # it answers, wherever it was looked for
        assert first[0].confidence > (first[1].confidence or 0)
        assert set(found.stages) == {"station", "second"}


def test_an_empty_collection_among_several_is_left_out_with_a_note(services):
    services.library.create(ANNA, "empty")
    found = services.search(ANNA, "diesel pump", ["empty", "station"])
    assert found.results[0].passage.source == "pump.txt"
    assert found.notes[0] == "`empty` was left out: it is empty, or not finished."
    with pytest.raises(CollectionError, match="not finished"):
        services.search(ANNA, "diesel pump", ["empty"])


def test_a_collection_without_a_field_of_the_filter_is_left_out_with_a_note(services):
    services.library.create(ANNA, "parts")
    upload(services, ANNA, "parts", [("parts.csv", b"name,page\nAlpha pump,3\nBeta pump,9\n")])
    options = SearchOptions("bm25", filters=parse_filter('name == "Beta pump" and page == 9'))
    found = services.search(ANNA, "pump", ["station", "parts"], options, read=False)
    assert [hit.passage.source for hit in found.results] == ["parts.csv#2"]
    assert found.notes == ("`station` was left out: the filter names a field that it has not.",)
    with pytest.raises(QuestionError, match="there is no field `name`"):
        services.search(ANNA, "pump", ["station"], options)


def test_a_column_named_as_a_passages_own_field_hides_no_document(services):
    services.library.create(ANNA, "ids")
    upload(services, ANNA, "ids", [("ids.csv", b"document_id,number\nx1,7\n")])
    (row,) = services.library.documents(ANNA, "ids")
    (passage,) = services.library.passages(ANNA, "ids", row.document_id)
    assert (passage.document_id, passage.source) == (row.document_id, "ids.csv#1")


def test_that_keywords_are_not_ranked_is_said_in_the_trace_alone(services, monkeypatch):
    ranks = services.engines.config.model_copy(update={"ranker": RankerConfig()})
    monkeypatch.setattr(services.engines, "config", ranks)
    found = services.search(ANNA, "diesel pump", ["station"])
    assert NO_QUESTION in [stage.note for stage in found.stages["station"]]
    assert found.notes == ()


def test_a_collection_made_with_another_embedder_is_listed_with_the_reason(services, monkeypatch):
    files = services.engines._embedders[EMBEDDER].files
    changed = type("Files", (), {**files.__dict__, "name": "other", "dimension": 768})
    monkeypatch.setattr(services.engines._embedders[EMBEDDER], "files", changed)
    (info,) = services.library.collections(ANNA)
    assert "was made with `all-MiniLM-L6-v2`" in info.problem


def test_a_damaged_collection_is_listed_and_can_be_deleted(services, home):
    (home / "collections" / "station" / "journal.db").write_bytes(b"no database" * 1000)
    (info,) = services.library.collections(ANNA)
    assert "damaged" in info.problem
    services.library.delete(ANNA, "station")
    assert services.library.collections(ANNA) == []


def index_from_disk(services, path):
    from indexing.pipeline import index_paths

    store = open_store("station", services.config)
    index_paths(
        [path],
        store,
        services.engines._embedders[EMBEDDER],
        services.config,
        leave_out=path.parent / "x",
    )
    store.close()
