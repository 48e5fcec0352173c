"""bm25 indexes over the journal's passages: tantivy, and rank-bm25 as the small reference.

Both score with Lucene's bm25 (k1 = 1.2, b = 0.75, idf = ln(1 + (N - df + .5) / (df + .5))) over
the tokens of `rag.language.analysis`, in two fields: the text, and the title with the heading path.
Besides its terms a query has phrases, which score as one term does whose idf is the sum of theirs:
neighbours in the text with weight `PAIR`; phrases in quotes with `QUOTED`, and other forms of
identifiers with 1, in text and title.
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
from rag.language.bm25_query import Bm25Query, Phrase
from rag.stores.copies import copy_key
from rag.stores.indexes.ties import Fetched, fetch_best

K1, B = 1.2, 0.75
PAIR, QUOTED = 0.3, 0.3  # weights of phrases; benchmarks/README.md
MEMORY = 64_000_000  # bytes of tantivy's write buffer
LOCKED = "Failed to acquire Lockfile"  # tantivy, where it cannot write
KEYS = "copies.i8"
NOT_LINKED = frozenset(
    {"seal.json", "numbers.i8", KEYS, ".tantivy-writer.lock", ".tantivy-meta.lock"}
)
BM25_DIGITS = 4  # of a score: they hide the order in which a sum was computed
BROAD = 0.02  # a filter that passes more than this share is applied to the hits of a search

Rows = Iterable[tuple[int, str, str]]
Scores = npt.NDArray[np.float64]


class Bm25Index(Protocol):
    """A bm25 engine, as the embedded store uses it."""

    @property
    def numbers(self) -> Numbers:
        """Row numbers in the index, ascending."""

    @property
    def keys(self) -> Numbers:
        """The `copy_key` of each row's text, in the order of `numbers`."""

    def search(
        self, query: Bm25Query, top_k: int, *, title_weight: float, allowed: Numbers | None
    ) -> Hits:
        """Return row numbers and scores, best first."""

    def document_frequency(self, token: str) -> int:
        """Return the number of passages that contain a token."""

    def title_frequency(self, token: str) -> int:
        """Return the number of passages that have a token in title or headings."""


class OutdatedIndexError(StoreError):
    """A sound index that another version of the analyser made; it is rebuilt from the journal."""


class TantivyIndex:
    """A sealed folder with a tantivy index, opened for searching.

    Raises:
        OutdatedIndexError: If it was made by another analyser.
        StoreError: If the folder is damaged, or belongs to another collection.
        UnwritableError: If tantivy's lock can be written nowhere.
    """

    def __init__(self, folder: Path, *, owner: str) -> None:
        facts = files.check_seal(folder)
        if facts.get("owner") != owner:
            raise StoreError(f"`{folder}` was made by another collection.")
        if facts.get("analyzer") != ANALYZER_VERSION:
            raise OutdatedIndexError(f"`{folder}` was made by another version.")
        self.folder = folder
        try:
            self._index, self._searcher = self._open_searcher()
        except (ValueError, OSError) as error:
            raise StoreError(f"`{folder}` cannot be read: {error}.") from None
        self._numbers = files.read_numbers(folder)
        self._keys = files.read_numbers(folder, KEYS)
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

    @property
    def keys(self) -> Numbers:
        """The `copy_key` of each row's text, in the order of `numbers`."""
        return self._keys

    def document_frequency(self, token: str) -> int:
        """Return the number of passages that contain a token."""
        return int(self._searcher.doc_freq("text", token))

    def title_frequency(self, token: str) -> int:
        """Return the number of passages that have a token in title or headings."""
        return int(self._searcher.doc_freq("title", token))

    def search(
        self, query: Bm25Query, top_k: int, *, title_weight: float, allowed: Numbers | None
    ) -> Hits:
        """Return row numbers and scores, best first."""
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
            (number, round(score, BM25_DIGITS))
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

    def _query(self, query: Bm25Query, title_weight: float) -> Any:  # noqa: ANN401
        import tantivy

        should, must = tantivy.Occur.Should, tantivy.Occur.Must
        fields = [("text", 1.0), *([("title", title_weight)] if title_weight else [])]
        clauses = [
            (should, self._phrase(name, (token,), count * weight))
            for token, count in sorted(Counter(query.terms).items())
            for name, weight in fields
        ]
        clauses += [(should, self._phrase("text", pair, PAIR)) for pair in query.pairs]
        clauses += [(should, self._phrase(n, form, w)) for form in query.forms for n, w in fields]
        for phrase in query.phrases:
            either = [(should, self._phrase(name, phrase, QUOTED * w)) for name, w in fields]
            quoted = tantivy.Query.boolean_query(either)
            clauses.append((must if query.strict else should, quoted))
        return tantivy.Query.boolean_query(clauses)

    def _phrase(self, field: str, phrase: Phrase, weight: float) -> Any:  # noqa: ANN401
        import tantivy

        made = (
            tantivy.Query.phrase_query(self._index.schema, field, list(phrase))
            if len(phrase) > 1
            else tantivy.Query.term_query(self._index.schema, field, phrase[0])
        )
        return tantivy.Query.boost_query(made, weight)


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
        keys = dict(zip(base.numbers.tolist(), base.keys.tolist(), strict=True)) if base else {}
        try:
            keys |= _change(_open(temporary), gone.tolist(), rows)
        except ValueError as error:  # tantivy's only error; here it is always the disk
            raise _disk_error(error) from None
        for path in temporary.glob("*.lock"):
            files.remove(path)
        files.write_numbers(temporary, numbers)
        found = np.fromiter((keys[number] for number in numbers.tolist()), np.int64)
        (temporary / KEYS).write_bytes(found.astype("<i8").tobytes())
        facts = {"count": len(numbers), "analyzer": ANALYZER_VERSION, "owner": owner}
        files.seal(temporary, facts)


def _disk_error(error: ValueError) -> OSError:
    """Return the system's error that tantivy quotes in its own."""
    code = re.search(r"\b(?:code: |os error )(\d+)", str(error))
    if code is None:
        return OSError(f"the bm25 index cannot be written: {error}")
    return OSError(int(code[1]), os.strerror(int(code[1])))


def _change(index: Any, gone: Sequence[int], rows: Rows) -> dict[int, int]:  # noqa: ANN401
    """Remove and add rows; return the `copy_key` of each that was added."""
    import tantivy

    keys: dict[int, int] = {}
    writer, schema = index.writer(MEMORY, 1), index.schema
    if gone:  # by query: `delete_documents_by_term` finds no numbers (tantivy-py 0.27)
        writer.delete_documents_by_query(tantivy.Query.term_set_query(schema, "n", list(gone)))
    for number, title, text in rows:
        document = tantivy.Document()
        document.add_unsigned("n", number)
        document.add_text("text", " ".join(tokens(text)))
        document.add_text("title", " ".join(tokens(title)))
        writer.add_document(document)
        keys[number] = copy_key(text)
    writer.commit()
    writer.wait_merging_threads()
    return keys


def _searcher_in(folder: Path) -> tuple[Any, Any]:
    index = _open(folder)
    index.config_reader("manual")  # else a thread polls the folder for changes
    return index, index.searcher()


def _open(folder: Path) -> Any:  # noqa: ANN401 - tantivy has no types
    import tantivy

    schema = tantivy.SchemaBuilder()
    schema.add_unsigned_field("n", indexed=True, fast=True)
    for name in ("text", "title"):
        schema.add_text_field(name, tokenizer_name="tokens", index_option="position")
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
        self._keys = np.array([copy_key(text) for _, _, text in entries], np.int64)
        texts, titles = [tokens(text) for _, _, text in entries], [tokens(e[1]) for e in entries]
        self._fields = _Field(texts), _Field(titles)

    @property
    def numbers(self) -> Numbers:
        """Row numbers in the index, ascending."""
        return self._numbers

    @property
    def keys(self) -> Numbers:
        """The `copy_key` of each row's text, in the order of `numbers`."""
        return self._keys

    def document_frequency(self, token: str) -> int:
        """Return the number of passages that contain a token."""
        return self._fields[0].frequency(token)

    def title_frequency(self, token: str) -> int:
        """Return the number of passages that have a token in title or headings."""
        return self._fields[1].frequency(token)

    def search(
        self, query: Bm25Query, top_k: int, *, title_weight: float, allowed: Numbers | None
    ) -> Hits:
        """Return row numbers and scores, best first."""
        text, title = self._fields
        scores: Scores = np.zeros(len(self._numbers))
        for field, weight in ((text, 1.0), (title, title_weight)):
            if weight:
                scores += weight * field.scores(query.terms)
        for pair in query.pairs:
            scores += PAIR * text.phrase_scores(pair)
        for form in query.forms:
            scores += text.phrase_scores(form) + title_weight * title.phrase_scores(form)
        for phrase in query.phrases:
            quoted = text.phrase_scores(phrase) + title_weight * title.phrase_scores(phrase)
            scores += QUOTED * quoted
            if query.strict:
                scores[quoted == 0] = -np.inf
        if allowed is not None:
            scores[~np.isin(self._numbers, allowed, assume_unique=True)] = 0
        scores = scores.round(BM25_DIGITS)
        order = np.lexsort((self._numbers, -scores))[:top_k]
        return [(int(self._numbers[i]), float(scores[i])) for i in order if scores[i] > 0]


class _Field:
    """One field in rank-bm25's engine with Lucene's idf, and its phrases."""

    def __init__(self, texts: list[list[str]]) -> None:
        from rank_bm25 import BM25Okapi

        self._texts = texts
        self._frequencies = Counter(token for text in texts for token in set(text))
        self._engine: Any = BM25Okapi(texts, k1=K1, b=B) if self._frequencies else None
        self._idf = {
            token: math.log(1 + (len(texts) - count + 0.5) / (count + 0.5))
            for token, count in self._frequencies.items()
        }
        if self._engine:
            self._engine.idf = self._idf

    def frequency(self, token: str) -> int:
        """Return the number of texts that contain a token."""
        return self._frequencies[token]

    def scores(self, terms: Phrase) -> Scores:
        """Return the score of each text for some terms."""
        if self._engine is None:
            return np.zeros(len(self._texts))
        return np.asarray(self._engine.get_scores(list(terms)))

    def phrase_scores(self, phrase: Phrase) -> Scores:
        """Return the score of each text for a phrase, as of one term."""
        scores: Scores = np.zeros(len(self._texts))
        if not all(token in self._idf for token in phrase):
            return scores
        idf, size = sum(self._idf[token] for token in phrase), len(phrase)
        for place, text in enumerate(self._texts):
            if not all(token in self._engine.doc_freqs[place] for token in phrase):
                continue
            there = range(len(text) - size + 1)
            count = sum(tuple(text[start : start + size]) == phrase for start in there)
            norm = K1 * (1 - B + B * len(text) / self._engine.avgdl)
            scores[place] = idf * count * (K1 + 1) / (count + norm)
        return scores
