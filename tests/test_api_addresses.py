"""Addresses as proxies and clients write them: a base path, slashes too many, HEAD."""

from urllib.parse import urljoin

import httpx
import openai
import pytest
from api_runs import KEY, client_of, keyed, on_a_port, refused
from bs4 import BeautifulSoup
from service_runs import QUESTION

from rag.config import load_config
from rag.errors import ConfigError
from ui.api import security


@pytest.mark.parametrize("begin", ["", "/tools/rag"])  # taken off by the proxy, or left there
def test_below_a_base_path_everything_is_served(station, begin):
    with client_of(keyed(station(root_path="/tools/rag"), KEY)) as client:
        for path in security.OPEN_PATHS:
            assert client.get(begin + path).status_code == 200, path
        refused(client.get(f"{begin}/v1/models"), 401, "invalid_api_key")
        client.headers["x-api-key"] = KEY
        assert client.get(f"{begin}/v1/models").json()["data"][0]["id"] == "citewell/station"
        asked = {"question": QUESTION, "collection": "station"}
        assert client.post(f"{begin}/v1/ask", json=asked).status_code == 200


def test_a_path_that_only_looks_like_the_base_path_is_none(station):
    with client_of(station(root_path="/rag")) as client:
        for path in ("/ragged/health", "/rag", "/rag/rag/health", "/health/rag", "/x/health"):
            refused(client.get(path), 404, "not_found")


@pytest.mark.parametrize("base", ["", "/rag"])
@pytest.mark.parametrize("page", ["/docs", "/docs/"])
def test_the_page_leads_to_the_description_wherever_a_proxy_shows_it(station, base, page):
    with on_a_port(station(root_path=base)) as url:
        shown = url + base + page  # as a browser has it
        text = BeautifulSoup(httpx.get(shown).text, "lxml")
        (link,) = [each["href"] for each in text.find_all("a") if each["href"][0] != "#"]
        assert urljoin(shown, link) == f"{url}{base}/openapi.json"
        description = httpx.get(urljoin(shown, link)).json()
        assert f"POST {base}/v1/ask" in {each.text for each in text.find_all("h2")}
    servers = description.get("servers", [{"url": ""}])
    assert servers == [{"url": base}]
    assert "/v1/ask" in description["paths"]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", ""),
        ("/", ""),
        ("/rag", "/rag"),
        ("/tools/rag/", "/tools/rag"),
        ("rag", "expected a path such as `/rag`"),
        ("/a/../b", "expected a path"),
        ("//host/rag", "expected a path"),
        ("https://host/rag", "expected a path"),
        ("/rag?x=1", "expected a path"),
        ("/v1", "`/v1` is an address of the API itself"),
        ("/docs/rag", "`/docs` is an address"),
    ],
)
def test_a_base_path_is_checked_when_the_configuration_is_read(tmp_path, value, found):
    path = tmp_path / "rag.yaml"
    path.write_text(f"server: {{root_path: '{value}'}}")
    if " " in found:
        with pytest.raises(ConfigError, match=r"server\.root_path") as told:
            load_config(path)
        assert found in str(told.value)
    else:
        assert load_config(path).server.root_path == found


PATHS = [
    *("/health", "/ready", "/docs", "/openapi.json", "/v1/models", "/v1/models/citewell/station"),
    *("/v1/collections", "/v1/collections/station", "/v1/collections/station/documents?limit=1"),
    *("/v1/jobs/nothing", "/nowhere", "/v1/ask"),
]


def test_head_is_get_without_the_body(kept):
    client = kept("station")
    for path in PATHS:
        got, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.headers == got.headers
    assert client.head("/health").status_code == 200


def test_head_on_a_real_connection_leaves_it_usable(station):
    with on_a_port(station()) as url, httpx.Client(base_url=url) as client:
        for _ in range(2):
            assert client.head("/health").status_code == 200
            assert int(client.head("/docs").headers["content-length"]) > 1000
            assert client.get("/health").json() == {"status": "ok"}


@pytest.mark.parametrize("form", ["{}/", "{}//", "http://localhost/{}"])
def test_slashes_too_many_change_nothing_and_redirect_nowhere(kept, form):
    client = kept("station")
    for path in ("/health", "/v1/models", "/v1/models/citewell/station", "/v1/collections"):
        response = client.get(form.format(path), follow_redirects=False)
        assert response.status_code == 200, response.text
        assert response.content == client.get(path).content
    asked = {"question": QUESTION, "collection": "station"}
    response = client.post(form.format("/v1/ask"), json=asked, follow_redirects=False)
    assert "diesel" in response.json()["answer"]
    refused(client.put(form.format("/v1/collections"), follow_redirects=False), 405, "method")


def test_a_slash_opens_nothing_without_the_key(kept):
    client = kept("locked")
    for path in ("/v1/models/", "//v1/models", "/v1//models", "/health/../v1/models"):
        assert client.get(path).status_code in (401, 404), path
    refused(client.get("/v1/models/"), 401, "invalid_api_key")


@pytest.mark.parametrize("base", ["/v1", "/v1/", "//v1//", "/rag/v1/"])
def test_openai_s_client_takes_any_form_of_the_base_address(station, base):
    with on_a_port(station(root_path="/rag")) as url:
        client = openai.OpenAI(base_url=url + base, api_key="none", max_retries=0)
        model = client.models.list().data[0].id
        assert client.models.retrieve(model).id == model == "citewell/station"
        asked = [{"role": "user", "content": QUESTION}]
        reply = client.chat.completions.create(model=model, messages=asked)
        assert "diesel" in reply.choices[0].message.content
        client.close()
