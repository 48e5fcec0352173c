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

    def __init__(self, kind, url=None):
        self.kind, self.url = kind, url
        self.prefix = f"t{uuid.uuid4().hex[:10]}"
        self.is_embedded = kind == "embedded"
        self._opened = []

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
        """Close every store, and delete what is on the server."""
        for store in self._opened:
            store.close()
        if not self.is_embedded:
            delete_all(self.url, self.prefix)


def delete_all(url, prefix):
    with Elasticsearch(url) as client:
        names = list(client.indices.get(index=f"{prefix}~*", features="aliases"))
        if names:
            client.indices.delete(index=names)


def make_engine(kind, request):
    url = None if kind == "embedded" else request.getfixturevalue("elasticsearch_url")
    return Engine(kind, url)


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
