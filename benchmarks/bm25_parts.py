"""The parts of bm25, one changed at a time, on whole documents of public sets.

    PYTHONPATH=.:benchmarks python benchmarks/bm25_parts.py ../shared/data [--set NAME ...]

Prints nDCG@10 for each set and variant; a star where it differs from "chosen" (paired t-test, Holm
over the variants of a set, p < .05). Stemming and stop words are in the index and have their own
script, `analysis.py`. Variants of what long queries take are measured on those of CISI, and on
abstracts of SciFact that look for those cited by the same claims.

The bonuses are tried on the best 100 documents, as additions of a share of the best score:
`subject` where the first sentence or the title or a heading says what the question is about
("X is ...", "X means ...", "X：", "X是"), for questions of the kind "what is X".
"""

import argparse
import csv
import random
import re
import tempfile
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np
from words import beir, discounted, squad

from evaluation.metrics.corrections import holm
from evaluation.metrics.significance import paired_t_test
from rag.language import long_queries
from rag.language.analysis import tokens
from rag.language.bm25_query import Bm25Query, build_bm25_query, query_runs, query_terms
from rag.language.typos import read_query
from rag.stores.indexes import bm25

SETS = (
    "scifact", "cranfield", "cacm", "cisi", "claude_docs_rag", "nq_oracle", "clapnq_dev",
    "hotpotqa_train100", "musique_train100", "msmarco_dl_5k", "pubmedqa", "domainrag_zh/beir",
    "rgb/zh_refine_beir", "cmrc2018/cmrc2018_trial.json", "drcd/DRCD_dev.json",
)  # fmt: skip
DEPTH, MOST = 100, 600
TITLE = 0.3
_DEFINES = re.compile(
    r"^\s*(?:what(?:'s| is| are| was| were)|who is|who was|define|explain)"
    r"\s+(?:an? |the )?(.+?)\W*$"
    r"|^(.+?)(?:是什么|是什麼|是谁|是誰|指什么|是指什么)[?？]?$",
    re.IGNORECASE,
)


class Index:
    """A bm25 index over the documents of a set."""

    def __init__(self, documents, folder):
        self.names, self.documents = list(documents), documents
        rows = ((n, *document) for n, document in enumerate(documents.values()))
        numbers = np.arange(len(documents), dtype=np.int64)
        bm25.build_tantivy(Path(folder) / "bm25-1", rows, numbers, owner="x")
        self.index = bm25.TantivyIndex(Path(folder) / "bm25-1", owner="x")

    def frequencies(self, terms):
        index = self.index
        return [index.document_frequency(term) + index.title_frequency(term) for term in terms]

    def read(self, text):
        return read_query(text, self.frequencies, lambda: len(self.names))[0]

    def search(self, query, title=TITLE):
        hits = self.index.search(query, DEPTH, title_weight=title, allowed=None)
        return [(self.names[number], score) for number, score in hits]


def subject_of(text):
    """Return the words that a question asks the definition of; none if it asks something else."""
    match = _DEFINES.match(text)
    words = tokens(next(filter(None, match.groups()), "")) if match else []
    return tuple(words) if len(words) <= 4 else ()


def with_bonus(index, hits, subject, share):
    """Return hits with a bonus for those that define a subject."""
    if not subject or not hits:
        return hits
    best = hits[0][1]

    def defines(name):
        title, text = index.documents[name]
        first = tuple(tokens(text[:200]))[: len(subject) + 1]
        return tuple(tokens(title)) == subject or first[: len(subject)] == subject

    return sorted(
        ((name, score + share * best * defines(name)) for name, score in hits),
        key=lambda hit: -hit[1],
    )


def variants():
    """Return name -> function of index and text that gives hits."""
    found = {"chosen": lambda index, text: index.search(index.read(text))}
    for weight in (0.0, 0.1, 0.2, 0.5, 0.7, 1.0):
        found[f"title {weight:g}"] = lambda index, text, w=weight: index.search(index.read(text), w)
    for weight in (0.0, 0.1, 0.2, 0.5, 0.8):
        found[f"neighbours {weight:g}"] = lambda index, text, w=weight: patched(
            {"PAIR": w}, lambda: index.search(index.read(text))
        )
    for share in (0.05, 0.1, 0.2, 0.3):
        found[f"subject {share:g}"] = lambda index, text, s=share: with_bonus(
            index, index.search(index.read(text)), subject_of(text), s
        )
    found["occurrences once"] = lambda index, text: index.search(
        replace(index.read(text), terms=tuple(dict.fromkeys(index.read(text).terms)))
    )
    return found


def patched(values, call):
    """Call with other weights in the bm25 module."""
    before = {name: getattr(bm25, name) for name in values}
    try:
        for name, value in values.items():
            setattr(bm25, name, value)
        return call()
    finally:
        for name, value in before.items():
            setattr(bm25, name, value)


# -- long queries


def all_terms(index, text):
    words = [tuple(run) for run in query_runs(text)][::2]
    pairs = dict.fromkeys(pair for run in words for pair in pairwise(run) if pair[0] != pair[1])
    return index.search(Bm25Query(query_terms(text), tuple(pairs)[:64]))


def capped(most, occurrences):
    def search(index, text):
        query = build_bm25_query(text)
        counts, total = Counter(query.terms), len(index.names)
        there = zip(counts, index.frequencies(list(counts)), strict=True)
        weights = {
            term: min(counts[term], occurrences) * long_queries.idf(count, total)
            for term, count in there
            if count
        }
        best = sorted(weights, key=lambda term: -weights[term])[:most]
        words = [tuple(run) for run in query_runs(text)][::2]
        pairs = dict.fromkeys(pair for run in words for pair in pairwise(run) if pair[0] != pair[1])
        kept = [pair for pair in pairs if set(pair) <= set(best)][:64]
        terms = tuple(term for term in best for _ in range(min(counts[term], occurrences)))
        return index.search(Bm25Query(terms, tuple(kept)))

    return search


def long_variants():
    found = {"chosen": lambda index, text: index.search(index.read(text)), "all terms": all_terms}
    for most in (16, 32, 64, 128):
        for occurrences in (1, 2, 4, 8):
            found[f"{most} terms, {occurrences} times"] = capped(most, occurrences)
    return found


def cocited(folder):
    """Return SciFact's abstracts as queries for the others that the same claims cite."""
    documents, _ = beir(folder)
    related = {}
    for split in ("test", "train"):
        claims = {}
        with (folder / "qrels" / f"{split}.tsv").open(encoding="utf-8") as file:
            for row in list(csv.reader(file, delimiter="\t"))[1:]:
                if int(row[-1]) > 0:
                    claims.setdefault(row[0], []).append(row[1])
        for cited in claims.values():
            for each in cited:
                related.setdefault(each, {}).update({other: 1 for other in cited if other != each})
    asked = [
        (". ".join(documents[each]), gains, each)
        for each, gains in sorted(related.items())
        if gains
    ]
    return documents, asked


# -- measuring


def ndcg(hits, gains, own):
    found = [name for name, _ in hits if name != own][:10]
    best = sorted(gains.values(), reverse=True)[:10]
    return discounted(gains.get(each, 0) for each in found) / discounted(best)


def measure(title, documents, asked, tried):
    """Print a line for each variant."""
    with tempfile.TemporaryDirectory() as folder:
        index = Index(documents, folder)
        rows = {
            name: [ndcg(search(index, text), gains, *own or [None]) for text, gains, *own in asked]
            for name, search in tried.items()
        }
    base = rows["chosen"]
    others = [name for name in rows if name != "chosen" and rows[name] != base]
    tests = holm([paired_t_test(rows[name], base).p_value for name in others])
    shown = dict(zip(others, tests, strict=True))
    print(f"\n{title}, {len(asked)} queries")
    for name, row in rows.items():
        star = "*" if shown.get(name, 1.0) < 0.05 else ""
        print(f"  {name:24s} {fmean(row):.4f} {fmean(row) - fmean(base):+.4f}{star}", flush=True)


def sample(asked):
    return asked if len(asked) <= MOST else random.Random(0).sample(asked, MOST)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--set", action="append", choices=SETS)
    parser.add_argument("--long", action="store_true", help="Only long queries.")
    options = parser.parse_args()
    if options.long:
        documents, asked = beir(options.data / "cisi")
        measure("CISI", documents, asked, long_variants())
        measure("SciFact, cited together", *cocited(options.data / "scifact"), long_variants())
        return
    for name in options.set or SETS:
        path = options.data / name
        documents, asked = squad(path) if path.suffix == ".json" else beir(path)
        measure(name, documents, sample(asked), variants())


if __name__ == "__main__":
    main()
