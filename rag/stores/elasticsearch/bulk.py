"""Bulk changes to rows, each with its own outcome; only failed ones are sent again."""

import logging
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import ApiError

from rag.errors import StoreError, UnavailableError
from rag.stores.elasticsearch.client import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    PASSING,
    Cluster,
    cause_of,
    explain_answer,
)
from rag.stores.elasticsearch.rows import Row, with_vector

log = logging.getLogger(__name__)

MOST_ROWS = 500  # in one request
MOST_BYTES = 8_000_000  # of text in one request, unless one row alone is larger
TOO_LARGE = 413
WHOLLY = ("cluster_block_exception", "index_not_found_exception")  # no row is ever taken


@dataclass(frozen=True)
class RowChange:
    """Change of a row: its new content, or None to delete it."""

    row: Row | None


def send(
    cluster: Cluster,
    index: str,
    changes: Mapping[str, RowChange],
    *,
    dense: str,
    refresh: bool = False,
    by_alias: bool = True,
) -> dict[str, str]:
    """Make changes durable; return those that are refused.

    Sending twice is harmless: rows are written by their own ids, and deleting a missing row does
    nothing.

    Args:
        cluster: The cluster.
        index: Alias of the index.
        changes: Row id -> change.
        dense: Whether rows are sent with the vector that the cluster searches (`elasticsearch`).
        refresh: Whether the changes are searchable afterwards.
        by_alias: Whether `index` must be an alias, so that a deleted index is not created again.

    Returns:
        Row id -> reason of the refusal; a refused row is unchanged.

    Raises:
        UnavailableError: If the cluster stays away or overloaded for `patience` seconds.
        StoreError: If it refuses all changes.
    """
    sender = _Sender(cluster, index, dense, refresh=refresh, by_alias=by_alias)
    refused: dict[str, str] = {}
    for part in _parts(changes):
        refused |= sender.send(part)
    return refused


@dataclass(frozen=True)
class _Sender:
    """Sender of the parts; for the fields see the arguments of `send`."""

    cluster: Cluster
    index: str
    dense: str
    refresh: bool = field(kw_only=True)
    by_alias: bool = field(kw_only=True)

    def send(self, part: dict[str, RowChange]) -> dict[str, str]:
        """Send one request's changes until each is accepted or refused; return the refused ones."""
        deadline = time.monotonic() + self.cluster.settings.patience
        refused: dict[str, str] = {}
        pause, left = FIRST_PAUSE, part
        while left:
            passing = self._send_once(left, refused, max(deadline - time.monotonic(), 0.05))
            left = {name: left[name] for name in passing}
            if left:
                wait = pause * random.uniform(0.5, 1.5)  # noqa: S311 - so that not all come at once
                over = time.monotonic() + wait >= deadline
                self._tell(len(left), len(part), next(iter(passing.values())), over=over)
                time.sleep(wait)
                pause = min(2 * pause, LONGEST_PAUSE)
        return refused

    def _send_once(
        self, left: dict[str, RowChange], refused: dict[str, str], seconds: float
    ) -> dict[str, str]:
        """Send changes; add to the refused ones, and return those that may be accepted later."""
        operations = _operations(left, self.dense)
        try:
            answer = self.cluster.write(
                lambda client: client.bulk(
                    index=self.index,
                    operations=operations,
                    refresh=self.refresh,
                    require_alias=self.by_alias,
                ),
                seconds=seconds,
            )
        except StoreError as error:
            if len(left) == 1 and _is_too_large(error):
                refused |= dict.fromkeys(left, "it is too large for the cluster")
                return {}
            raise
        passing = {}
        for name, status, reason in _outcomes(self.cluster, answer.body):
            if status in PASSING:
                passing[name] = reason
            elif status >= 400:
                refused[name] = reason
        return passing

    def _tell(self, left: int, among: int, reason: str, *, over: bool) -> None:
        if over:
            raise UnavailableError(
                f"{self.cluster.where} does not take {left} of {among} rows: {reason}. Run the "
                "same command again when it has less to do."
            )
        log.warning("%d of %d rows were not taken: %s. Trying again.", left, among, reason)


def _is_too_large(error: StoreError) -> bool:
    cause = error.__cause__
    return isinstance(cause, ApiError) and cause.status_code == TOO_LARGE


def _outcomes(cluster: Cluster, answer: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    """Yield row id, status and reason of each change; a missing row counts as deleted.

    Raises:
        StoreError: If the index is read-only or gone.
    """
    for item in answer["items"]:
        ((action, outcome),) = item.items()
        error = outcome.get("error")
        if action == "delete" and outcome["status"] == 404 and error is None:
            continue
        status, reason = int(outcome["status"]), ""
        if error is not None:
            kind, reason = cause_of({"error": error})
            if kind in WHOLLY:
                raise explain_answer(cluster.where, status, kind, reason)
        yield outcome["_id"], status, reason


def _operations(changes: Mapping[str, RowChange], dense: str) -> list[dict[str, Any]]:
    operations: list[dict[str, Any]] = []
    for name, change in changes.items():
        if change.row is None:
            operations.append({"delete": {"_id": name}})
        else:
            operations += [{"index": {"_id": name}}, with_vector(change.row, dense)]
    return operations


def _parts(changes: Mapping[str, RowChange]) -> Iterator[dict[str, RowChange]]:
    """Yield changes in requests of a size that a cluster accepts."""
    part: dict[str, RowChange] = {}
    size = 0
    for name, change in changes.items():
        weight = sum(len(value) for value in (change.row or {}).values() if isinstance(value, str))
        if part and (len(part) == MOST_ROWS or size + weight > MOST_BYTES):
            yield part
            part, size = {}, 0
        part[name] = change
        size += weight
    if part:
        yield part
