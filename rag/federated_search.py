"""Search of several collections, and what is read of their stores after it.

Here is the order of the joined passages; `rag.federation` is the engine. Inside, ids begin with the
collection's name and a slash, so that equal ids of two collections stay apart.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import cast

from haystack import Document

from rag.config import Config
from rag.errors import (
    CollectionError,
    MismatchError,
    ModelError,
    RagError,
    StoreError,
    UnavailableError,
    UnknownFieldError,
)
from rag.models.selection import Roles
from rag.retrieval.copies import identity_of
from rag.retrieval.long_questions import with_gist
from rag.retrieval.passages import stage_scores
from rag.retrieval.query import Query, build_query
from rag.retrieval.question_checks import check_length
from rag.retrieval.ranker import Ranker
from rag.retrieval.ranking_depth import ranking_depth
from rag.retrieval.word_weights import held_share, word_weights
from rag.schema import SearchOptions, Stage, StageScore, Turn
from rag.search import BeforeStep, Embedded, QuestionSearch, Retrieved, rank_found
from rag.stores.contract import DocumentInfo, Store

log = logging.getLogger(__name__)

LEFT_OUT = (CollectionError, StoreError, ModelError, UnknownFieldError)  # of one collection
REMEMBERED = 64  # joined generations


class FederatedSearch:
    """Search of several collections: the `QuestionSearch` of a federation.

    Args:
        config: Number of passages, and the ranker's settings.
        searches: Name of a collection -> its search, at least one.
        store: Their stores.
        left_out: Name of a collection that cannot be opened -> why.
        roles: Models of the ranker.
        rankers: Language of the question -> ranker.
    """

    def __init__(
        self,
        config: Config,
        searches: Mapping[str, QuestionSearch],
        store: "JoinedStore",
        left_out: Mapping[str, RagError],
        *,
        roles: Roles,
        rankers: Mapping[str, Ranker],
    ) -> None:
        self._config, self._searches, self._store = config, searches, store
        self._left_out, self._roles, self._rankers = left_out, roles, rankers

    def query(self, question: str, history: Sequence[Turn] = (), *, asks: bool = False) -> Query:
        """Return the query for a question; see `PassageSearch.query`."""
        check_length(question, self._config)
        query = build_query(question, history, asks=asks)
        return with_gist(query, cast("Store", self._store))

    def find(
        self,
        query: Query,
        options: SearchOptions,
        before_step: BeforeStep,
        *,
        deadline: float | None = None,
        early: bool = False,
        embedded: Embedded | None = None,
    ) -> Retrieved:
        """Return the passages of all collections, best first; see `PassageSearch.find`.

        Raises:
            QuestionError: If `top_k`, the method or the filter is invalid.
            RagError: If no collection can be asked; that of the first.
        """
        embedded = {} if embedded is None else embedded
        top_k = self._config.retrieval.top_k if options.top_k is None else options.top_k
        depth, note = ranking_depth(query, self._config, self._roles, options.rank)
        each = replace(options, rank=False, top_k=top_k if top_k < 1 else max(top_k, depth))
        found, left_out = self._find_each(query, each, before_step, embedded)
        generation = self._store.remember({name: one.generation for name, one in found.items()})
        joined = join_found(found, each.top_k or 1, generation, self._held_by(query))
        stages = [_left_out(name, error) for name, error in left_out.items()]
        joined = replace(joined, stages=(*stages, *joined.stages))
        if depth:
            before_step()
            joined = rank_found(self._rankers, query, joined, deadline=deadline, early=early)
        elif note:
            joined = replace(joined, stages=(*joined.stages, Stage("ranked", 0.0, None, note)))
        return replace(joined, documents=joined.documents[:top_k])

    def _held_by(self, query: Query) -> Callable[[Document], float]:
        """Return a function: the share of a question's words that a passage holds, by their idf."""
        weights, _ = word_weights(cast("Store", self._store), query.as_read.tokens)
        return partial(held_share, weights)

    def _find_each(
        self, query: Query, options: SearchOptions, before_step: BeforeStep, embedded: Embedded
    ) -> tuple[dict[str, Retrieved], dict[str, RagError]]:
        """Return what each collection has, and why some were left out."""
        found: dict[str, Retrieved] = {}
        left_out = dict(self._left_out)
        for name, search in self._searches.items():
            try:
                found[name] = search.find(query, options, before_step, embedded=embedded)
            except LEFT_OUT as error:
                log.warning("`%s` was left out: %s", name, error)
                left_out[name] = error
        if not found:
            raise next(left_out[name] for name in self._searches)
        return found, left_out


def _left_out(collection: str, error: RagError) -> Stage:
    """Return a step that says why a collection was not asked, without details of the machine."""
    why = "it cannot be read now"
    if isinstance(error, CollectionError):
        why = "it is empty, or not finished"
    elif isinstance(error, UnknownFieldError):
        why = "the filter names a field that it has not"
    elif isinstance(error, MismatchError):
        why = "it was made with another embedder"
    elif isinstance(error, ModelError):
        why = "its embedder cannot be used"
    return Stage("left out", 0.0, None, f"`{collection}` was left out: {why}.")


def join_found(
    found: Mapping[str, Retrieved],
    top_k: int,
    generation: int,
    held: Callable[[Document], float],
) -> Retrieved:
    """Return the passages of several collections as one result, with ids as inside a federation.

    Args:
        found: Name of a collection -> its passages, best first.
        top_k: Maximum number of passages.
        generation: The generation of the result.
        held: Returns the share of the question's words that a passage holds.

    Returns:
        By falling relevance if it is known of every passage, else by rank, and of equal ranks first
        what holds more of the question. Their scores are the relevance, or fall with the place.
    """
    ranked = [
        (name, rank, each)
        for name, one in found.items()
        for rank, each in enumerate(one.documents, start=1)
    ]
    relevances = {
        inside(name, key): relevance
        for name, one in found.items()
        for key, relevance in one.relevances.items()
    }
    if all(inside(name, each.id) in relevances for name, _, each in ranked):
        ranked.sort(key=lambda item: (-relevances[inside(item[0], item[2].id)], item[1]))
    else:
        ranked.sort(key=lambda item: (item[1], -held(item[2])))
    kept: dict[str, Document] = {}
    copies: dict[str, int] = {}
    earlier: dict[str, Mapping[str, StageScore]] = {}
    scores = {name: stage_scores(one.rankings) for name, one in found.items()}
    for place, (name, _, each) in enumerate(ranked):
        identity, key = identity_of(each), inside(name, each.id)
        score = relevances.get(key, 1 - place / len(ranked))
        first = kept.setdefault(identity, _moved_inside(each, name, score))
        others = found[name].copies.get(each.id, 0) + (first.id != key)
        copies[first.id] = copies.get(first.id, 0) + others
        earlier.setdefault(first.id, scores[name][identity])
    documents = list(kept.values())[:top_k]
    nearest = [] if documents else _nearest(found, relevances)[:top_k]
    return Retrieved(
        documents,
        {"joined": documents or nearest},
        tuple(_stages(found, len(documents))),
        generation,
        copies,
        relevances,
        earlier=earlier,
        irrelevant=tuple(nearest),
    )


def _nearest(found: Mapping[str, Retrieved], relevances: Mapping[str, float]) -> list[Document]:
    """Return the passages that are not relevant enough, the nearest first."""
    moved = [
        _moved_inside(each, name, relevances.get(inside(name, each.id), 0.0))
        for name, one in found.items()
        for each in one.irrelevant
    ]
    return sorted(moved, key=lambda each: -(each.score or 0.0))


def _stages(found: Mapping[str, Retrieved], count: int) -> Iterator[Stage]:
    for name, one in found.items():
        for stage in one.stages:
            yield replace(stage, collection=name)
    yield Stage("joined", 0.0, count)


class JoinedStore:
    """Several stores read as one for a question: texts, passages by id, frequencies of words.

    Args:
        stores: Name of a collection -> its store.
    """

    manifest = None

    def __init__(self, stores: Mapping[str, Store]) -> None:
        self._stores = dict(stores)
        self._generations: OrderedDict[int, dict[str, int]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Names of the collections, joined by commas."""
        return ", ".join(self._stores)

    @property
    def generation(self) -> int:
        """One number for the present generations of all that can be read."""
        present = {}
        for name, store in self._stores.items():
            with suppress(StoreError):
                present[name] = store.generation
        return self.remember(present)

    def documents(self) -> Iterator[DocumentInfo]:
        """Yield the documents of all collections that can be read, with ids as inside."""
        for name, store in self._stores.items():
            with suppress(StoreError):
                for each in store.documents():
                    yield replace(each, document_id=inside(name, each.document_id))

    def remember(self, generations: Mapping[str, int]) -> int:
        """Return one number for the generations of some collections: their sum."""
        number = sum(generations.values())
        with self._lock:
            self._generations[number] = {**self._generations.pop(number, {}), **generations}
            while len(self._generations) > REMEMBERED:
                self._generations.popitem(last=False)
        return number

    def document_frequencies(self, words: Sequence[str]) -> tuple[list[int], int]:
        """Return the frequency of each token in all collections, and the number of passages.

        Raises:
            UnavailableError: If none of them answers.
        """
        counts, total, error = [0] * len(words), 0, None
        for store in self._stores.values():
            try:
                some, number = store.document_frequencies(words)
            except StoreError as raised:
                error = raised
                continue
            counts = [a + b for a, b in zip(counts, some, strict=True)]
            total += number
        if error is not None and not total:
            raise UnavailableError(str(error)) from error
        return counts, total

    def passages_by_id(
        self, passage_ids: Sequence[str], generation: int | None = None
    ) -> list[Document]:
        """Return the passages with some ids, in their order; see `Store.passages_by_id`."""
        wanted: dict[str, list[str]] = {}
        for each in passage_ids:
            name, own = outside(each)
            wanted.setdefault(name, []).append(own)
        generations = self._generations.get(generation or 0, {})
        held = {
            inside(name, each.id): _moved_inside(each, name, each.score)
            for name, ids in wanted.items()
            for each in self._stores[name].passages_by_id(ids, generations.get(name))
        }
        return [held[each] for each in passage_ids if each in held]

    def text_of(self, document_id: str) -> str:
        """Return the stored text of a document; see `Store.text_of`."""
        name, own = outside(document_id)
        return self._stores[name].text_of(own)


# -- ids


def inside(collection: str, own_id: str) -> str:
    """Return an id of a collection as it is inside a federation.

    Example:
        >>> inside("manuals", "pump.md:3"), outside("manuals/a/b.md:3")
        ('manuals/pump.md:3', ('manuals', 'a/b.md:3'))
    """
    return f"{collection}/{own_id}"


def outside(joined_id: str) -> tuple[str, str]:
    """Return the collection and the own id of an id from inside a federation."""
    name, _, own = joined_id.partition("/")  # no name of a collection has a slash
    return name, own


def _moved_inside(document: Document, collection: str, score: float | None) -> Document:
    meta = document.meta
    own = str(meta.get("document_id", document.id))
    known = {"source": meta.get("source", document.id), **meta}
    return replace(
        document,
        id=inside(collection, document.id),
        meta={**known, "document_id": inside(collection, own)},
        score=score,
    )
