"""The MCP server's tools, through the official client in this process."""

import asyncio
import io
import json
import threading

import anyio
import anyio.to_thread
import pytest
from api_runs import MCP_HELLO, AwayGenerator
from mcp import Client
from service_runs import SlowGenerator, upload

from ui import mcp_lines, mcp_tools
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
    assert "nothing in the documents mentions `Mongolia`" in found["reason"]
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
    ("ask", {"question": "x" * 200_001}, "at most 200,000 are read"),
    ("ask", {"question": "x" * 1_000_001}, "question"),
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


def job_of(services):
    """The one answer in the making."""
    (job,) = services.answers._jobs.values()
    return job


async def wait_for(event):
    await anyio.to_thread.run_sync(event.wait, 10)


def test_a_cancelled_answer_stops_the_generator(station):
    generator = SlowGenerator(pieces=["never ending "] * 1000)
    services = station(generator)
    rescued = threading.Event()

    def rescue():
        rescued.set()
        job_of(services).stop.set()

    async def use():
        async with Client(build_server(services, "station")) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.call_tool, "ask", {"question": QUESTION})
                await wait_for(generator.begun)
                rescuer = threading.Timer(5, rescue)
                rescuer.start()
                tasks.cancel_scope.cancel()
            await wait_for(job_of(services).stop)
            rescuer.cancel()
            return await client.call_tool("search", {"question": "dog"})

    assert not asyncio.run(use()).is_error
    assert not rescued.is_set()


@pytest.mark.parametrize("tool", ["ask", "search"])
def test_a_call_that_is_cancelled_while_it_searches_ends_before_its_next_step(
    station, monkeypatch, tool
):
    services = station()
    parts = services.engines.rag("station").components
    begun, go, ended, later = (threading.Event() for _ in range(4))
    search = parts.bm25.run

    def wait(*arguments):
        begun.set()
        go.wait(10)
        ended.set()
        return search(*arguments)

    monkeypatch.setattr(parts.bm25, "run", wait)
    monkeypatch.setattr(parts.embed, "run", lambda _text: later.set() or 1 / 0)

    async def use():
        async with Client(build_server(services, "station")) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.call_tool, tool, {"question": QUESTION})
                await wait_for(begun)
                tasks.cancel_scope.cancel()
            await client.list_tools()  # answered after the cancellation was read
            go.set()
            await wait_for(ended)

    asyncio.run(use())
    services.close()  # waits for the threads that answer
    assert not later.is_set()


def progress_of(services, tool, arguments):
    told = []

    async def tell(progress, total, message):
        told.append((progress, total, message))

    async def use():
        async with Client(build_server(services, "station")) as client:
            await client.call_tool(tool, arguments, progress_callback=tell)

    asyncio.run(use())
    return told


def test_a_client_that_wants_to_know_is_told_the_steps(station, monkeypatch):
    monkeypatch.setattr(mcp_tools, "TELL_SECONDS", 0)
    generator = SlowGenerator()
    for _ in generator.pieces:
        generator.go.release()
    services = station(generator)
    told = progress_of(services, "ask", {"question": QUESTION})
    done = [progress for progress, _, _ in told]
    assert done == sorted(set(done))
    assert done[-1] == 4
    assert {total for _, total, _ in told} == {4}
    assert told[-1][2] == "done"
    told = progress_of(services, "search", {"question": "dog"})
    assert told == [(0, 1, "searching"), (1, 1, "found 2 passages")]


def test_null_for_an_optional_argument_is_its_default(station):
    usual, nulls = call(
        station(),
        ("search", {"question": "dog"}),
        ("search", {"question": "dog", "top_k": None, "method": None}),
    )
    assert usual.structured_content == nulls.structured_content
    assert not nulls.is_error


UNKNOWN = [
    ("search", {"question": "dog", "topk": 3}, "unknown argument `topk`; did you mean `top_k`?"),
    ("ask", {"question": "dog", "qestion": "x"}, "did you mean `question`?"),
    ("ask", {"question": "dog", "filters": {}}, "unknown argument `filters`; it takes question."),
    ("read_passage", {"id": "x:0"}, "passage_id: Field required"),
    ("read_passage", {"passage_id": "x:0", "\u202e" * 100: 1}, "unknown argument `\\u202e"),
]


def test_an_unknown_argument_is_refused_by_name_with_the_nearest_one(station):
    services = station()
    results = call(services, *[(tool, arguments) for tool, arguments, _ in UNKNOWN])
    for result, (_, _, part) in zip(results, UNKNOWN, strict=True):
        assert result.is_error
        assert part in result.content[0].text
        assert "\n" not in result.content[0].text
    for tool in describe(services):
        assert tool.input_schema["additionalProperties"] is False


PING = {"jsonrpc": "2.0", "id": "last", "method": "ping"}
NO_JSON, NO_MESSAGE = -32700, -32600
LONGEST_LINE = 200_000  # bytes, in this test
NO_LINES = [
    (b"nonsense", NO_JSON, None),
    (b'{"jsonrpc": "2.0", "id": 1, "meth', NO_JSON, None),
    (b"\xff\xfe{\x00}\x00", NO_JSON, None),
    (b'{"jsonrpc": "2.0", "id": 7, "method": "\xff"}', NO_JSON, None),
    (b'{"jsonrpc": "2.0", "id": 7, "method": "\\ud800"}', NO_JSON, 7),
    (b"[" * 100_000, NO_JSON, None),
    (b'{"x": ' + b"9" * 10_000 + b"}", NO_JSON, None),
    (b"x" * LONGEST_LINE, NO_JSON, None),
    (b"x" * (2 * LONGEST_LINE + 5), NO_JSON, None),
    (b"[" + json.dumps(PING).encode() + b"]", NO_MESSAGE, None),
    (b"[]", NO_MESSAGE, None),
    (b"null", NO_MESSAGE, None),
    (b'"ping"', NO_MESSAGE, None),
    (b"{}", NO_MESSAGE, None),
    (b'{"jsonrpc": "2.0", "id": 7, "method": 5}', NO_MESSAGE, 7),
    (b'{"jsonrpc": "1.0", "id": "a", "method": "ping"}', NO_MESSAGE, "a"),
    (b'{"jsonrpc": "2.0", "id": 7, "method": "ping", "params": [1]}', NO_MESSAGE, 7),
]


def test_a_line_that_is_no_message_is_answered_and_the_next_one_is_read(station, monkeypatch):
    monkeypatch.setattr(mcp_lines, "LONGEST_LINE", LONGEST_LINE)
    out = KeptText()
    hello = json.dumps(MCP_HELLO).encode()
    lines = [b"", b"\xef\xbb\xbf" + hello, *(line for line, _, _ in NO_LINES),
             b" \r", json.dumps(PING).encode() + b"\r"]  # fmt: skip
    wire = io.BytesIO(b"\n".join(lines))  # the last line has no end

    async def serve():
        await build_server(station(), "station").serve(wire, anyio.wrap_file(out))

    asyncio.run(serve())
    answers = [json.loads(line) for line in out.text.splitlines()]
    errors = [each for each in answers if "error" in each]
    assert [(each["error"]["code"], each["id"]) for each in errors] == [
        (code, number) for _, code, number in NO_LINES
    ]
    assert [each["id"] for each in answers if "result" in each] == [1, "last"]
    assert max(len(each["error"]["message"]) for each in errors) < 120


class KeptText(io.StringIO):
    """A text that can be read after it was closed."""

    text = ""

    def flush(self):
        self.text = self.getvalue()
