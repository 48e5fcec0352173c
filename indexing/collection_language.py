"""The main language of documents, which decides the embedder of a new collection.

The only place of that rule: `rag index`, uploads and `rag evaluate` take their embedder from here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from indexing.conversions import Conversions
from indexing.plan import FileSearch, SourceFile, make_plan
from rag.config import Config, EmbedderConfig
from rag.language.analysis import language_of
from rag.models.default_models import AUTO
from rag.models.embedder import embedder_settings
from rag.stores.contract import Store

FILES = 12  # sampled, spread evenly over all files
CHARACTERS = 10_000  # read of each file
DENSE = {"zh": 2.5, "ja": 2.5, "ko": 2.5}  # weight of a character against one of a Latin script


def settings_for(
    search: FileSearch, store: Store, config: Config, conversions: Conversions
) -> EmbedderConfig:
    """Return the embedder settings for indexing some files into a collection.

    A named embedder stays. `auto` is the embedder that the collection was made with; for a new
    collection it is the embedder of the language of most of the files.

    Args:
        search: The files.
        store: The collection.
        config: The embedder.
        conversions: Converts a sample of the files, and keeps it for indexing.

    Raises:
        SourceError: If there is nothing to index.
    """
    if config.embedder.model == AUTO and store.manifest is not None:
        return embedder_settings(config.embedder, made_with=store.manifest.embedder)
    return settings_for_files(search, config, conversions)


def settings_for_files(
    search: FileSearch, config: Config, conversions: Conversions
) -> EmbedderConfig:
    """Return the embedder settings for a new collection of some files; see `settings_for`."""
    if config.embedder.model != AUTO:
        return config.embedder
    files = make_plan(search, []).new
    return embedder_settings(config.embedder, language=language_of_files(files, conversions))


def settings_for_texts(texts: Iterable[str], config: Config) -> EmbedderConfig:
    """Return the embedder settings for a new collection of some texts; see `settings_for`."""
    if config.embedder.model != AUTO:
        return config.embedder
    return embedder_settings(config.embedder, language=_most(texts))


def language_of_store(store: Store) -> str:
    """Return the main language of a collection, estimated from a sample; "" if it has no text."""
    documents = [each.document_id for each in store.documents()]
    texts = (store.text_of(name) for name in documents[:: max(1, -(-len(documents) // FILES))])
    return _most(texts)


def language_of_files(files: Sequence[SourceFile], conversions: Conversions) -> str:
    """Return the main language of some files, estimated from a sample; "" if none can be read.

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
