"""A transformers model: a tiny random one, made here."""

import json
import socket
import threading
import time

import pytest
from generator_runs import QUESTION, run_together, stop_after
from haystack import Pipeline
from haystack.dataclasses import ChatMessage

from rag.answers.generators import TransformersGenerator
from rag.errors import ModelError


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
