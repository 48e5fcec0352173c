"""Caches of work that systems share: query vectors, rankings and ranker scores.

The wrappers stand before a store, an embedder and a ranker. They hold results for one question,
which all systems are asked before the next one; a cache hit is charged the time that the work took
originally, so that latencies stay honest. Calls are shared as a whole, never in part: a batch of
other texts could round differently.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from rag.clock import Stopwatch
from rag.errors import StoreError, UnavailableError

if TYPE_CHECKING:
    from rag.config import Config
    from rag.models.cross_encoder import RelevanceModel
    from rag.models.embedder import Embedder, Vectors
    from rag.models.pair_model import PairModel
    from rag.models.selection import Roles
    from rag.stores.contract import RetrievedPassages, Store
    from rag.stores.filters import Filter

Result = TypeVar("Result")


class QuestionCache:
    """Cached work for the current question.

    Attributes:
        saved: Stage -> milliseconds that the current system did not have to spend.
    """

    def __init__(self) -> None:
        self._done: dict[Any, tuple[Any, float]] = {}
        self._roles: dict[str, Roles] = {}
        self._readers: list[PairModel] = []
        self.saved: dict[str, float] = {}

    def roles(self, config: "Config") -> "Roles":
        """Return the models of ranker and reader, shared by systems with equal settings."""
        from rag.models.pair_model import PairModel
        from rag.models.selection import open_roles

        key = f"{config.ranker} {config.reader}"
        if key not in self._roles:
            made = open_roles(config)
            models = (*made.rankers.values(), *made.readers.values())
            self._readers += [model for model in models if isinstance(model, PairModel)]
            shared = {id(model): CachedRanker(model, self) for model in made.rankers.values()}
            rankers = {language: shared[id(model)] for language, model in made.rankers.items()}
            self._roles[key] = replace(made, rankers=rankers)
        return self._roles[key]

    def next_question(self) -> None:
        """Clear the cache."""
        self._done.clear()
        self.saved.clear()

    def next_system(self) -> None:
        """Reset the saved time and the readers, which must not know what another system read."""
        self.saved.clear()
        for model in self._readers:
            model.forget()

    def once(self, key: Any, stage: str, work: Callable[[], Result]) -> Result:  # noqa: ANN401
        """Return the result of the work, which is done only the first time."""
        if key in self._done:
            result, ms = self._done[key]
            self.saved[stage] = self.saved.get(stage, 0.0) + ms
        else:
            watch = Stopwatch()
            result = work()
            self._done[key] = result, watch.ms
        return result  # type: ignore[no-any-return]


class CachedStore:
    """A store that retrieves each ranking once, `depth` passages deep.

    Args:
        store: The store.
        shared: Cache of the current question.
        depth: Lowest number of passages to retrieve, whatever the caller's top_k.
    """

    def __init__(self, store: "Store", shared: QuestionCache, depth: int) -> None:
        self._store, self._shared, self._depth = store, shared, depth

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - everything else is the store's
        return getattr(self._store, name)

    def bm25_retrieval(
        self,
        query: str,
        *,
        top_k: int,
        filters: "Filter | None" = None,
        generation: int | None = None,
    ) -> "RetrievedPassages":
        """See `rag.stores.contract.Store`."""
        depth = max(top_k, self._depth)
        key = ("bm25", id(self._store), query, depth, repr(filters), generation)
        return self._shared.once(
            key,
            "bm25",
            lambda: _whole(
                self._store.bm25_retrieval,
                query,
                top_k=depth,
                filters=filters,
                generation=generation,
            ),
        ).best(top_k)

    def dense_retrieval(
        self,
        embedding: Sequence[float],
        *,
        top_k: int,
        filters: "Filter | None" = None,
        generation: int | None = None,
    ) -> "RetrievedPassages":
        """See `rag.stores.contract.Store`."""
        depth = max(top_k, self._depth)
        key = ("dense", id(self._store), tuple(embedding), depth, repr(filters), generation)
        return self._shared.once(
            key,
            "dense",
            lambda: _whole(
                self._store.dense_retrieval,
                embedding,
                top_k=depth,
                filters=filters,
                generation=generation,
            ),
        ).best(top_k)


def _whole(
    retrieve: "Callable[..., RetrievedPassages]",
    *arguments: Any,  # noqa: ANN401
    **options: Any,  # noqa: ANN401
) -> "RetrievedPassages":
    """Return a complete ranking; a partial one would silently give wrong numbers.

    Raises:
        StoreError: If a part of the store, or all of it, did not answer.
    """
    try:
        found = retrieve(*arguments, **options)
    except UnavailableError as error:  # the engine would continue without this ranking
        raise StoreError(str(error)) from None
    if found.note:
        raise StoreError(
            f"nothing is measured on a part of a collection ({found.note}). Run again."
        )
    return found


class CachedRanker:
    """A ranker's model that scores the same question with the same texts once.

    Args:
        model: The model.
        shared: Cache of the current question.
    """

    def __init__(self, model: "RelevanceModel", shared: QuestionCache) -> None:
        self._model, self._shared = model, shared
        self.files = model.files

    @property
    def ran_by(self) -> str:
        """See `rag.models.cross_encoder.RelevanceModel`."""
        return self._model.ran_by

    def warm_up(self) -> None:
        """See `rag.models.cross_encoder.RelevanceModel`."""
        self._model.warm_up()

    def relevance(
        self, question: str, texts: Sequence[str], *, deadline: float | None = None
    ) -> list[float] | None:
        """See `rag.models.cross_encoder.RelevanceModel`; an evaluation has no deadline."""
        key = ("relevance", id(self._model), question, tuple(texts))
        return self._shared.once(
            key, "ranked", lambda: self._model.relevance(question, texts, deadline=deadline)
        )


class CachedEmbedder:
    """An embedder that embeds the same text, or the same list of texts, once.

    Args:
        embedder: The embedder.
        shared: Cache of the current question.
    """

    def __init__(self, embedder: "Embedder", shared: QuestionCache) -> None:
        self._embedder, self._shared = embedder, shared
        self._stage = "embed"

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - everything else is the embedder's
        return getattr(self._embedder, name)

    def encode_query(self, text: str) -> "Vectors":
        """See `rag.models.embedder.Embedder`; the reader calls it after the passages."""
        stage, self._stage = self._stage, "embed"
        key = ("query", id(self._embedder), text)
        return self._shared.once(key, stage, lambda: self._embedder.encode_query(text))

    def encode_passages(self, texts: Sequence[str]) -> "Vectors":
        """See `rag.models.embedder.Embedder`."""
        self._stage = "read"
        key = ("passages", id(self._embedder), tuple(texts))
        return self._shared.once(key, "read", lambda: self._embedder.encode_passages(texts))
