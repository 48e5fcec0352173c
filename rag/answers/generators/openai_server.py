"""Generator for a server that speaks OpenAI's chat protocol, streamed.

The `openai` client is used directly and read in a separate thread: Haystack's OpenAIChatGenerator
ends only when its callback raises, which never happens once a server has gone silent.

The key stays in this object: it is in no `repr`, no `to_dict`, no log and no message.
"""

import json
import os
import queue
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Protocol
from urllib.parse import urlsplit

from haystack import component, default_from_dict, default_to_dict
from haystack.dataclasses import ChatMessage

from rag.answers.generators.delivery import POLL_SECONDS, Delivery, FinishReason, as_dicts
from rag.config.hosts import is_loopback
from rag.config.proxies import proxy_for
from rag.errors import ModelError, first_line

_OPENAI = "https://api.openai.com/v1"


@component
class OpenAIGenerator:
    """Generator that uses an OpenAI-compatible server; safe for concurrent calls.

    Args:
        base_url: The server's address up to and including `/v1`; None is OpenAI's own.
        model: Name of the model on the server.
        api_key: API key; None for a server that requires none.
        max_tokens: Maximum length of an answer, in tokens.
        temperature: 0 takes the likeliest token; None leaves it to the server, for models that
            accept no temperature.
        timeout: Seconds to wait for a connection, and for each next piece of the answer.
        retries: Number of retries after a lost connection or status 408, 409, 429 or 5xx, before
            the first piece of the answer.
        insecure: Send the key over plain http even to another machine.

    Raises:
        ModelError: If the address is invalid, or a key would leave this machine unencrypted.
    """

    def __init__(
        self,
        base_url: str | None,
        model: str,
        api_key: str | None = None,
        *,
        max_tokens: int = 300,
        temperature: float | None = 0.0,
        timeout: float = 60.0,
        retries: int = 2,
        insecure: bool = False,
    ) -> None:
        self.base_url = base_url
        self.model = model
        self.max_tokens = max_tokens
        self.temperature = temperature
        self.timeout = timeout
        self.retries = retries
        self.insecure = insecure
        self._api_key = api_key
        self._client: Any = None
        self._loading = threading.Lock()
        self._url = base_url or _OPENAI
        self._shown = _check_url(self._url, secret=api_key is not None, allow=insecure)
        if base_url is None and api_key is None:
            raise ModelError(f"{self._shown} needs a key: set generator.api_key, or base_url")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings for Haystack, without the key."""
        return default_to_dict(
            self,
            base_url=self._shown if self.base_url else None,
            model=self.model,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            timeout=self.timeout,
            retries=self.retries,
            insecure=self.insecure,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "OpenAIGenerator":
        """Return a generator with these settings; `init_parameters` must contain the key."""
        generator: OpenAIGenerator = default_from_dict(cls, data)
        return generator

    def warm_up(self) -> None:
        """Load the client's library; connections are opened by `run`."""
        import openai  # noqa: F401

    def _open(self) -> Any:  # noqa: ANN401 - openai comes late
        """Return the client, made once; nothing is sent to the server yet.

        Raises:
            ModelError: If the environment names a proxy that cannot be used.
        """
        import openai

        with self._loading:
            if self._client is None:
                self._client = openai.OpenAI(
                    base_url=self._url,
                    api_key=self._api_key or "none",  # else the client reads the environment
                    timeout=self.timeout,
                    max_retries=self.retries,
                    http_client=self._http_client(),
                )
            return self._client

    def _http_client(self) -> Any:  # noqa: ANN401 - httpx comes with openai
        import openai

        proxy = proxy_for(self._url)
        try:
            return openai.DefaultHttpxClient(
                follow_redirects=False,  # one would carry the passages to a server nobody named
                trust_env=proxy is not None,  # nothing for this machine goes through a proxy
                verify=_certificates(),
            )
        except (ValueError, ImportError) as error:
            if proxy is None:
                raise
            raise ModelError(
                f"{self._shown} cannot be asked through the proxy {proxy.shown} "
                f"(`{proxy.variable}`): {first_line(error)} Give an http:// proxy, or except the "
                "host with NO_PROXY"
            ) from None

    def close(self) -> None:
        """Close the connections; the next `run` opens new ones."""
        with self._loading:
            if self._client is not None:
                self._client.close()
                self._client = None

    @component.output_types(text=str, finish_reason=str)
    def run(
        self,
        messages: list[ChatMessage],
        streaming_callback: Callable[[str], None] | None = None,
        stop: threading.Event | None = None,
        deadline: float | None = None,
    ) -> dict[str, str]:
        """Return the model's answer; see `rag.answers.generators` for the contract.

        Raises:
            ModelError: If the server cannot be reached, refuses the request, breaks off or returns
                nothing; the message says what to check.
        """
        delivery = Delivery(streaming_callback, stop, deadline)
        request = self._request(messages)
        reading = _StreamReader(self._open(), request, self._explain)
        with closing(reading):
            reason = _deliver(reading, delivery)
        if reason is None:
            raise ModelError(f"{self._shown} broke off before the end of the answer: ask again")
        if reason in ("stop", "length") and not delivery.text().strip():
            raise ModelError(
                f"{self._shown} sent an empty answer: check that generator.base_url ends as the "
                "server wants it (often `/v1`), or raise generator.max_tokens"
            )
        return delivery.reply(reason)

    def _request(self, messages: list[ChatMessage]) -> dict[str, Any]:
        # OpenAI's newer models reject the name that all other servers use.
        limit = "max_completion_tokens" if self.base_url is None else "max_tokens"
        request = {"model": self.model, "messages": as_dicts(messages), limit: self.max_tokens}
        if self.temperature is not None:
            request["temperature"] = self.temperature
        return request

    def _explain(self, error: Exception, *, begun: bool) -> ModelError:
        import openai

        where = f"{self._shown} (model `{self.model}`)"
        if isinstance(error, openai.APITimeoutError):
            return ModelError(
                f"{where} was silent for {self.timeout:g} seconds: check that the server is not "
                "overloaded, or raise generator.timeout"
            )
        if isinstance(error, openai.APIStatusError):
            return ModelError(f"{where} {self._explain_status(error)}")
        if type(error) is openai.APIError:  # the server reports an error inside the stream
            return ModelError(f"{where} reported an error: {self._without_key(error.message)}")
        if isinstance(error, openai.APIConnectionError) and not begun:
            proxy = proxy_for(self._url)
            through = f" through the proxy {proxy.shown} (`{proxy.variable}`)" if proxy else ""
            return ModelError(
                f"{where} cannot be reached{through}: check generator.base_url and that the server "
                "runs"
            )
        return ModelError(f"{where} broke off in the middle of an answer: ask again")

    def _explain_status(self, error: Any) -> str:  # noqa: ANN401 - openai.APIStatusError
        advice = {
            401: "refused the key (401): check generator.api_key",
            403: "does not let this key use the model (403): check the key's rights",
            404: "knows no such model or address (404): check generator.model and base_url",
            429: "has had too many questions (429): wait, or check the account's limits",
        }
        status: int = error.status_code
        said = f"answered with status {status}: {self._without_key(error.message)}"
        return advice.get(status, said)

    def _without_key(self, text: str) -> str:
        line = " ".join(text.split())
        if self._api_key:
            line = line.replace(self._api_key, "***")
        return line[:300]


class _Explain(Protocol):
    def __call__(self, error: Exception, *, begun: bool) -> ModelError: ...


class _StreamReader:
    """Reader of one answer in a thread of its own, which ends it when it is no longer wanted.

    The thread may outlive `close` until the server sends something or the time-out expires.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - openai comes late
        request: dict[str, Any],
        explain: _Explain,
    ) -> None:
        self._arrived: queue.Queue[Any] = queue.Queue()
        self._abandoned = threading.Event()
        self._begun = False  # whether the server has accepted the request
        arguments = (client, request, explain)
        threading.Thread(target=self._read, args=arguments, daemon=True).start()

    def close(self) -> None:
        self._abandoned.set()

    def take(self) -> Any:  # noqa: ANN401 - a choice of a chunk
        """Return the next choice, None at the end; raise queue.Empty if there is nothing yet."""
        arrived = self._arrived.get(timeout=POLL_SECONDS)
        if isinstance(arrived, ModelError):
            raise arrived
        return arrived

    def _read(
        self,
        client: Any,  # noqa: ANN401 - openai comes late
        request: dict[str, Any],
        explain: _Explain,
    ) -> None:
        import openai

        try:
            for choice in self._choices(client, request):
                self._arrived.put(choice)
        except (openai.OpenAIError, json.JSONDecodeError) as error:
            self._arrived.put(explain(error, begun=self._begun))
        finally:
            self._arrived.put(None)

    def _choices(self, client: Any, request: dict[str, Any]) -> Iterator[Any]:  # noqa: ANN401
        with client.chat.completions.create(**request, stream=True) as chunks:
            self._begun = True
            for chunk in chunks:
                if self._abandoned.is_set():
                    return
                yield from chunk.choices


def _certificates() -> ssl.SSLContext | bool:
    """Return the certificates that the environment names, or True for the usual ones."""
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    return ssl.create_default_context(cafile=file, capath=folder) if file or folder else True


def _deliver(reading: _StreamReader, delivery: Delivery) -> FinishReason | None:
    finish_reason: FinishReason | None = None
    while (interruption := delivery.interruption()) is None:
        try:
            choice = reading.take()
        except queue.Empty:
            continue
        if choice is None:
            return finish_reason
        delivery.add(choice.delta.content or "")
        if choice.finish_reason is not None:
            finish_reason = "length" if choice.finish_reason == "length" else "stop"
    return interruption


def _check_url(url: str, *, secret: bool, allow: bool) -> str:
    """Return the address in a form that may be shown: without user, password and query."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if parts.scheme not in ("http", "https") or not host:
        raise ModelError(
            "generator.base_url: expected an address such as http://localhost:11434/v1"
        )
    place = f"[{host}]" if ":" in host else host
    shown = f"{parts.scheme}://{place}{f':{port}' if port else ''}{parts.path}"
    if parts.scheme == "http" and secret and not allow and not is_loopback(host):
        raise ModelError(
            f"{shown} is not encrypted and would show the key to the network: use https, or set "
            "generator.insecure if you trust every machine on the way"
        )
    return shown
