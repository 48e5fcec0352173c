"""Sizes, rates and times: what is too much is refused in few words."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from api_runs import KEY, client_of, keyed, on_a_port, refused
from service_runs import QUESTION, SlowGenerator

from ui.api import documents, limits
from ui.api.limits import Rate, depth_of
from ui.services import uploads
from ui.services.errors import BusyError
from ui.services.owners import LOCAL
from ui.services.uploads import FileState, IndexSnapshot


def test_a_client_that_asks_too_often_is_told_when_to_come_back(make_services):
    with client_of(make_services(requests_per_minute=5)) as client:
        statuses = [client.get("/v1/collections").status_code for _ in range(7)]
        assert statuses == [200] * 5 + [429] * 2
        response = client.get("/v1/collections")
        refused(response, 429, "rate_limit_exceeded")
        assert 1 <= int(response.headers["retry-after"]) <= 13  # 60 s / 5 = 12 s for one more
        assert client.get("/health").status_code == 200  # who looks after the server may always


def test_a_client_that_watches_a_job_which_changes_often_never_asks_too_often(
    make_services, monkeypatch
):
    services = make_services(requests_per_minute=3)
    monkeypatch.setattr(documents, "PAUSE", 0.02)
    changing = IndexSnapshot("j", "station", 1, "running", (FileState("a.txt", "queued"),))
    job = uploads._IndexJob(LOCAL, changing, [], {})
    services.uploads._jobs["j"] = job
    versions = []

    def change():
        while len(versions) < 20:
            job.set_stage("a.txt", "reading")
        job.change(state="done")

    thread = threading.Thread(target=change)
    with client_of(services) as client:
        thread.start()
        state, version = "running", 1
        while state == "running":
            response = client.get(f"/v1/jobs/j?wait=10&seen={version}")
            assert response.status_code == 200, response.text
            state, version = response.json()["state"], response.json()["version"]
            versions.append(version)
        thread.join()
        assert versions == sorted(versions)
        again = [client.get(f"/v1/jobs/j?{how}").status_code for how in ("wait=10", "", "wait=10")]
    assert again == [200, 200, 429]  # whoever does not wait is counted


def test_a_watch_of_a_job_answers_after_a_pause_and_at_once_at_its_end(make_services):
    services = make_services()
    waits = []

    def wait(owner, job_id, seen, timeout):
        waits.append((seen, round(timeout, 1)))
        return IndexSnapshot("j", "station", 7, states.pop(0), ())

    services.uploads.wait = wait
    with client_of(services) as client:
        states = ["running", "running", "done", "running", "running"]
        assert client.get("/v1/jobs/j?wait=10&seen=3").json()["version"] == 7
        assert waits == [(3, 10.0), (documents.NEVER, documents.PAUSE)]
        client.get("/v1/jobs/j?wait=10&seen=7")
        assert waits[2:] == [(7, 10.0)]
        client.get("/v1/jobs/j?wait=0.5")
        assert waits[3:] == [(0, 0.5), (documents.NEVER, 0.5)]


def test_wrong_keys_are_counted_too(make_services):
    with client_of(keyed(make_services(requests_per_minute=3), KEY)) as client:
        statuses = [
            client.get("/v1/collections", headers={"X-API-Key": str(guess)}).status_code
            for guess in range(5)
        ]
        assert statuses == [401] * 3 + [429] * 2


def test_a_rate_fills_steadily_and_holds_one_minutes_requests():
    now = [0.0]
    rate = Rate(60, clock=lambda: now[0])
    assert [rate.wait("a") for _ in range(60)] == [0.0] * 60
    assert rate.wait("a") == pytest.approx(1.0)  # 60 a minute: one a second
    assert rate.wait("b") == 0.0
    now[0] += 0.25
    assert rate.wait("a") == pytest.approx(0.75)
    now[0] += 0.75
    assert rate.wait("a") == 0.0
    now[0] += 3600
    assert sum(rate.wait("a") == 0 for _ in range(100)) == 60


def test_a_rate_remembers_a_bounded_number_of_clients(monkeypatch):
    monkeypatch.setattr(limits, "CLIENTS", 10)
    rate = Rate(1)
    for number in range(100):
        assert rate.wait(str(number)) == 0.0
    assert len(rate._left) == 10


def test_an_ipv6_network_counts_as_one_client():
    def client(host):
        return limits._client({"client": (host, 1)})

    assert client("2001:db8::1") == client("2001:db8::ffff") != client("2001:db9::1")
    assert client("10.0.0.1") != client("10.0.0.2")


def nested(depth):
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"nonsense", 400),
        (b'{"question": "dog"} x', 400),
        (b"\xff\xfe{", 400),
        (b'{"question": "\xff"}', 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"dog"', 422),
        (b'{"question": NaN}', 422),
        (b'{"question": "dog", "budget": NaN}', 422),
        (b'{"question": "dog", "budget": 1e999}', 422),
        (b'{"question": "dog", "top_k": ' + b"9" * 5000 + b"}", 400),
        (b'{"question": "\\ud800 dog"}', 422),
        (b"[" * 100_000, 400),
        (
            b'{"question": "dog", "filters": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
            400,
        ),
        (b'{"question": "dog", "filters": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}", 422),
        (b'{"question": "' + b"x" * 2**20 + b'"}', 413),
    ],
)
def test_bodies_that_are_no_question_are_refused_in_few_words(kept, body, status):
    bare, started = kept("empty"), time.monotonic()
    response = bare.post("/v1/ask", content=body, headers={"content-type": "application/json"})
    assert response.status_code == status, response.text
    assert set(response.json()["error"]) == {"message", "type", "code", "param", "id"}
    assert len(response.content) < 600
    assert time.monotonic() - started < 5


def test_a_chat_may_be_longer_than_another_request(kept):
    station = kept("station")
    turns = [{"role": role, "content": "x" * 40_000} for role in ("user", "assistant")] * 20
    asked = {"model": "citewell/station", "messages": [*turns, {"role": "user", "content": "dog?"}]}
    assert station.post("/v1/chat/completions", json=asked).status_code == 200
    asked["messages"] = turns * 6 + asked["messages"]
    refused(station.post("/v1/chat/completions", json=asked), 413, "too_large")


def test_json_of_another_content_type_is_no_json(kept):
    bare = kept("empty")
    body = json.dumps({"question": "dog"}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        response = bare.post("/v1/ask", content=body, headers={"content-type": kind})
        refused(response, 422, "invalid")


def test_how_deep_json_is_counts_lists_and_objects():
    assert [depth_of(value) for value in (1, [], {"a": 1}, [[1], {"b": [2]}])] == [0, 1, 1, 3]


def test_a_request_that_does_not_arrive_is_given_up(make_services, monkeypatch):
    monkeypatch.setattr(limits, "IDLE_SECONDS", 0.2)
    head = b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with on_a_port(make_services()) as url:
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
            slow.sendall(head + b"Content-Length: 100\r\n\r\n{")
            assert slow.recv(1000).startswith(b"HTTP/1.1 408")


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(make_services):
    head = b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with on_a_port(make_services()) as url:
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(head + b"Content-Length: 10000000000\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 413")


def test_no_more_requests_are_served_at_once_than_are_set(make_services, monkeypatch):
    services = make_services(workers=1, queue=1)
    begun, go = threading.Semaphore(0), threading.Event()

    def wait(_owner):
        begun.release()
        go.wait(20)
        return []

    monkeypatch.setattr(services.library, "collections", wait)
    with client_of(services) as client, ThreadPoolExecutor(2) as pool:
        served = [pool.submit(client.get, "/v1/collections") for _ in range(2)]
        for _ in served:
            assert begun.acquire(timeout=10)
        response = client.get("/v1/collections")
        assert client.get("/health").status_code == 200
        go.set()
        refused(response, 503, "busy")
        assert [each.result().status_code for each in served] == [200, 200]
        assert client.get("/v1/collections").status_code == 200


def test_answers_outside_conversations_count_for_the_limit_of_all_answers(station):
    services = station(SlowGenerator(pieces=["never ending "] * 1000), workers=1, queue=1)
    asked = [services.answers.ask_outside(LOCAL, ["station"], QUESTION) for _ in range(2)]
    with pytest.raises(BusyError, match="2 questions are being answered"):
        services.answers.ask_outside(LOCAL, ["station"], QUESTION)
    for each in asked:
        services.answers.let_go(LOCAL, each)
