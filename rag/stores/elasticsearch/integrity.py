"""Integrity of a collection on a cluster, row by row; rows of an older version are rebuilt."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from rag.errors import MismatchError, StoreError, UnavailableError
from rag.language.analysis import ANALYZER_VERSION
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.index import Head, Names, versions_of
from rag.stores.elasticsearch.rows import DOCUMENT, PASSAGE, one_of, passage_of, visible
from rag.stores.elasticsearch.scanning import count, scan

log = logging.getLogger(__name__)

DOCUMENTS_AT_ONCE = 50


def find_problems(cluster: Cluster, names: Names, head: Head, generation: int) -> list[str]:
    """Return the problems found, one line each; empty if there are none."""
    problems = []
    if head.tokens != ANALYZER_VERSION:
        problems.append(f"bm25: the tokens are of the analyser `{head.tokens}`; rebuild it.")
    others = versions_of(cluster, names).keys() - {head.index}
    problems += [
        f"index: `{name}` was left by a rebuild that was killed; rebuild it." for name in others
    ]
    problems += _health(cluster, head)
    problems += _doubles(cluster, names, generation)
    problems += _vectors(cluster, names, head, generation)
    return [*problems, *_misplaced(cluster, names, generation)]


def _health(cluster: Cluster, head: Head) -> list[str]:
    health = cluster.read(lambda client: client.cluster.health(index=head.index))
    if health["status"] == "red":
        missing = health["unassigned_shards"]
        return [f"index: {missing} shards are away: start the nodes that hold them."]
    return []


def _doubles(cluster: Cluster, names: Names, generation: int) -> Iterator[str]:
    for kind in (DOCUMENT, PASSAGE):
        rows = scan(cluster, names.alias, visible(kind, generation), fields=["n", "id"])
        counts = Counter(row["id"] for row in rows)
        yield from (
            f"index: {kind} `{name}` is there {n} times." for name, n in counts.items() if n > 1
        )


def _vectors(cluster: Cluster, names: Names, head: Head, generation: int) -> list[str]:
    """Return a problem if passages with vectors cannot be found by them."""
    if head.dense != "elasticsearch" or not head.dimension:
        return []
    lost: dict[str, Any] = {"bool": {"must_not": [{"exists": {"field": "vector"}}]}}
    query = visible(PASSAGE, generation, {"term": {"embedded": True}}, lost)
    number = count(cluster, names.alias, query)
    return [f"dense: {number} passages have a vector without direction."] if number else []


def _misplaced(cluster: Cluster, names: Names, generation: int) -> Iterator[str]:
    """Yield a line for each passage whose text is not the document's text from start to end."""
    documents = scan(
        cluster, names.alias, visible(DOCUMENT, generation), fields=["n", "id", "body", "source"]
    )
    while part := list(islice(documents, DOCUMENTS_AT_ONCE)):
        texts = {row["id"]: row["body"] for row in part}
        query = visible(PASSAGE, generation, one_of("document", list(texts)))
        for row in scan(cluster, names.alias, query):
            passage = passage_of(row)
            start, end = passage.meta.get("start", 0), passage.meta.get("end", 0)
            if passage.content != texts[row["document"]][start:end]:
                yield f"index: the text of passage `{passage.id}` is not what its document says."


def require_graph(collection: str, head: Head) -> None:
    """Check that an index has a graph if it is to be searched with one.

    Raises:
        MismatchError: If it has none; says what to do.
    """
    if head.dense != "elasticsearch":
        raise MismatchError(
            f"the collection `{collection}` was made with `store.elasticsearch.dense: "
            f"{head.dense}`. Set it back, or run `rag collections rebuild {collection}`."
        )


def is_outdated(collection: str, head: Head) -> bool:
    """Return whether the tokens of an index are of an older analyser than the current one.

    Raises:
        MismatchError: If they are of a newer one.
    """
    if head.tokens == ANALYZER_VERSION:
        return False
    if head.tokens.isdigit() and int(head.tokens) > int(ANALYZER_VERSION):
        raise MismatchError(
            f"`{collection}` was indexed by a newer version (analyser `{head.tokens}`, this is "
            f"`{ANALYZER_VERSION}`): update citewell."
        )
    return True


def bring_up_to_date(
    collection: str, head: Head, *, dense: str, rebuild: Callable[[], None]
) -> None:
    """Rebuild the rows of an older analyser; nothing is done if they are the current one's.

    Args:
        collection: Its name.
        head: What is known of its index, as it is now.
        dense: The configured way to search vectors; another one than the index has is not changed.
        rebuild: Rebuilds the rows.

    Raises:
        MismatchError: If they cannot be rebuilt from here; says what to do.
    """
    if not is_outdated(collection, head):
        return
    log.warning("`%s` was indexed by another version: its rows are rebuilt, once.", collection)
    why = f"it was made with `store.elasticsearch.dense: {head.dense}`"
    if head.dense == dense:
        try:
            rebuild()
        except UnavailableError:
            raise
        except StoreError as error:  # somebody is writing, or this user may only read
            why = str(error)
        else:
            return
    raise MismatchError(
        f"the collection `{collection}` was indexed by another version and cannot be rebuilt "
        f"from here: {why.rstrip('.')}. Run `rag collections rebuild {collection}` where you may "
        "write; if somebody is doing that, ask again afterwards."
    )
