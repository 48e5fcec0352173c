"""Servers, page and commands over a data folder on a disk that is full or read-only."""

import shutil
import tempfile

import pytest
from api_runs import client_of
from cli_runs import done, refused
from page_runs import checked, words
from service_runs import (
    ANNA,
    BERT,
    FILES,
    QUESTION,
    SlowGenerator,
    answer_end,
    opening,
    upload,
)
from small_collections import one_line

from rag.errors import StoreError, UnwritableError
from ui.commands import page as page_command
from ui.commands import servers
from ui.services import jobs, open_services
from ui.services.database import PeopleDatabase
from ui.services.errors import NotFoundError
from ui.services.owners import LOCAL

STATES = ("full", "read-only")
WHY = {"full": "No space left on device", "read-only": "Read-only file system"}


@pytest.fixture(scope="module")
def kept(embedder, tmp_path_factory):
    """A data folder with a shared and a private collection and a conversation."""
    home = tmp_path_factory.mktemp("kept") / "home"
    with pytest.MonkeyPatch.context() as patch, opening(embedder) as make:
        patch.setenv("RAG_HOME", str(home))
        services = make()
        services.library.create(LOCAL, "station")
        assert upload(services, LOCAL, "station").state == "done"
        services.library.create(ANNA, "diary", private=True)
        conversation = services.conversations.create(ANNA, "station")
        exchange = services.answers.ask(ANNA, conversation.id, QUESTION)
        assert answer_end(services, ANNA, exchange).state == "done"
    return home


@pytest.fixture
def disk(make_disk, kept, home, monkeypatch):
    """A disk of four megabytes with that data folder, which is the configured one."""
    made = make_disk("size=4m")
    shutil.copytree(kept, made.folder / home.name)
    monkeypatch.setenv("RAG_HOME", str(made.folder / home.name))
    return made


def close_off(disk, state):
    if state == "full":
        disk.fill()
    else:
        disk.set_read_only()


def give_back(disk, state):
    if state == "full":
        disk.free()
    else:
        disk.set_read_only(wanted=False)


@pytest.fixture(params=STATES)
def state(request):
    return request.param


# -- services


def test_what_was_kept_is_read_and_what_would_be_kept_is_refused(disk, state, make_services):
    close_off(disk, state)
    services = make_services()
    assert WHY[state] in services.limits()
    found = services.search(ANNA, QUESTION, ["station"])
    assert "diesel" in found.results[0].passage.text
    (conversation,) = services.conversations.recent(ANNA)
    (exchange,) = services.conversations.exchanges(ANNA, conversation.id)
    assert "diesel" in exchange.text
    changes = [
        lambda: services.conversations.create(ANNA, "station"),
        lambda: services.answers.ask(ANNA, conversation.id, QUESTION),
        lambda: services.conversations.rate(ANNA, exchange.id, 1),
        lambda: services.conversations.delete(ANNA, conversation.id),
        lambda: services.library.create(BERT, "new", private=True),
        lambda: services.library.create(BERT, "new"),
        lambda: services.uploads.upload(ANNA, "station", FILES),
    ]
    for change in changes:
        with pytest.raises(UnwritableError) as error:
            change()
        assert WHY[state] in one_line(error) or "disk is full" in str(error.value)
    assert services.conversations.exchanges(ANNA, conversation.id) == [exchange]
    assert services.library.names(BERT) == ["station"]


def test_private_collections_stay_private_where_nothing_can_be_written(disk, state, make_services):
    close_off(disk, state)
    services = make_services()
    assert services.library.names(ANNA) == ["diary", "station"]
    with pytest.raises(NotFoundError):
        services.library.documents(BERT, "diary")


def test_a_file_that_cannot_be_read_is_never_taken_for_an_empty_one(disk, monkeypatch):
    path = disk.folder / "home" / "people.db"
    path.write_bytes(b"")
    disk.fill()
    services = PeopleDatabase(path)  # empty indeed
    assert services.rows("SELECT name FROM collections") == []
    disk.free()
    services.close()
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match="cannot be"):
        PeopleDatabase(path)


def test_a_server_keeps_conversations_again_once_that_is_possible(disk, state, make_services):
    close_off(disk, state)
    services = make_services()
    with pytest.raises(UnwritableError):
        services.conversations.create(ANNA, "station")
    give_back(disk, state)
    assert services.limits() is None
    made = services.conversations.create(ANNA, "station")
    exchange = services.answers.ask(ANNA, made.id, QUESTION)
    assert answer_end(services, ANNA, exchange).state == "done"
    assert not services.database.is_read_only
    assert upload(services, LOCAL, "station", [("new.txt", b"A new text.")]).state == "done"
    services.close()
    assert {each.id for each in make_services().conversations.recent(ANNA)} > {made.id}


@pytest.mark.parametrize("left", [0, 4096, 8192, 20480, 40960])
def test_a_first_server_on_a_disk_with_little_space_starts(disk, make_services, left):
    (disk.folder / "home" / "people.db").unlink()
    disk.fill(left)
    services = make_services()
    assert services.conversations.recent(ANNA) == []
    assert "station" in services.library.names(BERT)
    with pytest.raises(UnwritableError):
        for _ in range(100):
            services.conversations.create(ANNA, "s" * 4000)
    disk.free()
    services.conversations.create(ANNA, "station")


def test_an_unfinished_answer_of_the_last_server_is_no_reason_not_to_start(disk, state):
    close_off(disk, state)
    open_services(page_command.load_config(None), recover=True).close()


def test_a_disk_that_fills_during_an_answer_does_not_end_it(disk, make_services, monkeypatch):
    monkeypatch.setattr(jobs, "SAVED_EVERY", 0.0)
    generator = SlowGenerator()
    services = make_services(generator)
    conversation = services.conversations.create(ANNA, "station")
    exchange = services.answers.ask(ANNA, conversation.id, QUESTION)
    generator.begun.wait()
    with pytest.raises(UnwritableError) as error:  # the log has no room left
        while True:
            disk.fill()
            services.conversations.add(ANNA, conversation.id, QUESTION * 40, {})
    one_line(error)
    generator.go.release(2)
    end = answer_end(services, ANNA, exchange)
    assert (end.state, "diesel" in end.text) == ("done", True)


# -- the API


def test_the_api_answers_and_says_what_it_cannot_keep(disk, state, make_services):
    close_off(disk, state)
    with client_of(make_services()) as client:
        asked = {"question": QUESTION, "collection": "station"}
        assert "diesel" in client.post("/v1/ask", json=asked).json()["answer"]
        found = client.post("/v1/search", json={"question": QUESTION, "collections": ["station"]})
        assert found.status_code == 200
        assert client.get("/ready").status_code == 200
        files = {"files": ("pump.txt", b"The pump of the station.")}
        refusals = [
            client.post("/v1/collections/station/documents", files=files),
            client.post("/v1/collections", json={"name": "new"}),
        ]
        for response in refusals:
            problem = response.json()["error"]
            assert (response.status_code, problem["code"]) == (507, "unwritable")
            assert "full or read-only" in problem["message"]
            assert str(disk.folder) not in problem["message"]
        deleted = client.delete("/v1/collections/station")
        assert deleted.status_code == (204 if state == "full" else 507)


def test_an_upload_that_finds_no_room_for_a_temporary_file_is_told_so(
    disk, make_services, monkeypatch
):
    services = make_services()
    disk.fill()
    monkeypatch.setattr(tempfile, "tempdir", str(disk.folder))
    with client_of(services) as client:
        files = {"files": ("pump.txt", b"The pump of the station. " * 100_000)}
        response = client.post("/v1/collections/station/documents", files=files)
    assert (response.status_code, response.json()["error"]["code"]) == (507, "unwritable")


# -- commands


@pytest.mark.usefixtures("models_once")
def test_commands_read_and_one_line_says_what_they_cannot_do(disk, state, rag, tmp_path):
    close_off(disk, state)
    found = done(rag("search", QUESTION, "--collection", "station", "--json"))
    assert "diesel" in found["results"][0]["text"]
    assert "diesel" in done(rag("ask", QUESTION, "--collection", "station", "--json"))["answer"]
    (tmp_path / "new.txt").write_text("A new text.")
    for name in ("station", "another"):
        indexed = rag("index", str(tmp_path / "new.txt"), "--collection", name)
        refused(indexed, str(disk.folder))
    assert "diesel" in done(rag("ask", QUESTION, "--collection", "station", "--json"))["answer"]
    status, out, _ = rag("doctor")
    (line,) = [line for line in out.splitlines() if "data folder" in line]
    assert status == 1
    assert f"read only, since it cannot be written ({WHY[state]})" in line
    listed = done(rag("collections", "list", "--json"))["collections"]
    assert [each["collection"] for each in listed] == ["diary", "station"]
    deleted = rag("collections", "delete", "station", "--yes")
    if state == "full":
        assert deleted[0] == 0
        assert disk.space() > 0
    else:
        refused(deleted, "Read-only file system")


def test_servers_say_at_start_what_they_cannot_do(disk, state, make_services, capsys):
    services = make_services()
    servers.tell_limits(services)
    assert capsys.readouterr().err == ""
    services.close()
    close_off(disk, state)
    servers.tell_limits(make_services())
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("Read only: ")
    assert WHY[state] in err


# -- the page


def test_the_page_opens_searches_and_says_what_it_cannot_keep(
    disk, state, make_services, open_page
):
    close_off(disk, state)
    services = make_services()
    app = open_page(services, "chat")
    assert "Read only" in words(app)
    checked(app.chat_input[0].set_value(QUESTION).run())
    assert "cannot be kept" in app.toast[0].value
    assert "diesel" in words(open_page(services, "search", q=QUESTION, collection="station"))
    open_page(services, "documents")
