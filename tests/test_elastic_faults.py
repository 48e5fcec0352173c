"""Faults between us and a cluster, injected by a fake one: rows 8 to 15 of the matrix."""

import logging
import socket
import time

import pytest
from elasticsearch_server import settings_for
from fake_cluster import CutError, FakeCluster, error

from rag.config.elasticsearch import ElasticsearchConfig
from rag.errors import StoreError, UnavailableError
from rag.stores.elasticsearch import bulk
from rag.stores.elasticsearch import client as elastic_client
from rag.stores.elasticsearch.bulk import RowChange, send
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.scanning import note_of
from rag.stores.elasticsearch.store import ElasticsearchStore


@pytest.fixture
def fake():
    with FakeCluster().running() as made:
        yield made


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    for module in (elastic_client, bulk):
        monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)


def a_cluster(fake, **options):
    return Cluster(ElasticsearchConfig(url=fake.url, **{"patience": 5, "timeout": 2, **options}))


def rows(count):
    return {f"r{number}": RowChange({"kind": "passage", "n": number}) for number in range(count)}


def put(fake, changes, **options):
    cluster = a_cluster(fake, **options)
    try:
        return send(cluster, "c", changes, dense="elasticsearch")
    finally:
        cluster.close()


def one_line(caught):
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    return message


# -- bulk: each change has its own outcome


def test_only_the_changes_that_failed_are_sent_again(fake):
    faults = {"r1": (429, "es_rejected_execution_exception"), "r3": (503, "unavailable")}
    fake.item = lambda name, times: faults.get(name) if times < 3 else None
    assert put(fake, rows(5)) == {}
    assert fake.sent == [["r0", "r1", "r2", "r3", "r4"], ["r1", "r3"], ["r1", "r3"]]
    assert fake.rows.keys() == {f"r{n}" for n in range(5)}


def test_mixed_outcomes_are_told_one_by_one(fake):
    faults = {
        "r0": (400, "document_parsing_exception"),
        "r2": (409, "version_conflict_engine_exception"),
    }
    fake.item = lambda name, times: (
        faults.get(name) or ((429, "busy") if (name, times) == ("r4", 1) else None)
    )
    assert put(fake, rows(6)) == {
        "r0": "document_parsing_exception!",
        "r2": "version_conflict_engine_exception!",
    }
    assert fake.rows.keys() == {"r1", "r3", "r4", "r5"}
    assert fake.sent[1:] == [["r4"]]


def test_a_cluster_that_never_takes_a_row_is_given_up_in_time(fake, caplog):
    fake.item = lambda name, times: (429, "busy") if name == "r1" else None
    start = time.monotonic()
    with caplog.at_level(logging.WARNING), pytest.raises(UnavailableError) as caught:
        put(fake, rows(3), patience=0.6)
    assert time.monotonic() - start < 1.5
    assert "does not take 1 of 3 rows: busy!" in one_line(caught)
    assert "1 of 3 rows were not taken: busy!. Trying again." in caplog.text  # it is seen
    assert fake.times["r0"] == 1
    assert fake.times["r1"] > 2


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_refused_request_is_sent_again_after_a_while(fake, status):
    answers = iter([error(status), error(status)])
    fake.fault = lambda method, path, body: next(answers, None)
    assert put(fake, rows(3)) == {}
    assert fake.sent == [["r0", "r1", "r2"]]
    assert len(fake.requests) == 3


def test_requests_refused_for_ever_are_given_up_in_time(fake):
    fake.fault = lambda method, path, body: error(503, "overloaded", "too busy")
    start = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        put(fake, rows(3), patience=0.5)
    assert time.monotonic() - start < 1.5
    assert "is overloaded or incomplete (503): too busy" in one_line(caught)
    assert 3 <= len(fake.requests) <= 15  # it waits longer each time


def test_pauses_grow_and_are_not_all_the_same(fake, monkeypatch):
    pauses = []
    monkeypatch.setattr(elastic_client.time, "sleep", pauses.append)
    fake.fault = lambda method, path, body: error(429) if len(pauses) < 6 else None
    assert put(fake, rows(1), patience=60) == {}
    assert len(pauses) == 6
    assert all(0.5 <= pause / (0.01 * 2**n) <= 1.5 for n, pause in enumerate(pauses))
    assert len({round(pause / 2**n, 6) for n, pause in enumerate(pauses)}) > 1


@pytest.mark.parametrize("fault", ["cut", "slow"])
def test_an_answer_that_is_lost_after_the_change_changes_nothing(fake, fault):
    lost = iter([True, True] if fault == "cut" else [True])

    def lose():
        if next(lost, False):
            if fault == "cut":
                raise CutError
            time.sleep(1)

    fake.after_apply = lose
    assert put(fake, rows(4), patience=1.6) == {}
    assert fake.rows.keys() == {"r0", "r1", "r2", "r3"}
    assert [row["n"] for row in fake.rows.values()] == [0, 1, 2, 3]
    assert all(times >= 2 for times in fake.times.values())


def test_a_deletion_that_fails_is_tried_again_and_one_that_is_refused_is_told(fake):
    put(fake, rows(4))
    gone = {name: RowChange(None) for name in ("r0", "r1", "r2", "unknown")}
    fake.item = lambda name, times: {
        "r1": (429, "busy") if times == 2 else None,
        "r2": (400, "refused"),
    }.get(name)
    assert put(fake, gone) == {"r2": "refused!"}
    assert fake.rows.keys() == {"r2", "r3"}


def test_a_row_that_is_too_large_is_refused_by_itself(fake, monkeypatch):
    monkeypatch.setattr(bulk, "MOST_BYTES", 100)
    changes = rows(3) | {"big": RowChange({"kind": "document", "body": "x" * 5000})}
    fake.fault = lambda method, path, body: error(413) if len(body) > 1000 else None
    assert put(fake, changes) == {"big": "it is too large for the cluster"}
    assert fake.rows.keys() == {"r0", "r1", "r2"}


def test_large_batches_are_sent_in_parts(fake):
    assert put(fake, rows(1200)) == {}
    assert [len(part) for part in fake.sent] == [500, 500, 200]


@pytest.mark.parametrize(
    ("kind", "status", "message"),
    [
        ("cluster_block_exception", 429, "the index is read-only: cluster_block_exception!"),
        ("cluster_block_exception", 403, "the index is read-only: cluster_block_exception!"),
        ("index_not_found_exception", 404, "the collection's index is gone"),
    ],
)
def test_what_concerns_all_rows_is_one_error(fake, kind, status, message):
    fake.item = lambda name, times: (status, kind)
    with pytest.raises(StoreError) as caught:
        put(fake, rows(3))
    assert message in one_line(caught)
    assert len(fake.sent) == 1


# -- reading


def test_no_server_is_one_line_at_once():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    start = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        ElasticsearchStore("c", settings=settings_for(url, prefix="t"))
    assert time.monotonic() - start < 2
    assert f"the cluster at `{url}` cannot be reached" in one_line(caught)
    assert "store.elasticsearch.url" in one_line(caught)


def test_a_server_that_hangs_costs_no_more_than_the_configured_time(fake):
    fake.fault = lambda method, path, body: time.sleep(3)
    cluster, start = a_cluster(fake, timeout=0.5), time.monotonic()
    with pytest.raises(UnavailableError, match="did not answer in time"):
        cluster.read(lambda client: client.get(index="c", id="1"))
    assert time.monotonic() - start < 1
    with pytest.raises(UnavailableError, match="did not answer in time"):  # and then nothing
        cluster.read(lambda client: client.get(index="c", id="1"))
    assert time.monotonic() - start < 1.2
    cluster.close()


def test_a_busy_server_is_asked_a_few_times(fake):
    fake.fault = lambda method, path, body: error(429, "busy", "no threads") if body else None
    cluster = a_cluster(fake)
    with pytest.raises(UnavailableError, match="overloaded") as caught:
        cluster.read(lambda client: client.search(index="c", size=0))
    assert "no threads" in one_line(caught)
    assert len(fake.requests) == elastic_client.READ_ATTEMPTS
    cluster.close()


@pytest.mark.parametrize(
    ("shards", "timed_out", "note"),
    [
        ({"total": 3, "failed": 0}, False, None),
        ({"total": 3, "failed": 1}, False, "partial: 1 of 3 shards failed"),
        ({"total": 3, "failed": 0}, True, "partial: the cluster ran out of time"),
    ],
)
def test_an_answer_from_a_part_is_noted(shards, timed_out, note):
    assert note_of({"_shards": shards, "timed_out": timed_out}) == note


def test_another_product_an_old_server_and_a_proxy_are_told_apart(fake):
    def refused(status, kind, reason):
        fake.fault = lambda method, path, body: error(status, kind, reason)

    def check(*parts):
        cluster = a_cluster(fake)
        with pytest.raises(StoreError) as caught:
            cluster.check()
        cluster.close()
        for part in parts:
            assert part in one_line(caught)

    for version in ("7.17.29", "8.11.4", "9.0.0"):
        fake.version = version
        check(f"runs Elasticsearch {version}; 8.12 or newer is needed, but below 9")
    fake.version = "8.12.0"
    a_cluster(fake).check()
    fake.is_elasticsearch = False
    check("is not Elasticsearch")
    fake.is_elasticsearch = True
    fake.content_type = "text/html"
    fake.fault = lambda method, path, body: (200, b"<html>Sign in</html>")
    check("does not answer in JSON")
    fake.content_type = type(fake).content_type
    refused(401, "security_exception", "unable to authenticate user [me]")
    check("refuses the name and password, or the key", "store.elasticsearch.username")
    refused(429, "cluster_block_exception", "index [c] blocked by: [FORBIDDEN/12/read-only]")
    check("the index is read-only", "FORBIDDEN/12/read-only")
    refused(404, "index_not_found_exception", "no such index [c]")
    check("the collection's index is gone", "rag index PATH")
    refused(400, "illegal_argument_exception", "mapper [n] cannot be changed from long to text")
    check("another mapping", "mapper [n]", "rag collections rebuild NAME")
    refused(400, "strange_exception", "strange\nreason")
    check("(400, strange_exception): strange.")


def test_a_server_that_hides_its_version_is_used_with_a_warning(fake, caplog):
    fake.fault = lambda method, path, body: error(403, "security_exception", "no monitor right")
    a_cluster(fake).check()
    assert "does not tell its version" in caplog.text
