"""Retrieval on a cluster: bm25, and dense through its int8 graph.

User text occurs only in `match` and `match_phrase`, over tokens made here, so that no character of
it is syntax. Scores are put into the contract's order on our side: the graph's candidates are
scored again with the original vectors.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from rag.config import StoreConfig
from rag.files import Hits
from rag.language.bm25_query import Bm25Query
from rag.language.typos import read_query
from rag.stores.contract import Vectors
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.filters import Query
from rag.stores.elasticsearch.listing import frequencies, total
from rag.stores.elasticsearch.rows import PASSAGE, PASSAGE_FIELDS, Row, one_of, vector_of, visible
from rag.stores.elasticsearch.scanning import NUMBERS_AT_ONCE, ROWS_AT_ONCE, note_of
from rag.stores.indexes.bm25 import BM25_DIGITS, PAIR, QUOTED
from rag.stores.indexes.faiss_index import DENSE_DIGITS
from rag.stores.indexes.ties import Fetched, fetch_best, rank_hits

MOST_WORDS = 1000  # of a query; a question of maximum length has fewer
SPARE, TIMES = 50, 2  # candidates of the graph that are scored again: TIMES top_k, plus SPARE
SERVER_SHARE = 0.8  # of our time limit: the server then still returns its partial result

_BY_SCORE = [{"_score": "desc"}, {"n": "asc"}]


class ServerRanking:
    """Hits of a search, with their rows and notes; see `rag.stores.contract.RetrievedPassages`."""

    def __init__(self) -> None:
        self.hits: Hits = []
        self.rows: dict[int, Row] = {}
        self.note: str | None = None
        self.read_as: str | None = None


class Searcher:
    """Searcher of one index in one generation.

    Args:
        cluster: The cluster.
        index: Alias of the index.
        settings: Search settings.
        generation: The generation to read.
        filters: Query that passages must match; None is all.
    """

    def __init__(
        self,
        cluster: Cluster,
        index: str,
        settings: StoreConfig,
        generation: int,
        filters: Query | None,
    ) -> None:
        self._cluster, self._index, self._settings = cluster, index, settings
        self._all = visible(PASSAGE, generation)
        self._shown = visible(PASSAGE, generation, *([filters] if filters else []))
        seconds = settings.elasticsearch.timeout * SERVER_SHARE
        self._limit = f"{max(int(seconds * 1000), 1)}ms"

    def bm25(self, query: str, top_k: int, *, title_weight: float) -> ServerRanking:
        """Return the passages with the best bm25 score, best first."""
        place = (self._cluster, self._index, self._all)
        read, read_as = read_query(query, partial(frequencies, *place), partial(total, *place))
        scored = _bm25_clauses(read, title_weight) | {"filter": [self._shown]}
        ranking = ServerRanking()

        def fetch(limit: int) -> Fetched:
            size = min(limit, NUMBERS_AT_ONCE)
            answer = self._cluster.read(
                lambda client: client.search(
                    index=self._index,
                    query={"bool": scored},
                    search_type="dfs_query_then_fetch",  # else each shard has statistics of its own
                    sort=_BY_SCORE,
                    size=size,
                    source=list(PASSAGE_FIELDS),
                    track_total_hits=False,
                    timeout=self._limit,
                )
            )
            hits = answer["hits"]["hits"]
            ranking.note = note_of(answer)
            ranking.rows = {hit["_source"]["n"]: hit["_source"] for hit in hits}
            found = [(hit["_source"]["n"], round(hit["_score"], BM25_DIGITS)) for hit in hits]
            is_all = len(hits) < size or size < limit
            return found, None if is_all else found[-1][1]

        ranking.hits = fetch_best(fetch, top_k)
        ranking.read_as = read_as
        return ranking

    def graph(self, vector: Vectors, top_k: int) -> ServerRanking:
        """Return the passages with the largest inner product found in the graph, best first."""
        size = min(TIMES * top_k + SPARE, NUMBERS_AT_ONCE)
        breadth = max(self._settings.elasticsearch.candidates, size)
        near = {
            "field": "vector",
            "query_vector": vector.tolist(),
            "k": breadth,  # up to this many that match, the search is exact
            "num_candidates": breadth,
            "filter": [self._shown],
        }
        answer = self._cluster.read(
            lambda client: client.search(
                index=self._index,
                knn=near,
                sort=_BY_SCORE,
                size=size,
                source=[*PASSAGE_FIELDS, "embedding"],
                track_total_hits=False,
                timeout=self._limit,
            )
        )
        rows = [hit["_source"] for hit in answer["hits"]["hits"]]
        ranking = ServerRanking()
        ranking.note = note_of(answer)
        ranking.rows = {row["n"]: row for row in rows}
        ranking.hits = rank_hits(_scored(rows, vector), top_k)
        return ranking

    def fetch(self, hits: Hits) -> ServerRanking:
        """Return the rows of hits found by another index."""
        ranking = ServerRanking()
        ranking.hits = hits
        numbers = [number for number, _ in hits]
        for start in range(0, len(numbers), ROWS_AT_ONCE):
            some = one_of("n", numbers[start : start + ROWS_AT_ONCE])
            query = {"bool": {"filter": [self._shown, some]}}
            answer = self._cluster.read(
                lambda client, query=query: client.search(  # type: ignore[misc]
                    index=self._index,
                    query=query,
                    size=ROWS_AT_ONCE,
                    source=list(PASSAGE_FIELDS),
                    track_total_hits=False,
                    timeout=self._limit,
                )
            )
            ranking.note = note_of(answer) or ranking.note
            ranking.rows |= {hit["_source"]["n"]: hit["_source"] for hit in answer["hits"]["hits"]}
        return ranking


def _bm25_clauses(query: Bm25Query, title_weight: float) -> dict[str, Any]:
    """Return the clauses of a `bool` query that score as `rag.stores.indexes.bm25` says."""
    fields = [("text", 1.0), *([("title", title_weight)] if title_weight else [])]

    def either(kind: str, words: Sequence[str], weight: float) -> list[Query]:
        text = " ".join(words)
        return [{kind: {name: {"query": text, "boost": weight * w}}} for name, w in fields]

    should = either("match", query.terms[:MOST_WORDS], 1.0)
    should += [either("match_phrase", pair, PAIR)[0] for pair in query.pairs]  # in the text only
    should += [each for form in query.forms for each in either("match_phrase", form, 1.0)]
    quoted: list[Query] = [
        {"bool": {"should": either("match_phrase", phrase, QUOTED), "minimum_should_match": 1}}
        for phrase in query.phrases
    ]
    must = quoted if query.strict else []
    should += [] if query.strict else quoted
    return {"should": should, "minimum_should_match": 1, "must": must}


def _scored(rows: Sequence[Row], vector: Vectors) -> Hits:
    """Return the inner products of unit vectors, from the original vectors."""
    if not rows:
        return []
    matrix = np.stack([vector_of(row) for row in rows])
    matrix = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    scores = (matrix @ vector).tolist()
    return [(row["n"], round(score, DENSE_DIGITS)) for row, score in zip(rows, scores, strict=True)]
