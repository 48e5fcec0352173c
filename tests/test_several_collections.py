"""Several collections over the command line and the HTTP API."""

import shutil

import pytest
from api_runs import client_of, refused
from cli_runs import QUESTION, done
from cli_runs import refused as refused_by_command
from service_runs import QUESTION as OF_PUMPS
from service_runs import upload

from ui.services.owners import LOCAL


@pytest.fixture
def second(sample):
    """The sample once more, as the collection `second`."""
    return shutil.copytree(sample, sample.parent / "second")


BOTH = ("--collection", "default", "--collection", "second")


@pytest.mark.parametrize("named", [BOTH, ("--collection", "all")])
def test_a_search_of_several_collections_names_that_of_each_passage(rag, second, named):
    found = done(rag("search", QUESTION, *named, "--top-k", 2, "--no-rank", "--json"))
    assert found["collection"] == "default, second"
    assert [(each["collection"], each["copies"]) for each in found["results"]] == [
        ("default", 1), ("default", 1),
    ]  # fmt: skip
    names = [(each["name"], each.get("collection")) for each in found["trace"]["stages"]]
    assert names.count(("bm25", "second")) == 1
    assert [name for name, _ in names].count("embed") == 1


def test_the_collection_stands_before_the_source_where_several_were_asked(rag, second):
    status, out, err = rag("search", QUESTION, *BOTH, "--method", "bm25", "--top-k", 1)
    assert (status, out.startswith("1. default: ")) == (0, True)
    assert "bm25 of `default` " in err
    assert rag("ask", QUESTION, *BOTH)[1].count("] default: ") >= 1
    assert "default: " not in rag("search", QUESTION, "--method", "bm25", "--top-k", 1)[1]


def test_a_damaged_collection_among_others_is_said_and_the_others_answer(rag, second):
    (second / "journal.db").write_bytes(b"not a database" * 100)
    status, out, err = rag("search", QUESTION, *BOTH, "--method", "bm25", "--top-k", 1)
    assert (status, "glacier" in out) == (0, True)
    assert "`second` was left out: it cannot be read now.\n" in err


def test_a_name_that_does_not_exist_is_an_error_whatever_else_is_asked(rag, second):
    refused_by_command(
        rag("search", QUESTION, *BOTH, "--collection", "third"), "there is no collection `third`"
    )


@pytest.fixture
def two(station):
    """A client of an API with the collections `station` and `annex`."""
    services = station()
    services.library.create(LOCAL, "annex")
    upload(services, LOCAL, "annex", [("loud.txt", b"The pump of the annex runs on petrol.")])
    with client_of(services) as client:
        yield client


@pytest.mark.parametrize("named", [["annex", "station"], "all"])
def test_the_api_answers_from_several_collections_and_names_them(two, named):
    asked = {"question": OF_PUMPS, "collections": named}
    answer = two.post("/v1/ask", json=asked).json()
    assert {each["collection"] for each in answer["passages"]} == {"annex", "station"}
    for each in answer["citations"]:
        url = f"/v1/collections/{each['collection']}/documents/{each['document_id']}/text"
        assert two.get(url).json()["text"][each["start"] : each["end"]] == each["quote"]
    found = two.post("/v1/search", json=asked).json()
    assert set(found["stages"]) == {"annex", "station"}
    assert found["results"][0]["collection"] == "station"


def test_the_api_takes_one_collection_or_several_and_only_those_there_are(two):
    asked = {"question": OF_PUMPS, "collections": ["annex"]}
    refused(two.post("/v1/ask", json={**asked, "collection": "station"}), 422, "invalid")
    asked["collections"] = ["annex", "third"]
    refused(two.post("/v1/ask", json=asked), 404, "not_found")
    refused(two.post("/v1/ask", json={**asked, "collections": []}), 422, "invalid")


def test_all_collections_are_a_model_for_openai_s_clients(two):
    messages = [{"role": "user", "content": OF_PUMPS}]
    found = two.post("/v1/chat/completions", json={"model": "citewell/all", "messages": messages})
    assert found.json()["citations"][0]["collection"] == "station"
