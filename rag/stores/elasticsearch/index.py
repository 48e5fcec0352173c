"""The index of a collection: names, mapping, metadata and the published generation.

A collection is the alias `PREFIX~NAME` on one index `PREFIX~NAME~vN`. A rebuild fills index `N + 1`
and moves the alias in one step. The manifest is in the mapping's `_meta`; the published generation
is the one small document `state`, which is read by id and so needs no refresh.
"""

import hashlib
import re
import uuid
from dataclasses import asdict, dataclass, replace
from typing import Any

from elasticsearch import ConflictError, NotFoundError

from rag.errors import LockedError, MismatchError, StoreError
from rag.language.analysis import ANALYZER_VERSION
from rag.stores.contract import SCHEMA, Manifest
from rag.stores.elasticsearch.client import Cluster
from rag.stores.indexes.bm25 import K1, B
from rag.stores.validation import read_manifest

GRAPH_LINKS, GRAPH_BUILD = 32, 200  # of the int8 graph: m and ef_construction, the same as in FAISS
STATE = "state"
_STORED_KEYWORD = {"type": "keyword", "index": False, "doc_values": False}  # read, never searched
_TOKENS = {"type": "text", "analyzer": "whitespace", "index_options": "positions"}
_PROPERTIES = {
    "kind": {"type": "keyword"},
    "id": {"type": "keyword"},
    "document": {"type": "keyword"},  # the id of a passage's document
    "path": {"type": "keyword"},
    "n": {"type": "long"},  # the age: every row has its own, later ones are larger
    "added": {"type": "long"},
    "removed": {"type": "long"},
    "whole": {"type": "long"},  # the generation that added the passage together with its document
    "embedded": {"type": "boolean"},
    "text": _TOKENS,
    "title": _TOKENS,
    "copy": {"type": "keyword"},  # the same for passages that read the same
    "facets": {"type": "keyword", "doc_values": False},
    "embedding": {"type": "binary"},
    **dict.fromkeys(
        ("content", "heading", "meta", "blob", "body", "source", "sha256"), _STORED_KEYWORD
    ),
    **dict.fromkeys(("failures", "writer", "owner"), _STORED_KEYWORD),
    "generation": {"type": "long"},
}


@dataclass(frozen=True)
class Names:
    """Names of a collection's alias, locks and indexes on the cluster."""

    prefix: str
    collection: str

    @property
    def alias(self) -> str:
        """The alias used by readers and writers; no two collections share one."""
        group, _, name = self.collection.rpartition(":")
        slug = name
        if not re.fullmatch(r"[a-z0-9_.-]+", name):
            plain = re.sub(r"[^a-z0-9]+", "-", name.lower())
            slug = f"{plain[:40]}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        return f"{self.prefix}~~{group}~{slug}" if group else f"{self.prefix}~{slug}"

    @property
    def locks(self) -> str:
        """The index that holds the locks of all collections with this prefix."""
        return f"{self.prefix}~~locks"

    def version(self, number: int) -> str:
        """Return the name of one version of the index."""
        return f"{self.alias}~v{number}"


@dataclass(frozen=True)
class Head:
    """Metadata of an index.

    Attributes:
        index: Name of the index, not the alias.
        owner: Identity of the collection, which changes when it is deleted and created again.
        tokens: Version of the analyser that made its tokens.
        dense: Whether it has a graph (`elasticsearch`) or leaves dense search to `faiss`.
        dimension: Length of its vectors; 0 before the first.
        manifest: Settings of the collection; None before the first document.
    """

    index: str
    owner: str
    tokens: str
    dense: str
    dimension: int = 0
    manifest: Manifest | None = None


@dataclass(frozen=True)
class State:
    """The published generation, the numbers that guard its replacement, and its index."""

    generation: int
    seq_no: int
    primary_term: int
    index: str = ""
    owner: str = ""


def versions_of(cluster: Cluster, names: Names) -> dict[str, int]:
    """Return index -> number of all existing versions, oldest first, with or without the alias."""
    pattern = f"{names.alias}~v*"
    found = cluster.write(
        lambda client: client.indices.get(index=pattern, features="aliases", filter_path="*")
    )
    numbers = {index: index.rpartition("~v")[2] for index in found.body}
    versions = {index: int(number) for index, number in numbers.items() if number.isdigit()}
    return dict(sorted(versions.items(), key=lambda item: item[1]))


def create_index(cluster: Cluster, names: Names, head: Head, *, visible: bool) -> None:
    """Create one version of an index, with the alias if it is to be visible; it may exist."""
    settings = cluster.settings
    body = {
        "number_of_shards": settings.shards,
        "number_of_replicas": settings.replicas,
        "refresh_interval": settings.refresh,
        "similarity": {"default": {"type": "BM25", "k1": K1, "b": B}},
    }
    mappings = {
        "dynamic": "strict",
        "_source": {"excludes": ["vector"]},  # stored in `embedding`, at a quarter of the size
        "properties": {**_PROPERTIES, **_vector(head)},
        "_meta": _meta(names, head),
    }
    aliases: dict[str, Any] = {names.alias: {}} if visible else {}
    create_if_missing(cluster, index=head.index, settings=body, mappings=mappings, aliases=aliases)


def create_if_missing(cluster: Cluster, **request: Any) -> None:  # noqa: ANN401
    """Create an index, unless another process has just done so."""
    try:
        cluster.write(lambda client: client.indices.create(**request))
    except StoreError as error:
        if "resource_already_exists" not in str(error):
            raise


def new_head(cluster: Cluster, names: Names, number: int) -> Head:
    """Return the metadata of a new index."""
    dense = cluster.settings.dense
    return Head(names.version(number), uuid.uuid4().hex, ANALYZER_VERSION, dense)


def open_index(cluster: Cluster, names: Names, *, create: bool) -> Head:
    """Return the metadata of a collection's index, created if missing and `create` is set.

    Raises:
        StoreError: If it is missing and `create` is not set.
    """
    head = read_head(cluster, names)
    if head is None and create:
        leftover = max(versions_of(cluster, names).values(), default=0)
        create_index(cluster, names, new_head(cluster, names, leftover + 1), visible=True)
        head = read_head(cluster, names)  # another process may have been first
    if head is None:
        raise StoreError(
            f"the collection `{names.collection}` is gone from {cluster.where}. Make it with: rag "
            "index PATH"
        )
    return head


def read_head(cluster: Cluster, names: Names) -> Head | None:
    """Return the metadata of a collection's index; None if there is no such collection.

    Raises:
        MismatchError: If it was made by a newer version of this product.
        StoreError: If something else has its name.
    """
    alias = names.alias
    found = cluster.read(
        lambda client: client.options(ignore_status=404).indices.get_mapping(index=alias)
    ).body
    if "error" in found:
        return None
    index, meta = next((index, each["mappings"].get("_meta", {})) for index, each in found.items())
    if meta.get("collection") != names.collection or "owner" not in meta:
        raise StoreError(f"`{alias}` on the cluster is no collection. Set another `prefix`.")
    if meta["schema"] > SCHEMA:
        raise MismatchError(
            f"`{names.collection}` was written by a newer version: update citewell."
        )
    made = meta["manifest"]
    return Head(
        index=index,
        owner=meta["owner"],
        tokens=meta["tokens"],
        dense=meta["dense"],
        dimension=meta["dimension"],
        manifest=read_manifest(made, names.collection) if made else None,
    )


def write_head(cluster: Cluster, names: Names, head: Head) -> None:
    """Update the metadata of an index; the length of its vectors is set once."""
    cluster.write(
        lambda client: client.indices.put_mapping(
            index=head.index, meta=_meta(names, head), properties=_vector(head)
        )
    )


def _meta(names: Names, head: Head) -> dict[str, Any]:
    made = asdict(head.manifest) if head.manifest else None
    facts = {**asdict(head), "manifest": made, "collection": names.collection, "schema": SCHEMA}
    del facts["index"]
    return facts


def _vector(head: Head) -> dict[str, Any]:
    if head.dense != "elasticsearch" or not head.dimension:
        return {}
    graph = {"type": "int8_hnsw", "m": GRAPH_LINKS, "ef_construction": GRAPH_BUILD}
    options = {"index": True, "similarity": "dot_product", "index_options": graph}
    return {"vector": {"type": "dense_vector", "dims": head.dimension, **options}}


def with_dimension(head: Head, dimension: int) -> Head:
    """Return a head with a length of vectors."""
    return replace(head, dimension=dimension)


def read_state(cluster: Cluster, index: str, *, patient: bool = False) -> State:
    """Return the published generation; 0 if there is none.

    Raises:
        StoreError: If the index is gone.
    """
    ask = cluster.write if patient else cluster.read
    try:
        found = ask(lambda client: client.get(index=index, id=STATE))
    except StoreError as error:
        if isinstance(error.__cause__, NotFoundError) and "error" not in error.__cause__.body:
            return State(0, -1, -1)
        raise
    return _state(found.body)


def _state(found: dict[str, Any]) -> State:
    facts = found["_source"]
    numbers = found["_seq_no"], found["_primary_term"]
    return State(facts["generation"], *numbers, found["_index"], facts["owner"])


def write_state(
    cluster: Cluster, head: Head, generation: int, *, last: State, writer: str
) -> State:
    """Publish a generation, unless another process has replaced the last; return the new state.

    Raises:
        LockedError: If another process has taken the lock.
    """
    index = head.index
    source = {"kind": STATE, "generation": generation, "writer": writer, "owner": head.owner}
    guard: dict[str, Any] = {"op_type": "create"}
    if last.seq_no >= 0:
        guard = {"if_seq_no": last.seq_no, "if_primary_term": last.primary_term}
    try:
        done = cluster.write(
            lambda client: client.index(index=index, id=STATE, document=source, **guard)
        )
    except StoreError as error:
        if not isinstance(error.__cause__, ConflictError):
            raise
        # An answer lost on the way looks the same: then the state is ours.
        found = cluster.write(lambda client: client.get(index=index, id=STATE))
        if found["_source"] != source:
            raise LockedError(
                "another process has taken over writing; nothing more is written here. Run the "
                "same command again."
            ) from None
        return _state(found.body)
    return State(generation, done["_seq_no"], done["_primary_term"], done["_index"], head.owner)
