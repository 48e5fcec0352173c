"""Who may ask, from where, and that nothing of one owner reaches another."""

import logging
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from api_runs import KEY, OTHER_KEY, client_of, keyed, refused
from service_runs import FILES, QUESTION, upload

from rag.config import ServerConfig
from rag.errors import ConfigError
from ui.api import security
from ui.api.security import check_exposure
from ui.services.owners import owner_of

ASKED = {"question": QUESTION, "collection": "station"}
PROTECTED = [
    ("POST", "/v1/ask"),
    ("POST", "/v1/search"),
    ("GET", "/v1/collections"),
    ("POST", "/v1/collections"),
    ("GET", "/v1/collections/station"),
    ("DELETE", "/v1/collections/station"),
    ("GET", "/v1/collections/station/documents"),
    ("POST", "/v1/collections/station/documents"),
    ("GET", "/v1/collections/station/documents/x/text"),
    ("DELETE", "/v1/collections/station/documents/x"),
    ("GET", "/v1/collections/station/passages/x"),
    ("GET", "/v1/jobs/x"),
    ("DELETE", "/v1/jobs/x"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/citewell/station"),
    ("GET", "/nowhere"),
]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {KEY[:-1]}"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer é".encode("latin-1")},
        {"X-API-Key": "wrong"},
        {"X-API-Key": ""},
    ],
)
def test_without_the_key_nothing_is_served(kept, headers):
    client = kept("locked")
    for method, path in PROTECTED:
        response = client.request(method, path, headers=headers)
        refused(response, 401, "invalid_api_key")
        assert response.headers["www-authenticate"] == "Bearer"
        assert KEY not in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {KEY} "},
        {"X-API-Key": KEY},
    ],
)
def test_the_key_opens_everything_in_either_header(kept, headers):
    assert kept("locked").get("/v1/collections", headers=headers).json() == []


def test_every_route_of_the_api_but_health_and_description_wants_the_key(kept):
    client = kept("locked")
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method in methods:
            status = client.request(method.upper(), path).status_code
            assert (status == 401) == (path not in security.OPEN_PATHS), (method, path)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8000", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:8000", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("localhost@evil.example", 421),
        ("evil.example:localhost", 421),
        ("127.0.0.1.nip.io", 421),
        ("[::1", 421),
        ("", 421),
        ("169.254.169.254", 421),
    ],
)
def test_without_a_key_only_loopback_names_are_served(kept, host, status):
    assert kept("empty").get("/v1/collections", headers={"Host": host}).status_code == status


def test_names_of_other_machines_are_served_with_a_key_alone(make_services):
    services = make_services(allowed_hosts=["localhost", "docs.example"])
    named, evil = {"Host": "docs.example"}, {"Host": "evil.example"}
    with client_of(services) as bare, client_of(keyed(services, KEY), key=KEY) as client:
        refused(bare.get("/v1/collections", headers=named), 421, "host")
        assert client.get("/v1/collections", headers=named).status_code == 200
        refused(client.get("/v1/collections", headers=evil), 421, "host")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "x"])
def test_pages_of_other_origins_may_neither_read_nor_write(kept, origin):
    bare, headers = kept("empty"), {"Origin": origin}
    files = [("files", FILES[0])]
    refused(bare.get("/v1/collections", headers=headers), 403, "origin")
    refused(bare.post("/v1/collections/x/documents", headers=headers, files=files), 403, "origin")
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    assert bare.options("/v1/ask", headers=asked).status_code == 403


def test_no_response_allows_another_origin_or_is_kept_by_caches(kept):
    api = kept("station")
    responses = [
        api.get("/v1/collections", headers={"Origin": "http://localhost"}),
        api.post("/v1/ask", json=ASKED),
        api.get("/nowhere"),
        api.get("/docs"),
        api.get("/v1/collections", headers={"Host": "evil.example"}),
    ]
    for response in responses:
        assert not [name for name in response.headers if name.startswith("access-control")]
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert "server" not in response.headers


@pytest.mark.parametrize(
    ("address", "key", "part"),
    [
        ("127.0.0.1", None, None),
        ("::1", None, None),
        ("localhost", None, None),
        ("0.0.0.0", KEY, None),  # noqa: S104
        ("0.0.0.0", None, "server.api_key"),  # noqa: S104
        ("192.168.0.7", None, "server.api_key"),
        ("example.org", None, "server.api_key"),
        ("127.0.0.1", "short", "at least 16 characters"),
    ],
)
def test_other_machines_are_not_listened_to_without_a_good_key(address, key, part):
    server = ServerConfig(address=address, api_key=key)
    if part is None:
        check_exposure(server, address)
        return
    with pytest.raises(ConfigError) as caught:
        check_exposure(server, address)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not key or key not in str(caught.value)


def test_a_private_collection_is_its_owner_s_alone(station):
    services = station()
    mine, theirs = keyed(services, KEY), keyed(services, OTHER_KEY)
    with client_of(mine, key=KEY) as anna, client_of(theirs, key=OTHER_KEY) as bert:
        assert anna.post("/v1/collections", json={"name": "diary", "private": True}).is_success
        upload(services, owner_of(KEY), "diary", [("diary.txt", b"The code word is albatross.")])
        document = anna.get("/v1/collections/diary/documents").json()["documents"][0]
        name, asked = document["document_id"], {"question": "code word", "collection": "diary"}
        chat = {"model": "citewell/diary", "messages": [{"role": "user", "content": "code word"}]}
        for method, path, body in (
            ("POST", "/v1/ask", asked),
            ("POST", "/v1/ask", {**asked, "stream": True}),
            ("POST", "/v1/search", {"question": "code", "collections": ["station", "diary"]}),
            ("POST", "/v1/chat/completions", chat),
            ("GET", "/v1/models/citewell/diary", None),
            ("GET", "/v1/collections/diary", None),
            ("GET", "/v1/collections/diary/documents", None),
            ("GET", f"/v1/collections/diary/documents/{name}/text", None),
            ("GET", f"/v1/collections/station/documents/{name}/text", None),
            ("GET", f"/v1/collections/diary/passages/{name}:0", None),
            ("DELETE", f"/v1/collections/diary/documents/{name}", None),
            ("DELETE", "/v1/collections/diary", None),
        ):
            response = bert.request(method, path, json=body)
            assert response.status_code == 404, (path, response.text)
            assert "albatross" not in response.text
            assert response.json()["error"]["code"] in ("not_found", "model_not_found")
        assert [each["name"] for each in bert.get("/v1/collections").json()] == ["station"]
        assert len(bert.get("/v1/models").json()["data"]) == 1
        assert "albatross" in anna.post("/v1/ask", json=asked).json()["answer"]


def test_of_two_owners_nothing_crosses_in_200_random_requests(station):
    services = station(requests_per_minute=10_000, queue=1000)
    draw = random.Random(15)  # noqa: S311 - seeded draws
    canaries = {KEY: "albatross-7731", OTHER_KEY: "pelican-4490"}
    names = {KEY: "anna-notes", OTHER_KEY: "bert-notes"}
    for key, word in canaries.items():
        services.library.create(owner_of(key), names[key], private=True)
        text = f"The secret code word of the station is {word}. Nobody else may know it."
        upload(services, owner_of(key), names[key], [(f"{word}.txt", text.encode())])
    documents = {
        key: services.library.documents(owner_of(key), names[key])[0].document_id
        for key in canaries
    }
    mine, theirs = keyed(services, KEY), keyed(services, OTHER_KEY)
    with client_of(mine, key=KEY) as anna, client_of(theirs, key=OTHER_KEY) as bert:

        def one_request(number):
            client, key = [(anna, KEY), (bert, OTHER_KEY)][number % 2]
            name = draw.choice([*names.values(), "station"])
            question = draw.choice(["What is the secret code word?", "station", "nobody else"])
            document = draw.choice(list(documents.values()))
            method, path, body = draw.choice(
                [
                    ("POST", "/v1/ask", {"question": question, "collection": name}),
                    ("POST", "/v1/ask", {"question": question, "collection": name, "stream": True}),
                    ("POST", "/v1/search", {"question": question, "collections": [name]}),
                    ("POST", "/v1/search",
                     {"question": question, "collections": [name, "station"], "top_k": 50}),
                    ("POST", "/v1/chat/completions",
                     {"model": f"citewell/{name}",
                      "messages": [{"role": "user", "content": question}]}),
                    ("GET", "/v1/models", None),
                    ("GET", "/v1/collections", None),
                    ("GET", f"/v1/collections/{name}/documents", None),
                    ("GET", f"/v1/collections/{name}/documents/{document}/text", None),
                    ("GET", f"/v1/collections/{name}/passages/{document}:0", None),
                ]
            )  # fmt: skip
            response = client.request(method, path, json=body)
            foreign = OTHER_KEY if key == KEY else KEY
            assert response.status_code in (200, 404, 409), (path, response.text)
            assert canaries[foreign] not in response.text, (path, body)
            assert response.status_code != 200 or names[foreign] not in response.text, (path, body)
            return canaries[key] in response.text

        with ThreadPoolExecutor(4) as pool:
            own = list(pool.map(one_request, range(200)))
    assert sum(own) > 20  # what is one's own is found


def test_the_key_is_in_no_log_no_error_and_no_description(station, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    services = keyed(station(), KEY)
    monkeypatch.setattr(services.engines, "rag", lambda name: 1 / 0)
    seen = []
    with client_of(services, key=KEY) as client:
        for response in (
            client.get("/openapi.json"),
            client.get("/docs"),
            client.get("/ready"),
            client.post("/v1/ask", json=ASKED),
            client.post("/v1/search", json={"question": "x", "collections": ["station"]}),
            client.post("/v1/ask", content=b"{"),
            client.get("/nowhere"),
            client.get("/v1/collections", headers={"Authorization": f"Basic {KEY}"}),
        ):
            seen.append(response.text + str(response.headers))
    assert "division by zero" in caplog.text  # the log has the cause
    assert KEY not in caplog.text + "".join(seen) + repr(services.config)
    assert "division" not in "".join(seen)


def test_an_unexpected_error_is_an_id_that_stands_in_the_log(station, caplog, monkeypatch):
    services = station()
    monkeypatch.setattr(services.library, "collections", lambda owner: 1 / 0)
    with client_of(services) as client:
        response = client.get("/v1/collections")
        message = refused(response, 500, "internal")
        number = response.json()["error"]["id"]
        assert message == f"something went wrong on the server (error {number})."
        assert number in caplog.text
        assert response.headers["x-content-type-options"] == "nosniff"
