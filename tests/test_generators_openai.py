"""OpenAI-compatible servers: what is sent, what comes back, and what is told when it fails."""

import json
import logging
import socket
import threading
import time

import pytest
from chat_server import KEY, answers, counts_for_ever, error_from, generator_for, serve, stalls
from generator_runs import QUESTION, run_together, stop_after
from haystack import Pipeline

from rag.answers.generators import OpenAIGenerator
from rag.config.proxies import proxy_for
from rag.errors import ModelError


def test_openai_pieces_come_in_the_calling_thread_and_join_to_the_text():
    pieces, threads = [], set()

    def callback(piece):
        pieces.append(piece)
        threads.add(threading.get_ident())

    with serve(answers) as server, generator_for(server) as generator:
        reply = generator.run(QUESTION, callback)
    assert reply == {"text": "The pump weighs 12 kg [1].", "finish_reason": "stop"}
    assert pieces == ["The ", "pump ", "weighs ", "12 kg [1]."]
    assert threads == {threading.get_ident()}
    path, headers, body = server.seen[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Count from 1 to 50."},
        ],
        "max_tokens": 300,
        "temperature": 0.0,
        "stream": True,
    }


def test_openai_answer_cut_by_the_server_says_length():
    def cut(handler):
        handler.start()
        handler.send("1 2 3")
        handler.send(finish="length")
        handler.raw("[DONE]")

    with serve(cut) as server, generator_for(server) as generator:
        assert generator.run(QUESTION) == {"text": "1 2 3", "finish_reason": "length"}


def test_openai_temperature_none_is_left_to_the_server():
    with serve(answers) as server, generator_for(server, temperature=None) as generator:
        generator.run(QUESTION)
    assert "temperature" not in server.seen[0][2]


def test_openai_without_a_key_sends_none_from_the_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serve(answers) as server, generator_for(server, api_key=None) as generator:
        generator.run(QUESTION)
    assert KEY not in str(server.seen)


def test_openai_stop_event_mid_stream_leaves_the_text_and_ends_the_server():
    pieces = []
    stop, callback = stop_after(pieces, 3)
    with serve(counts_for_ever) as server, generator_for(server) as generator:
        reply = generator.run(QUESTION, callback, stop)
        assert server.hung_up.wait(5)
    assert reply == {"text": "0 1 2 ", "finish_reason": "stopped"}


def test_openai_deadline_leaves_the_text_so_far():
    with serve(counts_for_ever) as server, generator_for(server) as generator:
        reply = generator.run(QUESTION, deadline=time.monotonic() + 0.5)
        assert server.hung_up.wait(5)
    assert reply["finish_reason"] == "deadline"
    assert reply["text"].startswith("0 1 ")


def test_openai_deadline_holds_although_the_server_is_silent():
    with serve(stalls) as server, generator_for(server, timeout=30) as generator:
        begin = time.monotonic()
        reply = generator.run(QUESTION, deadline=begin + 0.5)
        waited = time.monotonic() - begin
        server.release.set()
    assert reply == {"text": "Once ", "finish_reason": "deadline"}
    assert waited < 3


def test_openai_an_error_in_the_callback_reaches_the_caller():
    with serve(counts_for_ever) as server, generator_for(server) as generator:
        with pytest.raises(KeyError):
            generator.run(QUESTION, lambda piece: {}[piece])
        assert server.hung_up.wait(5)


def test_openai_threads_are_answered_at_once():
    with serve(answers) as server, generator_for(server) as generator:
        texts = run_together(generator, 4)
    assert texts == ["The pump weighs 12 kg [1]."] * 4


def test_openai_stalled_stream_is_a_time_out():
    assert "was silent for 0.3 seconds" in error_from(stalls, timeout=0.3)


def test_openai_cut_connection_is_no_answer():
    def cut(handler):
        handler.start()
        handler.send("The pump")

    assert "broke off before the end" in error_from(cut)


def test_openai_connection_cut_inside_a_chunk_is_no_answer():
    def cut(handler):
        handler.protocol_version = "HTTP/1.1"
        handler.start(**{"Transfer-Encoding": "chunked"})
        handler.wfile.write(b"ff\r\ndata: {")

    assert "broke off in the middle" in error_from(cut)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, "refused the key (401): check generator.api_key"),
        (403, "check the key's rights"),
        (404, "(model `m`) knows no such model or address (404): check generator.model"),
        (429, "has had too many questions (429)"),
        (400, "answered with status 400: "),
        (503, "answered with status 503: "),
    ],
)
def test_openai_refusals_say_what_to_check(status, expected):
    assert expected in error_from(lambda handler: handler.refuse(status))


def test_openai_key_repeated_by_the_server_is_not_shown():
    said = f"bad\nrequest with {KEY}"
    message = error_from(lambda handler: handler.refuse(400, said))
    assert "bad request with ***" in message


def test_openai_error_inside_the_stream_is_told():
    def fail(handler):
        handler.start()
        handler.send("The ")
        handler.raw(json.dumps({"error": {"message": "out of memory"}}))

    assert "reported an error: out of memory" in error_from(fail)


def test_openai_answer_that_is_no_event_stream_is_told():
    def page(handler):
        handler.start(kind="text/html")
        handler.wfile.write(b"<html>Welcome</html>")

    assert "broke off before the end" in error_from(page)


def test_openai_garbage_in_the_stream_is_told():
    def garbage(handler):
        handler.start()
        handler.raw("{not json")

    assert "broke off in the middle" in error_from(garbage)


def test_openai_empty_answer_is_told():
    def nothing(handler):
        handler.start()
        handler.send(finish="stop")
        handler.raw("[DONE]")

    assert "sent an empty answer" in error_from(nothing)


def test_openai_redirect_is_not_followed():
    def elsewhere(handler):
        handler.start(307, Location="http://127.0.0.1:1/v1/chat/completions")

    assert "answered with status 307" in error_from(elsewhere)


def test_openai_asks_again_after_a_passing_failure():
    def second_time(handler):
        if len(handler.server.seen) == 1:
            handler.refuse(503)
        else:
            answers(handler)

    with serve(second_time) as server, generator_for(server, retries=1) as generator:
        assert generator.run(QUESTION)["finish_reason"] == "stop"
    assert len(server.seen) == 2


def test_openai_nobody_listening_says_what_to_check():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    generator = OpenAIGenerator(f"http://localhost:{port}/v1", "m", KEY, retries=0)
    with pytest.raises(ModelError, match=f"localhost:{port}/v1 .*cannot be reached: check"):
        generator.run(QUESTION)
    generator.close()


def test_openai_key_is_in_no_repr_no_dict_and_no_log(caplog):
    caplog.set_level(logging.DEBUG)
    with serve(answers) as server, generator_for(server) as generator:
        generator.run(QUESTION)
        pipeline = Pipeline()
        pipeline.add_component("generator", generator)
        shown = [repr(generator), str(generator.to_dict()), repr(pipeline), pipeline.dumps()]
    assert KEY not in "".join([*shown, caplog.text])
    assert "/v1" in pipeline.dumps()


def test_openai_settings_survive_a_dict_without_the_key():
    generator = OpenAIGenerator("http://localhost:1/v1", "m", KEY, max_tokens=7, timeout=3)
    again = OpenAIGenerator.from_dict(generator.to_dict())
    assert again.to_dict() == generator.to_dict()
    assert again.max_tokens == 7


@pytest.mark.parametrize("host", ["192.168.1.5", "example.com", "[2001:db8::1]", "localhost.evil"])
def test_openai_key_is_not_sent_unencrypted_to_another_machine(host):
    url = f"http://{host}/v1"
    with pytest.raises(ModelError, match="is not encrypted"):
        OpenAIGenerator(url, "m", KEY)
    OpenAIGenerator(url, "m", KEY, insecure=True)
    OpenAIGenerator(url, "m", None)
    OpenAIGenerator(url.replace("http:", "https:"), "m", KEY)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_openai_key_may_go_to_this_machine_over_http(host):
    OpenAIGenerator(f"http://{host}:8080/v1", "m", KEY)


@pytest.mark.parametrize("url", ["localhost:11434/v1", "ftp://x/v1", "http://", "http://a:b/v1"])
def test_openai_address_that_is_none_is_refused(url):
    with pytest.raises(ModelError, match="expected an address such as"):
        OpenAIGenerator(url, "m", KEY)


def test_openai_password_in_the_address_is_not_shown():
    generator = OpenAIGenerator("https://user:pass-word@example.com/v1?token=t1", "m", KEY)
    assert generator.to_dict()["init_parameters"]["base_url"] == "https://example.com/v1"


def test_openai_itself_needs_a_key():
    with pytest.raises(ModelError, match=r"https://api.openai.com/v1 needs a key"):
        OpenAIGenerator(None, "m", None)


# -- proxies


PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


@pytest.fixture
def proxied(monkeypatch):
    """Give a function that sets proxy variables, all others unset."""
    for name in (*PROXIES, "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def set_(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_


@pytest.mark.parametrize("variable", PROXIES)
def test_openai_nothing_for_this_machine_goes_through_a_proxy(proxied, variable):
    with serve(answers) as proxy, serve(answers) as server:
        proxied(**{variable: f"http://127.0.0.1:{proxy.server_address[1]}"})
        with generator_for(server) as generator:
            assert generator.run(QUESTION)["finish_reason"] == "stop"
        assert len(server.seen) == 1
        assert proxy.seen == []  # it must never be called


@pytest.mark.parametrize("more", [{}, {"NO_PROXY": "127.0.0.1"}, {"NO_PROXY": "*"}])
def test_openai_a_proxy_that_cannot_be_used_does_not_matter_on_this_machine(proxied, more):
    proxied(ALL_PROXY="socks://127.0.0.1:1", **more)
    with serve(answers) as server, generator_for(server) as generator:
        assert generator.run(QUESTION)["finish_reason"] == "stop"


def test_openai_a_proxy_that_cannot_be_used_is_named_without_its_password(proxied):
    proxied(ALL_PROXY="socks://me:secret@proxy.example:1080")
    generator = OpenAIGenerator("https://models.example/v1", "m", "key")
    generator.warm_up()  # an answer is quoted then, so that this is no error
    with pytest.raises(
        ModelError, match=r"proxy socks://proxy.example:1080 \(`ALL_PROXY`\)"
    ) as told:
        generator.run(QUESTION)
    assert "secret" not in str(told.value)
    assert "\n" not in str(told.value)


def test_openai_a_server_that_cannot_be_reached_names_the_proxy(proxied):
    proxied(https_proxy="http://me:secret@127.0.0.1:1")
    generator = OpenAIGenerator("https://models.example/v1", "m", "key", retries=0)
    with pytest.raises(ModelError, match=r"through the proxy http://127.0.0.1:1 \(`https_proxy`\)"):
        generator.run(QUESTION)


@pytest.mark.parametrize(
    ("url", "variables", "expected"),
    [
        ("http://localhost:1/v1", {"HTTP_PROXY": "http://p:1"}, None),
        ("http://[::1]:1/v1", {"all_proxy": "http://p:1"}, None),
        ("http://a.example/v1", {"HTTP_PROXY": "http://p:1"}, ("HTTP_PROXY", "http://p:1")),
        ("https://a.example/v1", {"HTTP_PROXY": "http://p:1"}, None),
        (
            "https://a.example/v1",
            {"all_proxy": "p:1", "NO_PROXY": "b.example"},
            ("all_proxy", "p:1"),
        ),
        ("https://a.example/v1", {"all_proxy": "http://p:1", "no_proxy": ".example"}, None),
        ("https://a.example/v1", {"all_proxy": "http://p:1", "no_proxy": "*"}, None),
        ("https://a.example/v1", {"https_proxy": " "}, None),
    ],
)
def test_the_proxy_in_force_is_found_by_address_and_exceptions(url, variables, expected):
    proxy = proxy_for(url, variables)
    assert (proxy and (proxy.variable, proxy.shown)) == expected
