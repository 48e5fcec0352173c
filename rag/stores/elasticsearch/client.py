"""The connection to a cluster: authentication, retries, and every error in one line.

No other module catches the client's exceptions. Transient errors (no connection, no answer in
time, 429, 502 to 504) are retried, with growing and jittered pauses, until the time is over, and
then raised as `UnavailableError`; everything else is a `StoreError` at once.
"""

import logging
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from elastic_transport import ConnectionError as NoConnection
from elastic_transport import (
    ConnectionTimeout,
    SerializationError,
    TextApiResponse,
    TlsError,
    TransportError,
)
from elasticsearch import ApiError, AuthorizationException, Elasticsearch, UnsupportedProductError

from rag.config.elasticsearch import ElasticsearchConfig
from rag.config.paths import expanded
from rag.errors import StoreError, UnavailableError

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Operation = Callable[[Any], Result]  # on the client, whose own types know less than its server

OLDEST = (8, 12)  # the first version with int8 graphs
PASSING = frozenset({429, 502, 503, 504})
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds between attempts, doubled each time
READ_ATTEMPTS = 3  # a reader prefers a quick error to a long wait
LONGEST_REQUEST = 60.0  # seconds that one request of a writer may take
BROKEN = 1.0  # seconds after a failure in which readers fail at once
LONGEST_REASON = 300


class Cluster:
    """A cluster with retries; safe to share between threads.

    Args:
        settings: Address, credentials and time limits.

    Raises:
        StoreError: If the certificate authority's file cannot be read.
    """

    def __init__(self, settings: ElasticsearchConfig) -> None:
        self.settings = settings
        self.shown = ", ".join(settings.url)
        self.where = f"the cluster at `{self.shown}`"
        self._client = _connect(settings)
        self._checked = False
        self._lock = threading.Lock()
        self._away: tuple[float, str] = (0.0, "")  # until when, and why

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def read(self, operation: Operation[Result]) -> Result:
        """Return the result of a read operation, within `timeout` seconds in all.

        Raises:
            UnavailableError: If there is no answer in that time.
            StoreError: If the answer is an error.
        """
        until, reason = self._away
        if time.monotonic() < until:
            raise UnavailableError(reason)
        seconds = self.settings.timeout
        each = seconds / min(len(self.settings.url), READ_ATTEMPTS)
        try:
            return self._persist(operation, seconds, each, READ_ATTEMPTS)
        except UnavailableError as error:
            if isinstance(error.__cause__, TransportError):
                self._away = time.monotonic() + BROKEN, str(error)
            raise

    def write(self, operation: Operation[Result], *, seconds: float | None = None) -> Result:
        """Return the result of a change, retried for `patience` seconds, or for `seconds`.

        The operation must be idempotent.

        Raises:
            UnavailableError: If the cluster is away or overloaded for longer.
            StoreError: If the answer is an error.
        """
        patience = self.settings.patience if seconds is None else seconds
        return self._persist(operation, patience, min(LONGEST_REQUEST, patience / 2), None)

    def version(self) -> str:
        """Return the server's version.

        Raises:
            StoreError: If it is not a supported version.
        """
        answer = self.read(
            lambda client: client.nodes.info(node_id="_local", filter_path="nodes.*.version")
        )
        version = next(iter(answer["nodes"].values()))["version"]
        number = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
        if not OLDEST <= number < (OLDEST[0] + 1,):
            oldest = ".".join(map(str, OLDEST))
            raise StoreError(
                f"`{self.shown}` runs Elasticsearch {version}; {oldest} or newer is needed, but "
                f"below {OLDEST[0] + 1}. Point `store.elasticsearch.url` at such a cluster."
            )
        return str(version)

    def check(self) -> None:
        """Check, once, that the server's version is supported.

        Raises:
            StoreError: If it is too old or too new.
        """
        with self._lock:
            if self._checked:
                return
            try:
                self.version()
            except StoreError as error:
                if not isinstance(error.__cause__, AuthorizationException):
                    raise
                log.warning("`%s` does not tell its version: going on without.", self.shown)
            self._checked = True

    def _persist(
        self, operation: Operation[Result], seconds: float, each: float, attempts: int | None
    ) -> Result:
        deadline, pause, done = time.monotonic() + seconds, FIRST_PAUSE, 0
        while True:
            left = max(deadline - time.monotonic(), 0.05)
            done += 1
            try:
                return self._json(operation(self._client.options(request_timeout=min(each, left))))
            except (ApiError, TransportError, UnsupportedProductError) as error:
                explained = self.explain(error)
                wait = pause * random.uniform(0.5, 1.5)  # noqa: S311 - so that not all come at once
                over = done == attempts or time.monotonic() + wait >= deadline
                if over or not isinstance(explained, UnavailableError):
                    raise explained from error
                if attempts is None:
                    log.warning("%s Trying again.", explained)
            time.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _json(self, answer: Result) -> Result:
        if isinstance(answer, TextApiResponse):
            raise StoreError(f"{self.where} does not answer in JSON: is there a proxy before it?")
        return answer

    def explain(self, error: Exception) -> StoreError:
        """Return the error for an exception of the client: one line that says what to do."""
        for kind, made, text in _EXPLAINED:
            if isinstance(error, kind):
                return made(text.format(where=self.where, reason=_reason(error)))
        if isinstance(error, ApiError):
            body = error.body if isinstance(error.body, dict) else {"error": error.message}
            return explain_answer(self.where, error.status_code, *cause_of(body))
        return UnavailableError(f"{self.where} failed: {_reason(error)}.")


_EXPLAINED: tuple[tuple[type[Exception], type[StoreError], str], ...] = (
    (
        UnsupportedProductError,
        StoreError,
        "{where} is not Elasticsearch. Set `store.elasticsearch.url`.",
    ),
    (
        TlsError,
        StoreError,
        "the certificate of {where} is not trusted: {reason}. Set `store.elasticsearch.ca` to the "
        "file of the authority that signed it.",
    ),
    (
        ConnectionTimeout,
        UnavailableError,
        "{where} did not answer in time. Ask again, or raise `store.elasticsearch.timeout`.",
    ),
    (
        NoConnection,
        UnavailableError,
        "{where} cannot be reached: {reason}. Start it, or set `store.elasticsearch.url`.",
    ),
    (
        SerializationError,
        StoreError,
        "{where} does not answer in JSON: is there a proxy before it?",
    ),
)


def describe_cluster(settings: ElasticsearchConfig) -> str:
    """Return a cluster's address, version and health, as text without secrets.

    Raises:
        StoreError: If it does not answer, or cannot be used.
    """
    cluster = Cluster(settings)
    try:
        version = cluster.version()
        health = cluster.read(lambda client: client.cluster.health())
    finally:
        cluster.close()
    nodes = health["number_of_data_nodes"]
    return (
        f"Elasticsearch {version} at {cluster.shown}, health {health['status']}, {nodes} data "
        f"node{'s' if nodes > 1 else ''}, dense with {settings.dense}"
    )


def _connect(settings: ElasticsearchConfig) -> Elasticsearch:
    options: dict[str, Any] = {"max_retries": 0, "retry_on_timeout": False}
    if settings.api_key is not None:
        options["api_key"] = settings.api_key.get_secret_value()
    if settings.username is not None and settings.password is not None:
        options["basic_auth"] = (settings.username, settings.password.get_secret_value())
    if settings.ca is not None:
        authority = expanded(settings.ca)
        if not authority.is_file():
            raise StoreError(
                f"there is no file `{settings.ca}` with the cluster's certificate authority. Set "
                "`store.elasticsearch.ca` to one."
            )
        options["ca_certs"] = str(authority)
    try:
        return Elasticsearch(list(settings.url), **options)
    except (OSError, ValueError) as error:
        raise StoreError(f"`store.elasticsearch` cannot be used: {_reason(error)}.") from None


def explain_answer(where: str, status: int, kind: str, reason: str) -> StoreError:
    """Return the error for an error answer: one line that says what to do."""
    mapping = kind in _MAPPING or (kind == "illegal_argument_exception" and "mapper" in reason)
    if kind == "cluster_block_exception":
        text = (
            f"the index is read-only: {reason}. Free some space on the cluster's disks, or take "
            "the block away, and run the same command again."
        )
    elif kind == "index_not_found_exception":
        text = (
            f"the collection's index is gone from {where}: somebody deleted it. Index again: rag "
            "index PATH"
        )
    elif mapping:
        text = (
            f"the index has another mapping than this version makes: {reason}. Run `rag "
            "collections rebuild NAME`, or delete the collection and index again."
        )
    elif status == 401:
        text = (
            f"{where} refuses the name and password, or the key. Set "
            "`store.elasticsearch.username` and `password`, or `api_key`."
        )
    elif status == 403:
        text = f"{where} does not allow this: {reason}. Ask its administrator."
    elif status in PASSING:
        return UnavailableError(f"{where} is overloaded or incomplete ({status}): {reason}.")
    else:
        text = f"{where} refused a request ({status}, {kind}): {reason}."
    return StoreError(text)


_MAPPING = ("strict_dynamic_mapping_exception", "document_parsing_exception")


def cause_of(body: Mapping[str, Any]) -> tuple[str, str]:
    """Return type and reason of an error answer; of a failed search, those of a shard."""
    found = body.get("error")
    if not isinstance(found, dict):
        return "", _first_line(str(found or "no reason given"))
    for failed in found.get("failed_shards") or []:
        found = failed.get("reason") or found
    return str(found.get("type", "")), _first_line(str(found.get("reason", "")))


def _reason(error: Exception) -> str:
    return _first_line(str(getattr(error, "message", None) or error))


def _first_line(text: str) -> str:
    return text.partition("\n")[0].rstrip(". ")[:LONGEST_REASON]
