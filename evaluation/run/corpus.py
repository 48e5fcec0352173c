"""The collection of a data set.

The set's own documents are indexed into a throw-away collection (`open_scratch`), whose key is a
hash of the documents and of all settings that determine its passages and vectors; an existing
collection of that key is reused. Passages are exact spans of the set's texts.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.datasets.schema import Dataset, SourceDocument, sha256_of
from rag.config import Config, EmbedderConfig, data_folder
from rag.errors import DatasetError

if TYPE_CHECKING:
    from indexing.documents import CutDocument
    from rag.models.embedder import Embedder
    from rag.stores.contract import Store

PLAIN = "-bm25"  # name suffix of a collection without vectors

Progress = Callable[[int, int, str], None]
"""Called with the number done, the total, and the name of the unit."""


@dataclass(frozen=True)
class Corpus:
    """An opened collection.

    Attributes:
        store: The store of the collection.
        name: Name of the collection, or the key of a throw-away one.
        seconds: Seconds it took to make; 0 if it existed.
        is_own: Whether it holds the data set's documents verbatim.
        failures: Documents that could not be indexed.
    """

    store: "Store"
    name: str
    seconds: float
    is_own: bool
    failures: tuple[str, ...] = ()

    @property
    def index_bytes(self) -> int:
        """Size of the collection in bytes."""
        return self.store.size()

    @property
    def documents(self) -> int:
        """Number of documents."""
        return sum(1 for _ in self.store.documents())


def open_collection(name: str, config: Config) -> Corpus:
    """Return an existing collection of the user.

    Raises:
        CollectionError: If it does not exist.
    """
    from rag.collections import open_store

    return Corpus(open_store(name, config), name, 0.0, is_own=False)


def open_corpus(
    dataset: Dataset,
    config: Config,
    embedder: "Embedder",
    *,
    vectors: bool,
    progress: Progress = lambda done, total, what: None,
) -> Corpus:
    """Return the throw-away collection of a data set's documents, made if it does not exist.

    Args:
        dataset: The data set.
        config: Configuration of chunking and store.
        embedder: Embedder of the passages, whose tokenizer also measures them.
        vectors: Whether vectors are needed; bm25 alone does without.
        progress: Called after each batch.

    Raises:
        DatasetError: If the data set has no documents.
        LockedError: If another evaluation is making the collection.
    """
    check_has_documents(dataset)
    from rag.collections import open_scratch

    key = corpus_key(dataset, config, embedder)
    found = open_scratch(key, config)
    if found.generation == 0 and not vectors and dataset.folder is None:
        found.close()
        key += PLAIN
        found = open_scratch(key, config)
    start = time.monotonic()
    failures: tuple[str, ...] = ()
    if found.generation == 0:
        if dataset.folder is not None:
            failures = _index_folder(dataset.folder, found, embedder, config, progress)
        else:
            embeds = embedder if vectors else None
            _write(dataset, found, config, (embedder, embeds), progress)
        seconds = round(time.monotonic() - start, 3)
    else:
        failures = tuple(f"{each.source}: {each.reason}" for each in found.failures())
        seconds = 0.0
    return Corpus(found, key, seconds, is_own=dataset.folder is None, failures=failures)


def check_has_documents(dataset: Dataset) -> None:
    """Check that a data set brings documents, not only quotes from them.

    Raises:
        DatasetError: If it brings none; says what to do.
    """
    if dataset.folder is None and (dataset.quoted or not dataset.documents):
        raise DatasetError(
            f"`{dataset.path}` brings no documents: say with --collection where to ask its "
            "questions, or put them into a folder `documents` beside it."
        )


def corpus_embedder(dataset: Dataset, config: Config) -> EmbedderConfig:
    """Return the embedder settings for a data set's documents: those that `rag index` would take.

    Raises:
        DatasetError: If the data set has no documents.
        SourceError: If its folder holds nothing that can be indexed.
    """
    from indexing.collection_language import settings_for_files, settings_for_texts
    from indexing.conversions import Conversions
    from indexing.plan import FileSearch

    check_has_documents(dataset)
    if dataset.folder is None:
        return settings_for_texts((each.text for each in dataset.documents), config)
    search = FileSearch([dataset.folder], leave_out=data_folder())
    with Conversions(config) as conversions:
        return settings_for_files(search, config, conversions)


def corpus_key(dataset: Dataset, config: Config, embedder: "Embedder") -> str:
    """Return the name of the collection for these documents and settings."""
    from indexing.pipeline import manifest_of

    made: dict[str, Any] = asdict(manifest_of(embedder, config))
    del made["floor"]  # it follows from the embedder
    if dataset.folder is not None:
        content = _file_hashes(dataset.folder)
    else:
        content = [
            [each.document_id, each.title, each.text, dict(each.meta)] for each in dataset.documents
        ]
    return f"{dataset.name[:40]}-{sha256_of([made, *content])[:16]}"


def _file_hashes(folder: Path) -> list[Any]:
    from rag.files import sha256_of as file_hash

    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [[str(path.relative_to(folder)), file_hash(path)] for path in files]


def _index_folder(
    folder: Path, store: "Store", embedder: "Embedder", config: Config, progress: Progress
) -> tuple[str, ...]:
    from indexing.pipeline import index_paths

    report = index_paths(
        [folder], store, embedder, config, leave_out=data_folder(), progress=progress
    )
    return tuple(f"{each.source}: {each.reason}" for each in report.failures)


def _write(
    dataset: Dataset,
    store: "Store",
    config: Config,
    embedders: tuple["Embedder", "Embedder | None"],
    progress: Progress,
) -> None:
    """Index the texts of a data set; batches committed by an interrupted run are skipped.

    The first embedder is for chunking, the second one computes vectors, if any are needed.
    """
    from indexing.documents import embed_documents, passage_batches
    from indexing.pipeline import manifest_of

    tokenizing, embeds = embedders
    with store.writer() as writer:
        writer.use(manifest_of(tokenizing, config, floor=embeds.floor if embeds else None))
        held = {info.document_id for info in store.documents(pending=True)}
        todo = [each for each in dataset.documents if each.document_id not in held]
        done = 0
        cut = (_cut(document, config, tokenizing) for document in todo)
        for batch in passage_batches(cut, lambda document: len(document.passages)):
            ready = batch if embeds is None else embed_documents(batch, embeds, config.chunking)
            for document in ready:
                writer.replace(document.stored, document.passages)
            refused = writer.commit()
            if refused:
                raise DatasetError(
                    f"document `{refused[0].document_id}` of `{dataset.path}` cannot be stored: "
                    f"{refused[0].reason}"
                )
            done += len(batch)
            progress(done, len(todo), "documents")
        writer.publish()


def _cut(document: SourceDocument, config: Config, embedder: "Embedder") -> "CutDocument":
    from indexing.converters import ConvertedDocument
    from indexing.documents import cut_document

    meta = {"format": "evaluation", **document.meta}
    return cut_document(
        ConvertedDocument("", document.title, document.text, (), (), meta),
        document.document_id,
        document.document_id,
        sha256=sha256_of([document.text]),
        embedder=embedder,
        config=config.chunking,
    )
