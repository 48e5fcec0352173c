"""Units and quoted answers of passages without a collection."""

from indexing.chunking import cut
from indexing.converters.formats.markdown import convert_markdown
from rag.answers.composition import compose
from rag.config import ChunkingConfig
from rag.errors import StoreError
from rag.language.analysis import tokens
from rag.language.question_types import question_type
from rag.models.model_files import find_model
from rag.reading.evidence import Evidence
from rag.reading.surroundings import read_surroundings
from rag.reading.unit_choice import AskedQuestion, choose_units


class LoneStore:
    """A store that knows the texts of some documents and no passage besides those found."""

    def __init__(self, texts=None, passages=()):
        self.texts, self.passages = texts or {}, {each.id: each for each in passages}

    def passages_by_id(self, passage_ids, generation=None):
        return [self.passages[each] for each in passage_ids if each in self.passages]

    def text_of(self, document_id):
        if document_id not in self.texts:
            raise StoreError(f"there is no document `{document_id}`.")
        return self.texts[document_id]


def asked_question(question):
    """Return a question with its type, whose words all weigh the same."""
    weights = dict.fromkeys(tokens(question), 1.0)
    return AskedQuestion(question, question_type(question), weights)


def candidates_of(question, documents, evidence=(), store=None):
    """Return a question with its type, and the units of some passages, best first."""
    asked = asked_question(question)
    around = read_surroundings(store or LoneStore(), documents, 1)
    return asked, choose_units(asked, around, evidence)


def quoted(question, documents, evidence, characters=700, store=None):
    """Return the answer that quotes some passages."""
    asked, found = candidates_of(question, documents, evidence, store)
    return compose(asked, found, characters)


def passages_of(name, text):
    """Return the passages of a Markdown text, as indexing cuts them."""
    files = find_model("all-MiniLM-L6-v2", setting="x")
    converted = convert_markdown(text, name)
    return cut(converted, "d", name, tokenizer=files.tokenizer, limit=256, config=ChunkingConfig())


def found(passages, words):
    """Evidence on some words, as a reader finds it."""
    for each in passages:
        start = each.content.find(words)
        if start >= 0:
            span = (start, start + len(words))
            return [Evidence(each.id, *span, (), 0.9, span, words, words)]
    raise AssertionError(words)
