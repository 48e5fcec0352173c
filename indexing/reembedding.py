"""Re-embedding of a collection with another embedder, from its stored passages.

No file is read or cut again. An embedder that reads fewer tokens than a passage has sees only its
beginning; the number of such passages is reported.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from haystack import Document

from indexing.chunking import embedded_text
from indexing.collection_language import language_of_store
from indexing.pipeline import manifest_of
from rag.collections import open_store
from rag.config import Config
from rag.errors import ModelError
from rag.models.default_models import AUTO
from rag.models.embedder import Embedder, Vectors, embedder_settings
from rag.stores.contract import Store, Told


@dataclass(frozen=True)
class Reembedded:
    """Outcome of a re-embedding.

    Attributes:
        collection: Name of the collection.
        embedder: Name of the new embedder.
        dimension: Length of the vectors.
        generation: The generation now published.
        passages: Number of passages embedded in this run.
        cut: Number of these that are longer than the embedder reads.
    """

    collection: str
    embedder: str
    dimension: int
    generation: int
    passages: int
    cut: int


class _Counted:
    """Embedder of passages that counts them."""

    def __init__(self, embedder: Embedder, *, context: bool) -> None:
        self.embedder, self.context = embedder, context
        self.passages = self.cut = 0

    def __call__(self, passages: Sequence[Document]) -> Vectors:
        files = self.embedder.files
        tokenizer = files.tokenizer
        texts = [embedded_text(each, tokenizer, context=self.context) for each in passages]
        read = tokenizer.encode_batch(texts, add_special_tokens=False)
        found = self.embedder.encode_passages(texts)
        if not np.isfinite(found).all():
            raise ModelError(
                f"the embedder `{files.name}` gives numbers that are not finite: its weights in "
                f"`{files.folder}` are damaged. Nothing was changed; take another model."
            )
        self.passages += len(texts)
        self.cut += sum(len(each.ids) > files.max_tokens for each in read)
        return found


def reembed_store(
    store: Store, embedder: Embedder, config: Config, *, told: Told = lambda done, total: None
) -> Reembedded:
    """Re-embed every passage of a store in a new generation.

    Args:
        store: The collection; its readers see the old vectors until all new ones are stored.
        embedder: Any embedder; its vectors may have another length.
        config: Settings for the manifest of a collection that was never filled.
        told: Called with the progress.

    Raises:
        StoreError: If there is nothing to embed, or no space; run it again then.
        LockedError: If another process is writing to the store.
        ModelError: If the embedder fails; nothing is changed then.
    """
    files = embedder.files
    made = store.manifest or manifest_of(embedder, config)
    wanted = replace(
        made,
        embedder=files.name,
        embedder_sha256=files.sha256,
        dimension=files.dimension,
        floor=embedder.floor,
    )
    embed = _Counted(embedder, context=made.context)
    generation = store.reembed(wanted, embed, told=told)
    return Reembedded(
        store.name, files.name, files.dimension, generation, embed.passages, embed.cut
    )


def reembed_collection(
    name: str,
    config: Config,
    *,
    model: str | None = None,
    told: Told = lambda done, total: None,
) -> Reembedded:
    """Re-embed every passage of a collection; see `reembed_store`.

    Args:
        name: The collection.
        config: The configuration; its embedder is used if `model` is None, where `auto` is the
            embedder of the documents' main language.
        model: Name or folder of the embedder.
        told: Called with the progress.

    Raises:
        CollectionError: If it does not exist.
    """
    settings = config.embedder
    if model is not None:
        settings = settings.model_copy(update={"model": model})
    store = open_store(name, config)
    try:
        if settings.model == AUTO:
            settings = embedder_settings(settings, language=language_of_store(store))
        return reembed_store(store, Embedder(settings), config, told=told)
    finally:
        store.close()


def reembedded_line(done: Reembedded) -> str | None:
    """Return a message about passages that were cut; None if none were."""
    if not done.cut:
        return None
    return (
        f"{done.cut} of {done.passages} passages are longer than `{done.embedder}` reads: their "
        "vectors are of their beginning. Index again with a smaller `chunking.length` to avoid it."
    )
