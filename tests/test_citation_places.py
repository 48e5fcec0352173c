"""A citation has the page and the heading of its own words, not of its passage's start."""

from haystack import Document
from unit_builders import quoted

from indexing.chunking import cut
from indexing.converters import ConvertedDocument, Heading
from rag.answers.citations import CitedText
from rag.config import ChunkingConfig
from rag.models.model_files import find_model
from rag.reading.evidence import Evidence
from rag.retrieval.passages import as_passage

TEXT = "The mast is tall.\n\fThe chest is here.\n\nFood\nThe bread has nuts.\n\fIt moved in May."
FIRST, SECOND = TEXT.index("The chest"), TEXT.index("It moved")


def only_document() -> Document:
    """The one passage of a document with three pages and a heading on the second."""
    food = Heading(TEXT.index("Food"), 1, "Food")
    document = ConvertedDocument("", "T", TEXT, (food,), (0, FIRST, SECOND), {"format": "pdf"})
    files = find_model("all-MiniLM-L6-v2", setting="x")
    made: list[Document] = cut(
        document, "d", "d.pdf", tokenizer=files.tokenizer, limit=256, config=ChunkingConfig()
    )
    return made[0]


def place_of(words):
    document = only_document()
    start = document.content.index(words)
    span = (start, start + len(words))
    evidence = [Evidence(document.id, *span, (), 0.9, span)]
    cited = quoted("Which one is it?", [document], evidence, 0)
    citation = next(each for each in cited.citations if words in each.quote)
    assert TEXT[citation.start : citation.end] == citation.quote
    assert TEXT[citation.answer_start : citation.answer_end] == words
    return citation.page, citation.heading


def test_page_and_heading_are_those_of_the_cited_words():
    passage = as_passage(1, only_document())
    assert (passage.page, passage.heading, passage.pages) == (1, None, (1, 2, 3))
    assert place_of("The mast is tall.") == (1, None)
    assert place_of("The chest is here.") == (2, None)
    assert place_of("The bread has nuts.") == (2, "Food")
    assert place_of("It moved in May.") == (3, "Food")


def test_a_quote_over_two_pages_is_on_the_page_of_the_words_that_answer():
    passage = as_passage(1, only_document())
    start, end = passage.text.index("The bread"), passage.text.index("May") + 3
    span = (passage.start + start, passage.start + end)
    answer = (passage.start + passage.text.index("May"), span[1])
    cited = CitedText()
    cited.cite_span(passage, span, passage.text[start:end], answer, "")
    assert cited.citations[0].page == 3
