"""bm25 indexes over the journal's passages: tantivy, and rank-bm25 as the small reference.

Both score with Lucene's bm25 (k1 = 1.2, b = 0.75, idf = ln(1 + (N - df + .5) / (df + .5))) over
the tokens of `rag.language.analysis`, in two fields: the text, and the title with the heading path.
Queries are built from tokens, never parsed, so that no character of a question is syntax.
"""

import math
import os
import re
import weakref
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rag import files
from rag.errors import StoreError, UnwritableError
from rag.files import Hits, Numbers
from rag.language.analysis import ANALYZER_VERSION, tokens
from rag.stores.indexes.ties import Fetched, fetch_best

K1, B = 1.2, 0.75
MEMORY = 64_000_000  # bytes of tantivy's write buffer
LOCKED = "Failed to acquire Lockfile"  # tantivy, where it cannot write
NOT_LINKED = frozenset({"seal.json", "numbers.i8", ".tantivy-writer.lock", ".tantivy-meta.lock"})
DIGITS = 4  # of a score: they hide the order in which a sum was computed
BROAD = 0.02  # a filter that passes more than this share is applied to the hits of a search

Rows = Iterable[tuple[int, str, str]]


class Bm25Index(Protocol):
    """A bm25 engine, as the embedded store uses it."""

    @property
    def numbers(self) -> Numbers:
        """Row numbers in the index, ascending."""

    def search(
        self, query: Sequence[str], top_k: int, *, title_weight: float, allowed: Numbers | None
    ) -> Hits:
        """Return row numbers and scores, best first, for the tokens of a query."""

    def document_frequency(self, token: str) -> int:
        """Return the number of passages that contain a token."""


class TantivyIndex:
    """A sealed folder with a tantivy index, opened for searching.

    Raises:
        StoreError: If the folder is damaged, or was made by another analyser or collection.
        UnwritableError: If tantivy's lock can be written nowhere.
    """

    def __init__(self, folder: Path, *, owner: str) -> None:
        facts = files.check_seal(folder)
        if (facts.get("analyzer"), facts.get("owner")) != (ANALYZER_VERSION, owner):
            raise StoreError(f"`{folder}` was made by another analyser or collection.")
        self.folder = folder
        try:
            self._index, self._searcher = self._open_searcher()
        except (ValueError, OSError) as error:
            raise StoreError(f"`{folder}` cannot be read: {error}.") from None
        self._numbers = files.read_numbers(folder)
        if self._searcher.num_docs != len(self._numbers):
            raise StoreError(f"`{folder}` is damaged: it has {self._searcher.num_docs} passages.")

    def _open_searcher(self) -> tuple[Any, Any]:
        """Return index and searcher; tantivy makes a lock even to read, elsewhere if it must."""
        try:
            return _searcher_in(self.folder)
        except ValueError as error:
            if LOCKED not in str(error):
                raise
        try:
            links = files.temporary_folder()
            weakref.finalize(self, links.cleanup)
            for path in self.folder.iterdir():
                if path.suffix != ".lock":
                    Path(links.name, path.name).symlink_to(path.absolute())
        except OSError as error:
            raise UnwritableError(
                f"`{self.folder}` cannot be opened, since its lock can be written neither there "
                f"nor in a temporary folder: {error.strerror or error}. Free some space, or name "
                "a folder that can be written in the environment variable TMPDIR."
            ) from None
        return _searcher_in(Path(links.name))

    @property
    def numbers(self) -> Numbers:
        """Row numbers in the index, ascending."""
        return self._numbers

    def document_frequency(self, token: str) -> int:
        """Return the number of passages that contain a token."""
        return int(self._searcher.doc_freq("text", token))

    def search(
        self, query: Sequence[str], top_k: int, *, title_weight: float, allowed: Numbers | None
    ) -> Hits:
        """Return row numbers and scores, best first, for the tokens of a query."""
        if not len(self._numbers):
            return []
        built, start = self._query(query, title_weight), top_k
        broad = allowed is not None and len(allowed) > BROAD * len(self._numbers)
        if allowed is not None and broad:
            start = 2 * top_k * len(self._numbers) // len(allowed)
        elif allowed is not None:
            built = self._among(built, allowed)

        def fetch(limit: int) -> Fetched:
            hits = self._hits(built, min(limit, len(self._numbers)))
            floor = hits[-1][1] if len(hits) == limit else None
            return _only(hits, allowed) if allowed is not None and broad else hits, floor

        return fetch_best(fetch, top_k, start=start)

    def _hits(self, built: Any, limit: int) -> Hits:  # noqa: ANN401 - tantivy has no types
        found = self._searcher.search(built, limit, count=False).hits
        numbers = self._searcher.fast_field_values("n", [place for _, place in found])
        return [
            (number, round(score, DIGITS))
            for number, (score, _) in zip(numbers, found, strict=True)
        ]

    def _among(self, built: Any, allowed: Numbers) -> Any:  # noqa: ANN401
        """Return a query that also requires one of some row numbers, without a score for it."""
        import tantivy

        among = tantivy.Query.term_set_query(self._index.schema, "n", allowed.tolist())
        must = tantivy.Occur.Must
        return tantivy.Query.boolean_query(
            [(must, built), (must, tantivy.Query.boost_query(among, 0.0))]
        )

    def _query(self, query: Sequence[str], title_weight: float) -> Any:  # noqa: ANN401
        import tantivy

        clauses = []
        for token, count in sorted(Counter(query).items()):
            for name, weight in (("text", 1.0), ("title", title_weight)):
                if weight:
                    term = tantivy.Query.term_query(self._index.schema, name, token)
                    boosted = tantivy.Query.boost_query(term, count * weight)
                    clauses.append((tantivy.Occur.Should, boosted))
        return tantivy.Query.boolean_query(clauses)


def _only(hits: Hits, allowed: Numbers) -> Hits:
    """Return the hits whose row is in `allowed`, which is ascending and not empty."""
    numbers = np.array([number for number, _ in hits], np.int64)
    places = np.searchsorted(allowed, numbers).clip(max=len(allowed) - 1)
    return [hit for hit, found in zip(hits, allowed[places] == numbers, strict=True) if found]


def build_tantivy(
    folder: Path, rows: Rows, numbers: Numbers, *, owner: str, base: TantivyIndex | None = None
) -> None:
    """Write a sealed tantivy folder, atomically.

    Args:
        folder: The new folder.
        rows: Row number, title and text of the passages to add.
        numbers: Row numbers of the finished index, ascending.
        owner: Identity of the collection.
        base: An index to start from; its rows that are not in `numbers` are removed.
    """
    with files.new_folder(folder) as temporary:
        if base is not None:
            files.link_files(base.folder, temporary, leave_out=NOT_LINKED)
        gone = np.setdiff1d(base.numbers, numbers, assume_unique=True) if base else numbers[:0]
        try:
            _change(_open(temporary), gone.tolist(), rows)
        except ValueError as error:  # tantivy's only error; here it is always the disk
            raise _disk_error(error) from None
        for path in temporary.glob("*.lock"):
            files.remove(path)
        files.write_numbers(temporary, numbers)
        facts = {"count": len(numbers), "analyzer": ANALYZER_VERSION, "owner": owner}
        files.seal(temporary, facts)


def _disk_error(error: ValueError) -> OSError:
    """Return the system's error that tantivy quotes in its own."""
    code = re.search(r"\b(?:code: |os error )(\d+)", str(error))
    if code is None:
        return OSError(f"the bm25 index cannot be written: {error}")
    return OSError(int(code[1]), os.strerror(int(code[1])))


def _change(index: Any, gone: Sequence[int], rows: Rows) -> None:  # noqa: ANN401
    import tantivy

    writer, schema = index.writer(MEMORY, 1), index.schema
    if gone:  # by query: `delete_documents_by_term` finds no numbers (tantivy-py 0.27)
        writer.delete_documents_by_query(tantivy.Query.term_set_query(schema, "n", list(gone)))
    for number, title, text in rows:
        document = tantivy.Document()
        document.add_unsigned("n", number)
        document.add_text("text", " ".join(tokens(text)))
        document.add_text("title", " ".join(tokens(title)))
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()


def _searcher_in(folder: Path) -> tuple[Any, Any]:
    index = _open(folder)
    index.config_reader("manual")  # else a thread polls the folder for changes
    return index, index.searcher()


def _open(folder: Path) -> Any:  # noqa: ANN401 - tantivy has no types
    import tantivy

    schema = tantivy.SchemaBuilder()
    schema.add_unsigned_field("n", indexed=True, fast=True)
    for name in ("text", "title"):
        schema.add_text_field(name, tokenizer_name="tokens", index_option="freq")
    index = tantivy.Index(schema.build(), path=str(folder))
    splitter = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer("tokens", splitter)
    return index


class RankBm25Index:
    """The same bm25 through rank-bm25, in memory: the reference for small collections.

    rank-bm25's Okapi idf is replaced by Lucene's, which has no negative values; its scores then
    equal tantivy's, except for tantivy's one-byte lengths of texts over 40 tokens.
    """

    def __init__(self, rows: Rows) -> None:
        entries = list(rows)
        self._numbers = np.array([number for number, _, _ in entries], np.int64)
        texts, titles = [tokens(text) for _, _, text in entries], [tokens(e[1]) for e in entries]
        self._fields = [_okapi(texts), _okapi(titles)]

    @property
    def numbers(self) -> Numbers:
        """Row numbers in the index, ascending."""
        return self._numbers

    def document_frequency(self, token: str) -> int:
        """Return the number of passages that contain a token."""
        return (
            sum(token in counts for counts in self._fields[0].doc_freqs) if self._fields[0] else 0
        )

    def search(
        self, query: Sequence[str], top_k: int, *, title_weight: float, allowed: Numbers | None
    ) -> Hits:
        """Return row numbers and scores, best first, for the tokens of a query."""
        scores: npt.NDArray[np.float64] = np.zeros(len(self._numbers))
        for engine, weight in zip(self._fields, (1.0, title_weight), strict=True):
            if engine is not None and weight:
                scores += weight * np.asarray(engine.get_scores(list(query)))
        if allowed is not None:
            scores[~np.isin(self._numbers, allowed, assume_unique=True)] = 0
        scores = scores.round(DIGITS)
        order = np.lexsort((self._numbers, -scores))[:top_k]
        return [(int(self._numbers[i]), float(scores[i])) for i in order if scores[i] > 0]


def _okapi(texts: list[list[str]]) -> Any:  # noqa: ANN401 - rank_bm25 has no types
    """Return rank-bm25's engine with Lucene's idf; None if there is no token at all."""
    from rank_bm25 import BM25Okapi

    if not any(texts):
        return None
    engine = BM25Okapi(texts, k1=K1, b=B)
    frequencies = Counter(token for text in texts for token in set(text))
    engine.idf = {
        token: math.log(1 + (len(texts) - count + 0.5) / (count + 0.5))
        for token, count in frequencies.items()
    }
    return engine
