"""Every kind of store, for the tests that hold for all: `engine` is one, and opens collections."""

import uuid

import pytest
from elasticsearch import Elasticsearch
from elasticsearch_server import settings_for

from rag.config import StoreConfig
from rag.stores.elasticsearch.store import ElasticsearchStore
from rag.stores.embedded.store import EmbeddedStore

CLUSTER = [
    pytest.param("elasticsearch", marks=pytest.mark.elasticsearch),
    pytest.param("faiss", marks=pytest.mark.elasticsearch),
]
KINDS = ["embedded", *CLUSTER]


class Engine:
    """Opens stores of one kind; a folder's name is the collection's."""

    def __init__(self, kind, prefixes=None):
        self.kind, self.is_embedded = kind, kind == "embedded"
        self._prefixes, self._opened = prefixes, []
        if not self.is_embedded:
            self.url, self.prefix = prefixes.url, prefixes.take()

    def open(self, folder, settings=None, *, create=True, title_weight=0.3):
        """Open a collection, made if it is missing."""
        if self.is_embedded:
            options = {"create": create, "settings": settings, "title_weight": title_weight}
            store = EmbeddedStore(folder, **options)
        else:
            store = ElasticsearchStore(
                folder.name,
                create=create,
                settings=self.settings(settings),
                title_weight=title_weight,
                folder=folder.parent / f"derived-{folder.name}",
            )
        self._opened.append(store)
        return store

    def settings(self, base=None, **options):
        """The settings with which stores are opened."""
        if self.is_embedded:
            return base or StoreConfig()
        options = {"prefix": self.prefix, "dense": self.kind, **options}
        return settings_for(self.url, base=base, **options)

    def filled(self, folder, settings=None, passages=(), **options):
        """Open a collection and write passages to it."""
        store = self.open(folder, settings, **options)
        store.write_documents(list(passages))
        return store

    def end(self):
        """Close every store, and let what is on the server be deleted."""
        for store in self._opened:
            store.close()
        if not self.is_embedded:
            self._prefixes.give_back(self.prefix)


class Prefixes:
    """Prefixes of names on a server: deleted many at a time, and used again with their locks.

    Making and deleting an index is what a server does most slowly.
    """

    MOST = 12  # that wait to be deleted

    def __init__(self, url):
        self.url, self._free, self._left = url, [], []

    def take(self):
        """Return a prefix under which there is no collection, and nothing is locked."""
        return self._free.pop() if self._free else f"t{uuid.uuid4().hex[:10]}"

    def give_back(self, prefix):
        self._left.append(prefix)
        if len(self._left) == self.MOST:
            self._free += self._left
            self._delete(self._left, keep_locks=True)
            self._left = []

    def end(self):
        self._delete([*self._free, *self._left], keep_locks=False)

    def _delete(self, prefixes, *, keep_locks):
        if not prefixes:
            return
        locks = [f"{prefix}~~locks" for prefix in prefixes]
        with Elasticsearch(self.url) as client:
            if keep_locks:
                client.indices.refresh(index=locks, ignore_unavailable=True)
                found = client.search(index=locks, size=100, ignore_unavailable=True)
                held = {hit["_index"] for hit in found["hits"]["hits"]}  # by the killed
                locks = [name for name in locks if name not in held]
            else:
                locks = []
            names = client.indices.get(index=[f"{p}~*" for p in prefixes], features="aliases")
            unwanted = [name for name in names if name not in locks]
            if unwanted:
                client.indices.delete(index=unwanted)


def delete_all(url, prefix):
    with Elasticsearch(url) as client:
        names = list(client.indices.get(index=f"{prefix}~*", features="aliases"))
        if names:
            client.indices.delete(index=names)


@pytest.fixture(scope="session")
def prefixes(elasticsearch_url):
    """Where the collections of this process's tests are on the server."""
    made = Prefixes(elasticsearch_url)
    yield made
    made.end()


def make_engine(kind, request):
    return Engine(kind, None if kind == "embedded" else request.getfixturevalue("prefixes"))


@pytest.fixture(params=KINDS)
def engine(request):
    made = make_engine(request.param, request)
    yield made
    made.end()


@pytest.fixture(params=CLUSTER)
def cluster_engine(request):
    made = make_engine(request.param, request)
    yield made
    made.end()
