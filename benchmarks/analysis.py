"""Measures variants of `rag.language.analysis.tokens` with tantivy's BM25.

    python benchmarks/analysis.py

Every variant replaces a part of `rag.language.analysis` (how runs of Chinese are cut, which stop
words are left out, ...), so that `chosen` is the code as it stands. Each text is analysed,
joined with spaces, and indexed in one white-space field (k1 = 1.2, b = 0.75).
"""

import argparse
import json
import random
import re
from collections import Counter
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import jieba
import pytrec_eval
import rjieba
import tantivy
from scipy.stats import ttest_rel

from rag.language import analysis

DATA = Path(__file__).parents[2] / "shared" / "data"
CHINESE = ["domainrag_zh/beir", "rgb/zh_refine_beir", "cmrc2018", "drcd"]
ENGLISH = [
    "scifact",
    "cranfield",
    "nq_oracle",
    "claude_docs_rag",
    "cisi",
    "clapnq_dev",
    "squad_articles",
]
HELD_OUT = ["cmrc2018 rest", "drcd rest", "xquad"]
LUCENE = analysis._words(
    "a an and are as at be but by for if in into is it no not of on or such that the their then "
    "there these they this to was will with"
)
MEASURES = ["ndcg_cut_10", "recip_rank", "success_1"]
Qrels = dict[str, dict[str, int]]


class Data(NamedTuple):
    corpus: dict[str, str]
    queries: dict[str, str]
    qrels: Qrels


def load(name: str) -> Data:
    """A data set under its folder's name, in the form of BEIR or of SQuAD."""
    if (DATA / name / "corpus.jsonl").exists():
        return load_beir(DATA / name)
    if name == "squad_articles":
        return load_articles(DATA / name)
    folder, _, part = name.partition(" ")
    pattern = {"cmrc2018": "*train*.json", "drcd": "*.json", "xquad": "**/*zh*.json"}[folder]
    return load_squad(next((DATA / folder).glob(pattern)), rest=bool(part))


def load_beir(folder: Path) -> Data:
    rows = [json.loads(line) for line in (folder / "corpus.jsonl").open(encoding="utf-8")]
    corpus = {row["_id"]: f"{row.get('title', '')} {row['text']}" for row in rows}
    lines = (folder / "queries.jsonl").open(encoding="utf-8")
    queries = {row["_id"]: row["text"] for row in map(json.loads, lines)}
    qrels: Qrels = {}
    for line in (folder / "qrels/test.tsv").read_text("utf-8").splitlines()[1:]:
        query, passage, grade = line.split("\t")
        qrels.setdefault(query, {})[passage] = int(grade)
    return Data(corpus, {key: queries[key] for key in qrels}, qrels)


def load_squad(path: Path, *, rest: bool) -> Data:
    """Which paragraph answers? 500 questions, or 1,500 of the rest (to check the choice)."""
    data = json.loads(path.read_text("utf-8"))["data"]
    paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]]
    corpus = {str(number): paragraph["context"] for number, paragraph in enumerate(paragraphs)}
    asked = [(str(n), qa) for n, paragraph in enumerate(paragraphs) for qa in paragraph["qas"]]
    sample = random.Random(0).sample(asked, 500)
    if rest:
        seen = {qa["id"] for _, qa in sample}
        others = [pair for pair in asked if pair[1]["id"] not in seen]
        sample = random.Random(1).sample(others, 1500)
    return Data(
        corpus,
        {qa["id"]: qa["question"] for _, qa in sample},
        {qa["id"]: {number: 1} for number, qa in sample},
    )


def load_articles(folder: Path, sample: int = 500) -> Data:
    corpus = {}
    for path in sorted((folder / "articles").glob("*.txt")):
        for match in re.finditer(r"[^\n]+", path.read_text("utf-8")):
            corpus[f"{path.name}:{match.start()}"] = match[0]
    lines = (folder / "questions_dev_v1.1.jsonl").open(encoding="utf-8")
    rows = [json.loads(line) for line in lines]
    rows = [row for row in rows if f"{row['document']}:{row['context_offset']}" in corpus]
    rows = random.Random(0).sample(rows, sample)
    return Data(
        corpus,
        {row["_id"]: row["text"] for row in rows},
        {row["_id"]: {f"{row['document']}:{row['context_offset']}": 1} for row in rows},
    )


def search(data: Data) -> dict[str, dict[str, float]]:
    """The run of tantivy: for each query the scores of the best 100 passages."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw")
    builder.add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
    schema = builder.build()
    index = tantivy.Index(schema)
    writer = index.writer(heap_size=60_000_000, num_threads=1)
    for key, passage in data.corpus.items():
        writer.add_document(tantivy.Document(id=key, terms=" ".join(analysis.tokens(passage))))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()
    run = {}
    for key, question in data.queries.items():
        counts = Counter(analysis.tokens(question))
        parts = [
            (tantivy.Occur.Should, tantivy.Query.boost_query(term_query(schema, term), float(n)))
            for term, n in counts.items()
        ]
        hits = searcher.search(tantivy.Query.boolean_query(parts), limit=100).hits
        run[key] = {searcher.doc(address)["id"][0]: score for score, address in hits}
    return run


def term_query(schema: tantivy.Schema, term: str) -> tantivy.Query:
    return tantivy.Query.term_query(schema, "terms", term, index_option="freq")


def singles(run: str) -> list[str]:
    return list(run)


def pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def singles_and_pairs(run: str) -> list[str]:
    return singles(run) + (pairs(run) if len(run) > 1 else [])


def rjieba_less(run: str) -> list[str]:
    return [word for word in rjieba.cut(run) if not analysis._STOP_HAN.fullmatch(word)]


def jieba_search(run: str) -> list[str]:
    return list(jieba.cut_for_search(run))


RUNS: dict[str, dict[str, Any]] = {
    "chosen": {},
    "single characters": {"_pairs": singles},
    "pairs": {"_pairs": pairs},
    "single characters + pairs": {"_pairs": singles_and_pairs},
    "rjieba": {"_pairs": rjieba.cut},
    "rjieba, no function words": {"_pairs": rjieba_less},
    "rjieba, search mode": {"_pairs": rjieba.cut_for_search},
    "jieba, search mode": {"_pairs": jieba_search},
}
WORDS: dict[str, dict[str, Any]] = {
    "chosen": {},
    "Lucene's small stop list": {"_STOP": LUCENE},
    "no stop words": {"_STOP": frozenset()},
    "chosen + all of _ASKING": {"_STOP": analysis._STOP | analysis._ASKING},
    "no stemming": {"_stem": lambda word: word},
    "numbers and identifiers in parts": {
        "_WORD": re.compile(rf"{analysis._UNSPACED_RUN.pattern}|[^\W_]+(?:['’][^\W_]+)*")
    },
}


def measured(name: str, replaced: dict[str, Any]) -> dict[str, list[float]]:
    """nDCG@10, MRR and success@1 of one variant, a number for each question."""
    data = loaded(name)
    analysis._terms.cache_clear()
    with ExitStack() as stack:
        for part, value in replaced.items():
            stack.enter_context(patch.object(analysis, part, value))
        run = search(data)
    analysis._terms.cache_clear()
    evaluator = pytrec_eval.RelevanceEvaluator(data.qrels, set(MEASURES))
    judged = evaluator.evaluate(run)
    return {m: [judged.get(key, {}).get(m, 0.0) for key in data.qrels] for m in MEASURES}


@cache
def loaded(name: str) -> Data:
    return load(name)


def cell(ours: dict[str, list[float]], chosen: dict[str, list[float]]) -> str:
    """The three means; a star where nDCG@10 differs from the chosen variant's (t-test, 5 %)."""
    means = " ".join(f"{sum(values) / len(values):.3f}" for values in ours.values())
    pair = ours[MEASURES[0]], chosen[MEASURES[0]]
    return means + ("*" if pair[0] != pair[1] and ttest_rel(*pair).pvalue < 0.05 else "")


def table(variants: dict[str, dict[str, Any]], names: list[str]) -> None:
    """Prints a Markdown table: a row for each variant, a column for each data set."""
    chosen = {name: measured(name, {}) for name in names}
    heads = (f"{name.partition('/')[0]} (n={len(loaded(name).qrels)})" for name in names)
    print("\n| variant |", " | ".join(heads), "|")
    print("|---|" + "---|" * len(names))
    for variant, replaced in variants.items():
        cells = (cell(measured(name, replaced), chosen[name]) for name in names)
        print("|", variant, "|", " | ".join(cells), "|", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["chinese", "english"])
    only = parser.parse_args().only
    if only != "english":
        table(RUNS, CHINESE)
        table(RUNS, HELD_OUT)
    if only != "chinese":
        table(WORDS, ENGLISH)


if __name__ == "__main__":
    main()
