"""The collection that a data set's questions are asked of.

A set's own documents are indexed into a throw-away collection (`open_scratch`), whose key is a hash
of the documents and of all settings that its passages and vectors depend on; what
exists under the key is used again. Passages are exact spans of the set's texts.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.datasets.schema import Dataset, SourceDocument, sha256_of
from rag.config import Config, data_folder
from rag.errors import DatasetError

if TYPE_CHECKING:
    from indexing.documents import CutDocument
    from rag.models.embedder import Embedder
    from rag.stores.contract import Store

PLAIN = "-bm25"  # name suffix of a collection without vectors

Progress = Callable[[int, int, str], None]
"""Called with what is done, what there is in all, and what it is."""


@dataclass(frozen=True)
class Corpus:
    """An opened collection.

    Attributes:
        store: It.
        name: Its name, or the key of a throw-away one.
        seconds: How long it took to make; 0 if it was there.
        is_own: Whether the set's documents are in it word by word.
        failures: What could not be indexed.
    """

    store: "Store"
    name: str
    seconds: float
    is_own: bool
    failures: tuple[str, ...] = ()

    @property
    def index_bytes(self) -> int:
        """Size of the collection."""
        return self.store.size()

    @property
    def documents(self) -> int:
        """Number of documents."""
        return sum(1 for _ in self.store.documents())


def open_collection(name: str, config: Config) -> Corpus:
    """Return a collection that the user made.

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
    """Return the throw-away collection of a set's documents, made if it does not exist.

    Args:
        dataset: The set.
        config: How documents are cut.
        embedder: Gives the vectors, and the tokenizer for cutting.
        vectors: Whether they are needed; bm25 alone does without.
        progress: Told about each batch.

    Raises:
        DatasetError: If the set brings no documents.
        LockedError: If another evaluation is making it.
    """
    if not dataset.documents and dataset.folder is None:
        raise DatasetError(
            f"`{dataset.path}` brings no documents: say with --collection where to ask its "
            "questions."
        )
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


def corpus_key(dataset: Dataset, config: Config, embedder: "Embedder") -> str:
    """Return the name of the collection that these documents and settings make."""
    from indexing.pipeline import manifest_of

    made = asdict(manifest_of(embedder, config))
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
    """Index the set's texts; what an interrupted run had committed is not done again.

    The first embedder says how to cut, the second gives vectors, if any are needed.
    """
    from indexing.documents import embed_documents, passage_batches
    from indexing.pipeline import manifest_of

    tokenizing, embeds = embedders
    with store.writer() as writer:
        writer.use(manifest_of(tokenizing, config))
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
