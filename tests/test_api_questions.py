"""Search and ask over HTTP: real store and embedder; the generator is scripted."""

import json
import threading
import time
from http.client import HTTPConnection

import httpx
import pytest
from api_runs import AwayGenerator, client_of, events_of, on_a_port, refused
from service_runs import QUESTION, SlowGenerator

from ui.api import questions

ASKED = {"question": QUESTION, "collection": "station"}


def check_citations(api, answer, collection="station"):
    assert answer["citations"]
    for citation in answer["citations"]:
        url = f"/v1/collections/{collection}/documents/{citation['document_id']}/text"
        text = api.get(url).json()["text"]
        assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_a_search_shows_passages_with_rank_and_score_of_every_stage(kept):
    api = kept("station")
    found = api.post("/v1/search", json={"question": QUESTION, "collections": ["station"]}).json()
    first = found["results"][0]
    assert "diesel" in first["passage"]["text"]
    assert set(first["passage"]["stages"]) == {"bm25", "dense", "fused"}
    assert first["answer"] is None
    assert [stage["name"] for stage in found["stages"]["station"]][:2] == ["bm25", "embed"]


def test_a_search_that_reads_marks_the_sentence_that_answers(kept):
    api = kept("station")
    asked = {"question": QUESTION, "collections": ["station"], "read": True}
    first = api.post("/v1/search", json=asked).json()["results"][0]
    start, end = first["answer"]
    assert first["passage"]["text"][start:end] == "The pump of the station runs on diesel."
    assert 0 < first["confidence"] <= 1


@pytest.mark.parametrize(
    "filters",
    ['format == "md"', {"field": "meta.format", "operator": "==", "value": "md"}],
)
def test_filters_restrict_a_search(kept, filters):
    api = kept("station")
    asked = {"question": QUESTION, "collections": ["station"], "filters": filters}
    found = api.post("/v1/search", json=asked).json()["results"]
    assert [hit["passage"]["source"] for hit in found] == ["dog.md"]


def test_an_answer_is_cited_exactly(kept):
    api = kept("station")
    answer = api.post("/v1/ask", json=ASKED).json()
    assert answer["answer"] == "The pump of the station runs on diesel. [1]"
    check_citations(api, answer)


def test_a_follow_up_takes_its_subject_from_the_history(kept):
    api = kept("station")
    history = [{"question": "What is the dog of the station called?", "answer": "Juno."}]
    asked = {"question": "And how old is it?", "collection": "station", "history": history}
    answer = api.post("/v1/ask", json=asked).json()
    assert answer["trace"]["stages"][0]["note"] == "carried over: dog station"
    assert answer["passages"][0]["source"] == "dog.md"


def test_of_a_long_conversation_the_newest_exchanges_are_read_and_the_trace_says_so(kept):
    old = [{"question": "What about the pump?", "answer": "x"}] * 400
    new = {"question": "What is the dog called?", "answer": "y" * 150_000}
    asked = {"question": "And how old is it?", "collection": "station", "history": [*old, new]}
    answer = kept("station").post("/v1/ask", json=asked).json()
    assert "nine years" in answer["answer"]
    stage = answer["trace"]["stages"][0]
    assert (stage["name"], stage["count"]) == ("history", 50)
    assert stage["note"] == "the oldest exchanges were left out: the last 50 are read"
    asked["history"] = [*old[:49], new]
    stages = kept("station").post("/v1/ask", json=asked).json()["trace"]["stages"]
    assert "history" not in {stage["name"] for stage in stages}


def test_what_the_documents_do_not_say_is_an_answer_that_abstains(kept):
    api = kept("station")
    asked = {"question": "What is the capital of Mongolia?", "collection": "station"}
    for least in (0, 1):
        response = api.post("/v1/ask", json=asked | {"min_relevance": least})
        assert response.status_code == 200
        answer = response.json()
        assert (answer["abstained"], answer["answer"], answer["citations"]) == (True, "", [])
        assert answer["passages"]  # the nearest are shown


def test_a_generator_that_is_away_leaves_quoted_evidence_and_says_so(station, caplog):
    with client_of(station(AwayGenerator())) as api:
        response = api.post("/v1/ask", json=ASKED)
        assert response.status_code == 200
        answer = response.json()
        assert answer["answer"] == "The pump of the station runs on diesel. [1]"
        assert answer["reason"] == "the generator failed, quoted from the passages"
        check_citations(api, answer)
        streamed = api.post("/v1/ask", json={**ASKED, "stream": True}).text
        assert "the generator failed" in streamed
        assert "127.0.0.1:9" not in response.text + streamed  # where our servers are
        assert "http://127.0.0.1:9/v1 cannot be reached" in caplog.text


def test_a_stream_brings_sources_then_tokens_then_the_checked_answer(station):
    generator = SlowGenerator()
    for _ in range(2):
        generator.go.release()
    with client_of(station(generator)) as api:
        response = api.post("/v1/ask", json={**ASKED, "stream": True})
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        events = events_of(response.text.split("\n"))
        names = [name for name, _, _ in events]
        assert (names[0], names[-1]) == ("sources", "answer")
        assert len({number for _, number, _ in events}) == len(events)
        written = "".join(data["text"] for name, _, data in events if name == "token")
        assert "The pump runs on diesel [1].".startswith(written)
        assert events[-1][2]["answer"] == "The pump runs on diesel. [1]"
        check_citations(api, events[-1][2])


def test_a_stream_is_alive_while_nothing_comes_and_each_piece_comes_at_once(station, monkeypatch):
    monkeypatch.setattr(questions, "HEARTBEAT_SECONDS", 0.05)
    generator = SlowGenerator()
    asked = {**ASKED, "stream": True}
    with (
        on_a_port(station(generator)) as url,
        httpx.stream("POST", f"{url}/v1/ask", json=asked) as response,
    ):
        lines = response.iter_lines()
        seen = []
        while ": alive" not in seen or "event: token" not in seen:
            seen.append(next(lines))
        assert "event: answer" not in seen
        for _ in range(2):
            generator.go.release()
        assert "event: answer" in list(lines)


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_stops_the_generator(station, stream):
    generator = SlowGenerator(pieces=["never ending "] * 1000)
    services = station(generator)
    before = threading.active_count()
    with on_a_port(services) as url:
        client = HTTPConnection(url.removeprefix("http://"), timeout=10)
        body = json.dumps({**ASKED, "stream": stream})
        client.request("POST", "/v1/ask", body, {"Content-Type": "application/json"})
        assert generator.begun.wait(10)
        client.close()
        job = next(iter(services.answers._jobs.values()))
        assert job.stop.wait(10)
        deadline = time.monotonic() + 10
        while job.ended is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert job.ended is not None
        assert httpx.get(f"{url}/health").json() == {"status": "ok"}  # and it goes on
    assert threading.active_count() <= before + 1 + services.config.server.workers


def test_an_error_in_a_stream_is_an_event(station, monkeypatch):
    services = station()
    monkeypatch.setattr(services.engines, "rag", lambda name: 1 / 0)
    with client_of(services) as api:
        response = api.post("/v1/ask", json={**ASKED, "stream": True})
        name, _, error = events_of(response.text.split("\n"))[-1]
        assert (name, error["code"]) == ("error", "internal")
        assert "division" not in response.text
        assert "something went wrong on the server (error " in error["message"]
        refused(api.post("/v1/ask", json=ASKED), 500, "internal")


def test_twenty_answers_at_once_are_all_given_or_put_off(station):
    with on_a_port(station(workers=2, queue=8)) as url:
        responses = [None] * 20

        def ask(place):
            responses[place] = httpx.post(f"{url}/v1/ask", json=ASKED, timeout=120)

        threads = [threading.Thread(target=ask, args=(place,)) for place in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    done = [response for response in responses if response.status_code == 200]
    put_off = [response for response in responses if response.status_code == 503]
    assert len(done) + len(put_off) == 20
    assert len(done) >= 10  # two at work and eight in the queue
    assert {response.json()["answer"] for response in done} == {
        "The pump of the station runs on diesel. [1]"
    }
    for response in put_off:
        refused(response, 503, "busy")
        assert int(response.headers["retry-after"]) >= 1


def test_answers_are_not_stored_and_not_kept_in_memory(station):
    services = station()
    with client_of(services) as api:
        for _ in range(3):
            assert api.post("/v1/ask", json=ASKED).status_code == 200
        assert len(services.answers._jobs) <= 1  # the last one, until the next is asked
        assert services.database.rows("SELECT * FROM exchanges") == []


@pytest.mark.parametrize(
    ("path", "asked", "part"),
    [
        ("/v1/ask", {"question": "x" * 1_000_001, "collection": "station"}, "1000000 characters"),
        (
            "/v1/ask",
            {"question": "x" * 200_001, "collection": "station"},
            "at most 200,000 are read",
        ),
        ("/v1/ask", {"question": " ", "collection": "station"}, "the question is empty"),
        ("/v1/ask", {"question": "", "collection": "station"}, "question: "),
        ("/v1/ask", {"question": None}, "question: "),
        ("/v1/ask", {"collection": "station"}, "question: Field required"),
        ("/v1/ask", {"question": "dog", "top_k": 10**9}, "top_k: "),
        ("/v1/ask", {"question": "dog", "top_k": 0}, "top_k: "),
        ("/v1/ask", {"question": "dog", "temprature": 1}, "temprature: unknown field"),
        ("/v1/ask", {"question": "dog", "method": "fts"}, "method: "),
        ("/v1/ask", {"question": "dog", "budget": -1}, "budget: "),
        ("/v1/ask", {"question": "dog", "history": [{"answer": "x"}]}, "history.0.question: "),
        ("/v1/ask", {"question": "dog", "filters": "import os"}, "filters: the filter"),
        ("/v1/search", {"question": "dog", "top_k": 10**9}, "top_k: "),
        ("/v1/search", {"question": "dog", "top_k": 1000, "read": True}, "at most 100"),
        ("/v1/search", {"question": "dog", "collections": []}, "collections"),
        ("/v1/search", {"question": "dog", "collections": ["x"] * 100}, "collections"),
    ],
)
def test_bad_questions_are_refused_with_the_field_and_what_was_expected(kept, path, asked, part):
    response = kept("station").post(path, json=asked)
    assert response.status_code == 422
    assert part in response.json()["error"]["message"]
    assert len(response.content) < 1000


FILTERS = [
    {"field": "meta.x", "operator": "==", "value": 10**400},
    {"field": "meta.x", "operator": "==", "value": [[{}]]},
    {"field": "meta.x'\"\0", "operator": "==", "value": "\0'; DROP TABLE passages"},
    {"operator": "AND"},
    {"operator": ["AND"], "conditions": {}},
    {"field": 1, "operator": "==", "value": 1},
]


def test_strange_filters_are_values_or_refused(kept):
    api = kept("station")
    for filters in FILTERS:
        asked = {"question": "dog", "collections": ["station"], "filters": filters}
        response = api.post("/v1/search", json=asked)
        assert response.status_code in (200, 422), response.text


def test_a_question_of_common_words_alone_is_refused_by_bm25(kept):
    api = kept("station")
    asked = {"question": "what", "collection": "station", "method": "bm25"}
    assert "only common words" in refused(api.post("/v1/ask", json=asked), 422, "question")


def test_a_collection_that_is_not_there_or_holds_nothing_is_told_apart_without_names(api):
    asked = {**ASKED, "collection": "nothing"}
    message = refused(api.post("/v1/ask", json=asked), 404, "not_found")
    assert message == "there is no collection `nothing`."
    api.post("/v1/collections", json={"name": "empty"})
    message = refused(api.post("/v1/ask", json={**ASKED, "collection": "empty"}), 409, "collection")
    assert "nothing was indexed" in message
    assert "station" not in message


def test_a_collection_deleted_in_the_middle_is_gone(station):
    services = station()
    with client_of(services) as api:
        assert api.post("/v1/ask", json=ASKED).status_code == 200
        assert api.delete("/v1/collections/station").status_code == 204
        refused(api.post("/v1/ask", json=ASKED), 404, "not_found")
        refused(api.post("/v1/search", json={"question": "x", "collections": ["station"]}),
                404, "not_found")  # fmt: skip


def test_a_damaged_store_is_an_error_with_an_id_and_without_paths(station, home, caplog):
    services = station()
    services.engines.drop("station")
    journal = home / "collections" / "station" / "journal.db"
    journal.write_bytes(b"not a database" * 1000)
    with client_of(services) as api:
        for path, body in (
            ("/v1/ask", ASKED),
            ("/v1/search", {"question": "x", "collections": ["station"]}),
        ):
            response = api.post(path, json=body)
            message = refused(response, 503, "store")
            assert str(home) not in response.text
            number = response.json()["error"]["id"]
            assert number in message
            assert number in caplog.text
        shown = api.get("/v1/collections/station").json()
        assert shown["usable"] is False
        refused(api.get("/v1/collections/station/documents"), 503, "store")


def test_what_takes_too_long_is_given_up(station, monkeypatch):
    services = station(answer_seconds=0.1)
    release = threading.Event()
    monkeypatch.setattr(services.engines, "search", lambda *_, **__: release.wait(20))
    with client_of(services) as api:
        asked = {"question": "x", "collections": ["station"]}
        refused(api.post("/v1/search", json=asked), 504, "timeout")
        release.set()


def test_to_rank_without_a_ranker_is_refused_and_not_to_rank_is_not(kept):
    api = kept("station")
    for path in ("/v1/search", "/v1/ask"):
        where = {"collections": ["station"]} if path.endswith("search") else {}
        asked = {"question": QUESTION, **(where or {"collection": "station"})}
        response = api.post(path, json={**asked, "rank": True})
        assert 400 <= response.status_code < 500, response.text
        assert "no ranker is configured" in response.text
        assert api.post(path, json={**asked, "rank": False}).status_code == 200
