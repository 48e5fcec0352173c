"""Behaviour that all generators share."""

import threading
import time

import pytest
from haystack.dataclasses import ChatMessage

from rag.answers.generators import (
    GgufGenerator,
    OpenAIGenerator,
    TransformersGenerator,
    build_generator,
)
from rag.answers.generators.delivery import Delivery, wait_for


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
