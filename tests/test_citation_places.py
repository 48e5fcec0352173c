"""A citation has the page and the heading of its own words, not of its passage's start."""

from haystack import Document

from indexing.chunking import cut
from indexing.converters import ConvertedDocument, Heading
from rag.answers.citations import quote_evidence
from rag.config import ChunkingConfig
from rag.models.model_files import find_model
from rag.reading.evidence import Evidence
from rag.retrieval.passages import as_passage
from rag.schema import Passage

TEXT = "The mast is tall.\n\fThe chest is here.\n\nFood\nThe bread has nuts.\n\fIt moved in May."
FIRST, SECOND = TEXT.index("The chest"), TEXT.index("It moved")


def only_passage() -> Passage:
    """The one passage of a document with three pages and a heading on the second."""
    food = Heading(TEXT.index("Food"), 1, "Food")
    document = ConvertedDocument("", "T", TEXT, (food,), (0, FIRST, SECOND), {"format": "pdf"})
    files = find_model("all-MiniLM-L6-v2", setting="x")
    made: list[Document] = cut(
        document, "d", "d.pdf", tokenizer=files.tokenizer, limit=256, config=ChunkingConfig()
    )
    return as_passage(1, made[0])


def place_of(passage, words):
    start = passage.text.index(words)
    evidence = [Evidence(passage.passage_id, start, start + len(words), (), 0.9)]
    (citation,) = quote_evidence(evidence, [passage], most=1, share=0.5).citations
    assert TEXT[citation.start : citation.end] == citation.quote == words
    return citation.page, citation.heading


def test_page_and_heading_are_those_of_the_cited_words():
    passage = only_passage()
    assert (passage.page, passage.heading, passage.pages) == (1, None, (1, 2, 3))
    assert place_of(passage, "The mast is tall.") == (1, None)
    assert place_of(passage, "The chest is here.") == (2, None)
    assert place_of(passage, "The bread has nuts.") == (2, "Food")
    assert place_of(passage, "It moved in May.") == (3, "Food")


def test_a_quote_over_two_pages_is_on_the_page_of_the_words_that_answer():
    passage = only_passage()
    start, end = passage.text.index("The bread"), passage.text.index("May") + 3
    answer = (passage.text.index("May"), end)
    evidence = [Evidence(passage.passage_id, start, end, (), 0.9, answer)]
    (citation,) = quote_evidence(evidence, [passage], most=1, share=0.5).citations
    assert citation.page == 3
