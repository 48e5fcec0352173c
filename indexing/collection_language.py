"""The language that most of some files are in: it decides which embedder a new collection gets."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from indexing.converters import ConversionError, Converter
from indexing.pipeline import plan_index
from indexing.plan import SourceFile
from rag.config import Config, EmbedderConfig
from rag.language.analysis import language_of
from rag.models.default_models import AUTO
from rag.models.embedder import embedder_settings
from rag.stores.contract import Store

FILES = 12  # looked into, spread over all
CHARACTERS = 10_000  # of each
SECONDS = 5.0  # for each
DENSE = {"zh": 2.5, "ja": 2.5, "ko": 2.5}  # what a character weighs against one of a Latin script


def settings_for(
    paths: Sequence[Path], store: Store, config: Config, *, leave_out: Path
) -> EmbedderConfig:
    """Return the embedder's settings for some files that go into a collection.

    A named embedder stays; `auto` is the one that the collection was made with, or for a new one
    that of the language that most of the files are in.

    Args:
        paths: Files and folders.
        store: The collection.
        config: The embedder, and limits for reading a file.
        leave_out: A folder never to look into.

    Raises:
        SourceError: If there is nothing to index.
    """
    settings = config.embedder
    if settings.model != AUTO:
        return settings
    if store.manifest is not None:
        return embedder_settings(settings, made_with=store.manifest.embedder)
    files = plan_index(paths, None, leave_out=leave_out).new
    return embedder_settings(settings, language=language_of_files(files, config))


def language_of_store(store: Store) -> str:
    """Return the language of most of the text in a collection, by a sample; "" if it has none."""
    documents = [each.document_id for each in store.documents()]
    texts = (store.text_of(name) for name in documents[:: max(1, -(-len(documents) // FILES))])
    return _most(texts)


def language_of_files(files: Sequence[SourceFile], config: Config) -> str:
    """Return the language of most of the text in some files, by a sample; "" if none can be read.

    Args:
        files: The files, in any order.
        config: Limits for reading a file.
    """
    return _most(_texts(files[:: max(1, -(-len(files) // FILES))], config))


def _most(texts: Iterable[str]) -> str:
    weights: Counter[str] = Counter()
    for text in texts:
        for line in text[:CHARACTERS].splitlines():
            language = language_of(line)
            weights[language] += round(len(line) * DENSE.get(language, 1))
    del weights[""]
    return max(weights, key=weights.__getitem__) if weights else ""


def _texts(files: Sequence[SourceFile], config: Config) -> Iterator[str]:
    limits = config.conversion
    with Converter(
        seconds=min(SECONDS, limits.seconds),
        memory_mb=limits.memory_mb,
        max_file_mb=limits.max_file_mb,
    ) as converter:
        for file in files:
            try:
                conversion = converter.convert(file.path)
            except ConversionError:
                continue  # indexing says so
            yield from (document.text for document in conversion.documents)
