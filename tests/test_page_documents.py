"""The page Documents as a script: what it shows of collections, and what it does to them."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from page_runs import checked, click, html, key, words
from payloads import PAYLOADS
from service_runs import ANNA, BERT, FILES, upload

from indexing.pipeline import index_paths, manifest_of
from rag.config import Config
from rag.schema import SearchOptions
from rag.stores.embedded.store import EmbeddedStore
from ui.words import all_words, words_in


def labels(app):
    return [each.label for each in app.button]


def toasts(app):
    return [each.value.replace("\\", "") for each in app.toast]


def test_without_a_collection_the_first_step_is_told_and_can_be_taken(make_services, open_page):
    app = open_page(make_services(), "documents")
    assert "Add your first documents" in html(app)
    assert app.code[0].value == "rag index PATH"
    app.file_uploader[0].upload("pump.txt", FILES[0][1], "text/plain")
    app = click(app, "Add to a new collection, default")
    assert app.query_params["collection"] == "default"
    assert "1 ready" in words(app)
    assert any(label.startswith("pump") for label in labels(app))


def test_facts_of_a_collection_are_those_of_its_store(services, open_page):
    app = open_page(services, "documents")
    info = services.library.collection(ANNA, "station")
    shown = words(app)
    for fact in ("all-MiniLM-L6-v2", "shared", str(info.generation)):
        assert fact in shown
    assert app.selectbox[0].value == "station"
    assert any(label.startswith("The dog") for label in labels(app))


def test_several_files_are_uploaded_and_each_says_what_became_of_it(services, open_page):
    app = open_page(services, "documents")
    for name, content in [
        ("kettle.txt", b"The kettle is blue."),
        ("empty.txt", b""),
        ("fake.pdf", b"hello"),
        ("pump.txt", FILES[0][1]),
        ("<img src=x onerror=alert(1)>.txt", b"A name is a name."),
    ]:
        app.file_uploader[0].upload(name, content, "text/plain")
    app = click(app, "Add to station")
    shown = html(app)
    assert "Done: 2 ready, 2 failed, 1 unchanged" in shown
    assert "the file is empty" in shown and "not that of a .pdf file" in shown
    assert "&lt;img" not in shown and "_img src=x onerror=alert(1)_.txt" in shown
    assert services.search(ANNA, "blue kettle", ["station"]).results[0].passage.source == (
        "kettle.txt"
    )
    for button in [each for each in app.button if each.label == "Dismiss"]:
        app = checked(button.click().run())
    assert "Done:" not in html(app)


def test_no_file_chosen_is_said(services, open_page):
    app = click(open_page(services, "documents"), "Add to station")
    assert "choose 1 to 50 files (got 0)" in toasts(app)[0]


def test_a_document_opens_in_place_with_its_passages(services, open_page):
    app = open_page(services, "documents")
    opener = next(each for each in app.button if each.label.startswith("The dog"))
    app = checked(opener.click().run())
    row = next(row for row in services.library.documents(ANNA, "station") if row.kind == "md")
    assert app.query_params["document"] == row.document_id
    assert "The dog of the station is called Juno" in html(app)
    assert "characters 0 to" in words(app)
    app = checked(key(app, "words_").set_value("unicorn").run())
    assert "No passage has these words." in words(app)
    app = checked(key(app, "words_").set_value("JUNO").run())
    assert '<b class="cw-term">Juno</b>' in html(app)


def test_the_list_is_sifted_by_name_and_type_and_has_pages(services, open_page):
    files = [(f"note {n:02}.txt", f"Note {n} is about hay.".encode()) for n in range(25)]
    upload(services, ANNA, "station", files)
    app = open_page(services, "documents")
    assert "1 to 20 of 27" in html(app)
    app = checked(key(app, "find_").set_value("NOTE 1").run())
    assert "1 to 10 of 10" in html(app)
    app = checked(key(app, "find_").set_value("").run())
    app = checked(key(app, "type_").set_value("md").run())
    assert "1 to 1 of 1" in html(app)
    app = checked(key(app, "find_").set_value("nowhere").run())
    assert "No document has these words" in words(app)


def test_a_document_in_the_address_is_shown_on_its_page_of_the_list(services, open_page):
    files = [(f"note {n:02}.txt", f"Note {n} is about hay.".encode()) for n in range(25)]
    upload(services, ANNA, "station", files)
    last = services.library.documents(ANNA, "station")[-1]
    app = open_page(services, "documents", collection="station", document=last.document_id)
    assert "21 to 27 of 27" in html(app)
    assert "Note 24 is about hay." in html(app)
    app = open_page(services, "documents", collection="station", document="<b>gone</b>")
    assert "not in this collection any more" in html(app) and "<b>gone" not in html(app)


def test_removing_takes_a_document_from_both_indexes(services, open_page):
    row = next(row for row in services.library.documents(ANNA, "station") if row.kind == "txt")
    app = open_page(services, "documents", collection="station", document=row.document_id)
    app = click(app, "Yes, remove it")
    assert "pump was removed." in toasts(app)
    assert not (services.library.uploads / "station" / "pump.txt").exists()
    for method in ("bm25", "dense"):
        found = services.search(
            ANNA, "diesel pump repaired", ["station"], SearchOptions(method=method)
        ).results
        assert all(hit.passage.source != "pump.txt" for hit in found), method


def test_what_the_command_line_indexed_is_there_and_the_file_stays_when_it_is_removed(
    services, open_page, embedder, tmp_path
):
    app = open_page(services, "documents")
    folder = tmp_path / "notes"
    folder.mkdir()
    folder.joinpath("by hand.txt").write_text("The hay was cut by hand.", encoding="utf-8")
    store = EmbeddedStore(services.library.uploads.parent / "collections" / "hay")
    index_paths([folder], store, embedder, Config(), leave_out=Path("nowhere"))
    store.close()
    app = checked(app.run())
    assert (app.selectbox[0].options, app.selectbox[0].value) == (["hay", "station"], "station")
    app = checked(app.selectbox[0].set_value("hay").run())
    assert app.query_params["collection"] == "hay" and "command line" in html(app)
    (row,) = services.library.documents(ANNA, "hay")
    app = open_page(services, "documents", collection="hay", document=row.document_id)
    assert "The file itself stays where it is." in words(app)
    click(app, "Yes, remove it")
    assert (folder / "by hand.txt").exists()
    assert services.library.documents(ANNA, "hay") == []


def test_a_collection_is_created_private_and_nobody_else_sees_it(services, open_page):
    app = open_page(services, "documents")
    key(app, "new_name").set_value("diary")
    app.checkbox[0].check()
    app = click(app, "Create")
    assert app.selectbox[0].value == "diary" and "private" in words(app)
    app = open_page(services, "documents", owner=BERT)
    assert app.selectbox[0].options == ["station"]
    app = open_page(services, "documents", owner=BERT, collection="diary")
    assert "The collection diary is not there any more" in html(app)
    assert app.selectbox[0].value == "station"


@pytest.mark.parametrize("name", ["../x", "", "<b>x</b>", "station"])
def test_a_name_that_cannot_be_used_is_refused_with_what_to_do(services, open_page, name):
    app = open_page(services, "documents")
    key(app, "new_name").set_value(name)
    app = click(app, "Create")
    assert "letter" in toasts(app)[0] or "taken" in toasts(app)[0]
    assert services.library.names(ANNA) == ["station"]


def test_a_collection_is_only_deleted_when_its_name_is_typed(services, open_page):
    app = open_page(services, "documents")
    key(app, "delete_name").set_value("statio")
    app = click(app, "Delete the collection")
    assert "nothing was deleted" in toasts(app)[0]
    key(app, "delete_name").set_value("station")
    app = click(app, "Delete the collection")
    assert "station was deleted." in toasts(app)
    assert services.library.names(ANNA) == [] and "Add your first documents" in html(app)


def test_a_collection_deleted_while_its_page_is_open_is_said(services, open_page):
    app = open_page(services, "documents", collection="station")
    services.library.delete(BERT, "station")
    app.file_uploader[0].upload("late.txt", b"Too late.", "text/plain")
    app = click(app, "Add to station")
    assert "there is no collection" in toasts(app)[0]
    assert "The collection station is not there any more" in html(app)


def test_failures_are_listed_with_their_reason_retried_and_forgotten(services, open_page):
    upload(services, ANNA, "station", [("bad.pdf", b"%PDF-1.7 broken"), ("b.pdf", b"%PDF-1.7 x")])
    app = open_page(services, "documents")
    assert app.expander[0].label == "Not indexed: 2" and "the PDF is damaged" in html(app)
    assert "Try all again" in labels(app)
    (services.library.uploads / "station" / "bad.pdf").unlink()
    app = checked(key(app, "failed_forget_0").click().run())
    assert app.expander[0].label == "Not indexed: 1"
    app = checked(key(app, "failed_retry_0").click().run())
    assert "1 failed" in words(app)
    app = click(app, "Look again at all files")
    assert "2 unchanged" in words(app)


def test_uploads_that_nothing_became_of_are_offered(services, open_page):
    left = services.library.uploads / "station" / "left.txt"
    left.write_text("Nothing became of it.", encoding="utf-8")
    app = open_page(services, "documents")
    assert "Uploaded, but not indexed: 1" in html(app) and "left.txt" in html(app)
    app = click(app, "Index them now")
    assert "Done: 1 ready" in html(app) and "not indexed" not in html(app)


def test_another_embedder_is_warned_of_with_what_to_do(services, open_page, embedder):
    folder = services.library.uploads.parent / "collections" / "foreign"
    store = EmbeddedStore(folder)
    with store.writer() as writer:
        writer.use(replace(manifest_of(embedder, Config()), embedder="bge-large", dimension=1024))
        writer.publish()
    store.close()
    shown = html(open_page(services, "documents", collection="foreign"))
    assert 'role="alert"' in shown and "bge-large" in shown
    assert "rag collections reembed foreign" in shown


def test_a_damaged_collection_says_so_and_can_be_deleted(services, open_page):
    folder = services.library.uploads.parent / "collections" / "broken"
    folder.mkdir()
    (folder / "journal.db").write_bytes(b"no database")
    app = open_page(services, "documents", collection="broken")
    assert 'role="alert"' in html(app) and "This collection cannot be asked" in html(app)
    key(app, "delete_name").set_value("broken")
    click(app, "Delete the collection")
    assert "broken" not in services.library.names(ANNA)


def test_hostile_names_and_titles_are_text(services, open_page):
    text = PAYLOADS["markdown image"] + PAYLOADS["html image"]
    body = f"# {PAYLOADS['script']}\n\nThe zorblax says {text}.\n".encode()
    upload(services, ANNA, "station", [("![x](javascript:alert(1)).md", body)])
    app = open_page(services, "documents")
    label = next(each for each in labels(app) if "javascript" in each)
    assert "![" not in label and "\\!\\[x" in label
    row = services.library.documents(ANNA, "station")[-1]
    app = open_page(services, "documents", collection="station", document=row.document_id)
    assert "&lt;img src=" in html(app) and "<img" not in html(app)


def test_the_page_speaks_chinese(services, open_page):
    app = open_page(services, "documents", language="zh")
    assert "添加到 station" in labels(app) and "文档集的内容" in html(app)
    english = {text for key_, (text, zh) in all_words().items() if text != zh}
    assert not english & {*labels(app), *(each.label for each in app.text_input)}


def test_every_text_has_both_languages_and_the_same_placeholders():
    for name, pair in all_words().items():
        fields = [set(re.findall(r"{(\w+)}", text)) for text in pair]
        assert all(pair) and fields[0] == fields[1], name
    with pytest.raises(KeyError):
        words_in("en")("documents.no such text")
