"""The API's description: requests drawn from it find no server error; its page stays here."""

import re
from collections import Counter
from contextlib import suppress

import pytest
import schemathesis
from api_runs import KEY, keyed, on_a_port
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ui.api.reference import STYLE, render_reference

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
THERE = {
    "/v1/ask": {"collection": "station", "filters": None},
    "/v1/search": {"collections": ["station"], "filters": None},
    "/v1/chat/completions": {"model": "citewell/station"},
}
KEPT = settings(
    max_examples=10,  # of each kind for each operation
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def aim(case):
    """Let a request be about what is there, but for its deletion."""
    if case.path_parameters and (case.method, case.path[-6:]) != ("DELETE", "{name}"):
        case.path_parameters |= {"name": "station"} if "name" in case.path_parameters else {}
    case.body = case.body | THERE[case.path] if case.path in THERE else case.body


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_requests_drawn_from_the_description_find_no_error_of_the_server(station, mode):
    statuses = Counter()
    headers = {"X-API-Key": KEY}
    with on_a_port(keyed(station(requests_per_minute=1_000_000), KEY)) as url:
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        for found in schema.get_all_operations():

            @KEPT
            @given(case=found.ok().as_strategy(generation_mode=mode))
            def ask(case):
                if mode == GenerationMode.POSITIVE:
                    aim(case)
                response = case.call(headers=headers, timeout=30)
                case.validate_response(response, checks=CHECKS, headers=headers)
                statuses[response.status_code // 100] += 1

            with suppress(Unsatisfiable):  # what takes nothing can be given nothing wrong
                ask()
    good, bad = statuses[2], statuses[4]
    assert (good if mode == GenerationMode.POSITIVE else bad) > 30, statuses
    assert not statuses[5]


def test_the_page_about_the_api_asks_nothing_of_another_server(kept):
    response = kept("empty").get("/docs")
    assert response.headers["content-type"].startswith("text/html")
    page = BeautifulSoup(response.text, "lxml")
    for tag in page.find_all(True):
        for name, value in tag.attrs.items():
            if name in ("src", "href", "action", "data", "poster", "srcset"):
                assert re.match(r"(#\w+|openapi\.json)$", value), (tag.name, name, value)
            assert not name.startswith("on")
    assert not page.find_all(["script", "link", "img", "iframe", "object", "embed", "base", "form"])
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_every_route_and_every_schema_has_its_place_on_the_page(kept):
    bare = kept("empty")
    description = bare.get("/openapi.json").json()
    text = BeautifulSoup(bare.get("/docs").text, "lxml")
    titles = {heading.text for heading in text.find_all("h2")}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}" in titles
            assert operation["description"]
    anchors = {heading.get("id") for heading in text.find_all("h3")}
    assert {link["href"][1:] for link in text.find_all("a") if link["href"][0] == "#"} <= anchors


def test_what_the_page_shows_is_escaped():
    page = render_reference(
        {
            "info": {"title": "<b>", "version": "1", "description": "`<i>` & <script>"},
            "paths": {"/<x>": {"get": {"description": "<u>", "responses": {}}}},
            "components": {"schemas": {"<s>": {"description": "<p onclick=x>"}}},
        }
    )
    assert not re.search(r"<(b|i|script|u|x|s|p onclick)\b", page)


def test_there_is_no_page_that_loads_scripts_from_elsewhere(kept):
    bare = kept("empty")
    assert bare.get("/redoc").status_code == 404
    assert "cdn" not in bare.get("/docs").text


def test_unknown_fields_are_refused_by_every_body(kept):
    description = kept("empty").get("/openapi.json").json()
    schemas = description["components"]["schemas"]
    for methods in description["paths"].values():
        for operation in methods.values():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
                assert schemas[name]["additionalProperties"] is False, name
