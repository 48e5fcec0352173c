"""Everything that reads passages reads their view: bm25, embedder, and the words of an answer."""

import pytest
from haystack import Document
from unit_builders import quoted

from indexing.chunking import embedded_text
from rag.config import StoreConfig
from rag.models.model_files import find_model
from rag.reading.evidence import Evidence
from rag.stores.document_codec import dump_meta
from rag.stores.elasticsearch.rows import tokens_of
from rag.stores.embedded.store import EmbeddedStore
from rag.view import EDITS, Edit, View

TEXT = "It keeps a tempera-\nture of ten."
CUT = TEXT.index("-")
VIEW = View(TEXT, [Edit(CUT, CUT + 2, "")])


def passage():
    return Document(
        id="d:0",
        content=TEXT,
        meta={"document_id": "d", "title": "", "start": 0, EDITS: VIEW.dump()},
    )


@pytest.mark.parametrize("engine", ["tantivy", "rank-bm25"])
def test_bm25_finds_the_words_of_the_view_and_no_others(tmp_path, engine):
    store = EmbeddedStore(tmp_path / "c", settings=StoreConfig(bm25=engine))
    store.write_documents([passage()])
    assert [each.id for each in store.bm25_retrieval("temperature", top_k=1)] == ["d:0"]
    assert store.bm25_retrieval("tempera", top_k=1) == []
    store.close()


def test_a_row_of_elasticsearch_has_the_words_of_the_view():
    row = tokens_of(TEXT, dump_meta(passage().meta, "d:0"))
    assert row["text"].split() == ["keep", "temperatur", "ten"]


def test_the_embedder_reads_the_view():
    tokenizer = find_model("all-MiniLM-L6-v2", setting="x").tokenizer
    assert embedded_text(passage(), tokenizer, context=True) == "It keeps a temperature of ten."


@pytest.mark.parametrize("wording", ["", "It keeps a temperature of ten."])
def test_an_answer_is_worded_as_the_view_and_quotes_the_text(wording):
    evidence = [Evidence("d:0", 0, len(TEXT), (), 0.9, wording=wording)]
    cited = quoted("What does it keep?", [passage()], evidence)
    assert cited.text == "It keeps a temperature of ten. [1]"
    (citation,) = cited.citations
    assert (citation.quote, citation.shown) == (TEXT, "It keeps a temperature of ten.")


def test_a_span_that_begins_in_a_gap_between_lines_begins_at_the_next_word():
    view = View("one\n\n  two", [Edit(3, 7, " ")])
    assert view.source[slice(*view.to_source(3, 7))] == "two"
    assert view.source[slice(*view.to_source(0, 4))] == "one"
