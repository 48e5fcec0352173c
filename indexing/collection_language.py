"""The language that most of some files are in: it decides which embedder a new collection gets."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from indexing.conversions import Conversions
from indexing.plan import FileSearch, SourceFile, make_plan
from rag.config import Config, EmbedderConfig
from rag.language.analysis import language_of
from rag.models.default_models import AUTO
from rag.models.embedder import embedder_settings
from rag.stores.contract import Store

FILES = 12  # looked into, spread over all
CHARACTERS = 10_000  # of each
DENSE = {"zh": 2.5, "ja": 2.5, "ko": 2.5}  # what a character weighs against one of a Latin script


def settings_for(
    search: FileSearch, store: Store, config: Config, conversions: Conversions
) -> EmbedderConfig:
    """Return the embedder's settings for some files that go into a collection.

    A named embedder stays; `auto` is the one that the collection was made with, or for a new one
    that of the language that most of the files are in.

    Args:
        search: The files.
        store: The collection.
        config: The embedder.
        conversions: Converts a sample of the files, and keeps it for indexing.

    Raises:
        SourceError: If there is nothing to index.
    """
    settings = config.embedder
    if settings.model != AUTO:
        return settings
    if store.manifest is not None:
        return embedder_settings(settings, made_with=store.manifest.embedder)
    files = make_plan(search, []).new
    return embedder_settings(settings, language=language_of_files(files, conversions))


def language_of_store(store: Store) -> str:
    """Return the language of most of the text in a collection, by a sample; "" if it has none."""
    documents = [each.document_id for each in store.documents()]
    texts = (store.text_of(name) for name in documents[:: max(1, -(-len(documents) // FILES))])
    return _most(texts)


def language_of_files(files: Sequence[SourceFile], conversions: Conversions) -> str:
    """Return the language of most of the text in some files, by a sample; "" if none can be read.

    Args:
        files: The files, in any order.
        conversions: Converts the sample, and keeps it for indexing.
    """
    return _most(_texts(files[:: max(1, -(-len(files) // FILES))], conversions))


def _most(texts: Iterable[str]) -> str:
    weights: Counter[str] = Counter()
    for text in texts:
        for line in text[:CHARACTERS].splitlines():
            language = language_of(line)
            weights[language] += round(len(line) * DENSE.get(language, 1))
    del weights[""]
    return max(weights, key=weights.__getitem__) if weights else ""


def _texts(files: Sequence[SourceFile], conversions: Conversions) -> Iterator[str]:
    for file in files:
        conversion = conversions.sample(file.path)
        if conversion is not None:  # indexing says why
            yield from (document.text for document in conversion.documents)
