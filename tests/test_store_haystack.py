"""Haystack's own test suites for document stores, run over ours."""

import numpy as np
import pytest
from haystack import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.testing.document_store import DocumentStoreBaseExtendedTests
from store_engines import make_engine

from rag.config import StoreConfig
from rag.stores.embedded.store import EmbeddedStore


class Alike(DocumentStoreBaseExtendedTests):
    @staticmethod
    def assert_documents_are_equal(received, expected):
        """Vectors are kept in single precision; everything else is equal."""
        assert [plain(document) for document in received] == [plain(d) for d in expected]
        for one, other in zip(received, expected, strict=True):
            if other.embedding is not None:
                np.testing.assert_allclose(one.embedding, other.embedding, rtol=1e-6)

    def test_write_documents(self, document_store):
        document = Document(content="a")
        assert document_store.write_documents([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            document_store.write_documents([document])


class TestEmbeddedStore(Alike):
    @pytest.fixture(params=["tantivy", "rank-bm25"])
    def document_store(self, request, tmp_path):
        store = EmbeddedStore(tmp_path / "collection", settings=StoreConfig(bm25=request.param))
        yield store
        store.close()


@pytest.mark.elasticsearch
class TestElasticsearchStore(Alike):
    """In one of its shapes: the other differs in dense retrieval alone, which is not asked here."""

    @pytest.fixture
    def document_store(self, request, tmp_path):
        engine = make_engine("elasticsearch", request)
        yield engine.open(tmp_path / "collection")
        engine.end()


def plain(document):
    values = document.to_dict(flatten=False)
    return {**values, "embedding": document.embedding is not None}
