"""The MCP server's tools, through the official client in this process."""

import asyncio

from api_runs import AwayGenerator
from mcp import Client
from service_runs import upload

from ui.mcp_tools import build_server
from ui.services.owners import LOCAL, owner_of

QUESTION = "What does the pump of the station run on?"


def call(services, *calls, collection="station"):
    """Call tools and give their results."""

    async def use():
        async with Client(build_server(services, collection)) as client:
            return [await client.call_tool(name, arguments) for name, arguments in calls]

    return asyncio.run(use())


def describe(services):
    async def use():
        async with Client(build_server(services, "station")) as client:
            return (await client.list_tools()).tools

    return asyncio.run(use())


def test_tools_say_what_they_take_and_give_and_that_they_change_nothing(station):
    tools = {tool.name: tool for tool in describe(station())}
    assert set(tools) == {"search", "ask", "read_passage"}
    for tool in tools.values():
        assert tool.description.endswith(".")
        assert tool.annotations.read_only_hint is True
        assert tool.output_schema["type"] == "object"
        assert "collection" not in tool.input_schema["properties"]
        for argument in tool.input_schema["properties"].values():
            assert argument["description"]


def test_an_answer_is_cited_and_its_passages_can_be_read(station):
    services = station()
    (answer,) = call(services, ("ask", {"question": QUESTION}))
    found = answer.structured_content
    assert found["answer"] == "The pump of the station runs on diesel. [1]"
    citation = found["citations"][0]
    (read,) = call(services, ("read_passage", {"passage_id": citation["passage_id"]}))
    passage = read.structured_content["passage"]
    start, end = citation["start"] - passage["start"], citation["end"] - passage["start"]
    assert passage["text"][start:end] == citation["quote"]
    assert services.answers._jobs == {} or all(
        job.unwatched for job in services.answers._jobs.values()
    )


def test_an_abstention_says_why(station):
    (answer,) = call(station(), ("ask", {"question": "What is the capital of Mongolia?"}))
    found = answer.structured_content
    assert (found["abstained"], found["answer"], found["citations"]) == (True, "", [])
    assert "abstention.confidence" in found["reason"]
    assert found["nearest"]


def test_a_generator_that_is_away_leaves_quoted_evidence(station):
    (answer,) = call(station(AwayGenerator()), ("ask", {"question": QUESTION}))
    assert "diesel" in answer.structured_content["answer"]
    assert "the generator failed" in answer.structured_content["reason"]


BAD = [
    ("search", {"question": "dog", "top_k": 10**9}, "top_k"),
    ("search", {"question": "dog", "method": "fts"}, "method"),
    ("search", {}, "question"),
    ("search", {"question": " "}, "the question is empty"),
    ("ask", {"question": "x" * 5000}, "at most 2,000 are read"),
    ("ask", {"question": "x" * 1_000_000}, "question"),
    ("read_passage", {"passage_id": "nothing:0"}, "there is no passage `nothing:0`"),
    ("read_passage", {"passage_id": "../../etc/passwd"}, "there is no passage"),
]


def test_bad_arguments_are_errors_that_say_what_was_expected(station):
    results = call(station(), *[(tool, arguments) for tool, arguments, _ in BAD])
    for result, (_, _, part) in zip(results, BAD, strict=True):
        assert result.is_error
        assert part in result.content[0].text


def test_the_collection_cannot_be_changed_by_a_caller(station):
    services = station()
    services.library.create(LOCAL, "other")
    upload(services, LOCAL, "other", [("code.txt", b"The code word is albatross.")])
    passage = services.search(LOCAL, "albatross", ["other"]).results[0].passage.passage_id
    calls = [
        ("search", {"question": "code word albatross", "collection": "other"}),
        ("ask", {"question": "What is the code word?", "collection": "other"}),
        ("read_passage", {"passage_id": passage, "collection": "other"}),
    ]
    for result in call(services, *calls):
        text = result.content[0].text
        assert "The code word is albatross" not in text


def test_an_unexpected_error_tells_its_caller_nothing_of_the_inside(station, monkeypatch):
    services = station()
    monkeypatch.setattr(services.library, "passage", lambda *_: 1 / 0)
    monkeypatch.setattr(services.engines, "rag", lambda name: 1 / 0)
    for result in call(
        services, ("read_passage", {"passage_id": "x:0"}), ("ask", {"question": "dog"})
    ):
        assert result.is_error
        assert "division" not in result.content[0].text


def test_a_private_collection_of_the_api_s_users_is_not_served(station):
    services = station()
    services.library.create(owner_of("somebody's key"), "diary", private=True)
    (result,) = call(services, ("search", {"question": "dog"}), collection="diary")
    assert "there is no collection `diary`" in result.content[0].text
