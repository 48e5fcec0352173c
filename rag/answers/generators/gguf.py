"""Generator for a GGUF model in this process, through llama.cpp as packaged by `xllamacpp`.

The chat template is the model's own, interpreted by llama.cpp in C++: no Python runs on it.
`xllamacpp` always opens llama.cpp's HTTP server beside the calls used here. It is made
unreachable: a socket file in a private folder that is gone once the model is loaded or, on
Windows, a loopback port behind a random key.
"""

import logging
import os
import secrets
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from haystack import component
from haystack.dataclasses import ChatMessage

from rag.answers.generators.delivery import Delivery, FinishReason, as_dicts, too_long, wait_for
from rag.config.paths import expanded
from rag.errors import ModelError

logger = logging.getLogger(__name__)

_BATCH = 256  # prompt tokens between two checks of `stop` and `deadline`


@component
class GgufGenerator:
    """Generator that runs a GGUF model; concurrent calls wait for each other.

    Args:
        path: The model file.
        context: Maximum number of tokens of prompt and answer together; llama.cpp lowers it to the
            model's training context.
        max_tokens: Maximum length of an answer, in tokens.
        temperature: 0 takes the likeliest token; higher is more random.
        seed: Seed of the sampling; unused at temperature 0.
    """

    def __init__(
        self,
        path: str,
        *,
        context: int = 4096,
        max_tokens: int = 300,
        temperature: float = 0.0,
        seed: int = 1,
    ) -> None:
        self.path = path
        self.context = context
        self.max_tokens = max_tokens
        self.temperature = temperature
        self.seed = seed
        self._server: Any = None
        self._loading = threading.Lock()
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Load the model, once.

        Raises:
            ModelError: If the file or the package is missing, or the file is no model.
        """
        with self._loading:
            if self._server is None:
                self._server = _load_server(self.path, self.context)

    def close(self) -> None:
        """Free the model after the answer in progress; the next `run` loads it again."""
        with self._loading, self._lock:
            self._server = None

    @component.output_types(text=str, finish_reason=str)
    def run(
        self,
        messages: list[ChatMessage],
        streaming_callback: Callable[[str], None] | None = None,
        stop: threading.Event | None = None,
        deadline: float | None = None,
    ) -> dict[str, str]:
        """Return the model's answer; see `rag.answers.generators` for the contract.

        While the prompt is read, `stop` and `deadline` are checked every 256 tokens.

        Raises:
            ModelError: If the model cannot be loaded, or the prompt is longer than the context.
        """
        delivery = Delivery(streaming_callback, stop, deadline)
        request = self._request(messages)
        self.warm_up()
        interruption = wait_for(self._lock, delivery)
        if interruption is not None:
            return delivery.reply(interruption)
        try:
            return delivery.reply(_generate(self._server, request, delivery))
        finally:
            self._lock.release()

    def _request(self, messages: list[ChatMessage]) -> dict[str, Any]:
        return {
            "messages": as_dicts(messages),
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "seed": self.seed,
            "stream": True,
            "return_progress": True,
        }


class _Stream:
    """Receiver of llama.cpp's stream; as a context manager it carries errors past llama.cpp.

    xllamacpp ends the stream silently when its callback raises, Ctrl-C included.
    """

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.finish_reason: FinishReason | None = None
        self.error: BaseException | None = None

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self.error = error
        return True

    def receive(self, chunk: dict[str, Any]) -> bool:
        """Deliver one part of the stream; return True to end the generation."""
        with self:
            self._deliver(chunk)
        return self.error is not None or self.finish_reason is not None

    def _deliver(self, chunk: dict[str, Any]) -> None:
        if "error" in chunk:
            raise _request_error(chunk["error"])
        for choice in chunk["choices"]:
            self.delivery.add(choice["delta"].get("content") or "")
            if choice["finish_reason"] is not None:
                self.finish_reason = "length" if choice["finish_reason"] == "length" else "stop"
                return
        self.finish_reason = self.delivery.interruption()


def _generate(server: Any, request: dict[str, Any], delivery: Delivery) -> FinishReason:  # noqa: ANN401 - xllamacpp has no types
    stream = _Stream(delivery)
    try:
        server.handle_chat_completions(request, stream.receive)
    except (RuntimeError, ValueError) as error:  # C++ exceptions, for example from the template
        raise ModelError(f"llama.cpp cannot use the messages: {error}") from error
    if stream.error is not None:
        raise stream.error
    if stream.finish_reason is None:
        raise ModelError("llama.cpp ended without an answer: see its output, or try another model")
    return stream.finish_reason


def _request_error(error: dict[str, Any]) -> ModelError:
    if error.get("type") == "exceed_context_size_error":
        advice = "give fewer or shorter passages, or raise generator.context"
        return too_long(error["n_prompt_tokens"], error["n_ctx"], advice)
    return ModelError(f"llama.cpp cannot answer: {error.get('message', 'no reason given')}")


def _load_server(path: str, context: int) -> Any:  # noqa: ANN401 - xllamacpp has no types
    path = str(expanded(path))
    if not Path(path).is_file():
        raise ModelError(f"the model file `{path}` does not exist: check generator.path")
    try:
        import xllamacpp
    except ImportError as error:
        raise ModelError(
            "a GGUF model needs the extra `local-llm`: pip install 'citewell[local-llm]'"
        ) from error
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx = context
    params.n_parallel = 1  # with more, each would get a share of the context
    params.n_batch = params.n_ubatch = _BATCH
    # Waiting threads sleep: spinning ones made it 12 times slower beside another busy process.
    params.cpuparams.poll = params.cpuparams_batch.poll = 0
    params.cache_ram_mib = 0  # llama.cpp would keep up to 8 GB of old prompts
    params.enable_reasoning = 0  # thinking would use up max_tokens before the answer
    params.verbosity = 0
    params.ui = params.endpoint_slots = False
    params.cors_origins = ""
    params.api_keys = [secrets.token_hex(32)]
    logger.info("loading %s", path)
    with tempfile.TemporaryDirectory(prefix="citewell-") as private:
        if os.name == "posix":
            params.hostnames = [f"{private}/llama.sock"]
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            raise ModelError(
                f"llama.cpp cannot load `{path}`: expected a GGUF language model that fits in "
                "memory; check that the file is complete, or lower generator.context"
            ) from error
