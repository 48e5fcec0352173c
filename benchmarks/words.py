"""bm25 on whole documents of public sets: nDCG@10 and recall@5, without chunking or models.

    PYTHONPATH=. python benchmarks/words.py ../shared/data      # half a minute

Sets: SciFact, Cranfield, questions on Claude's documentation and DomainRAG in BEIR's form, and 600
questions each of CMRC 2018 (simplified) and DRCD (traditional) over the paragraphs of their files.
"""

import csv
import json
import math
import random
import sys
import tempfile
from pathlib import Path

import numpy as np

from rag.language.typos import read_query
from rag.stores.indexes.bm25 import TantivyIndex, build_tantivy

BEIR = ("scifact", "cranfield", "claude_docs_rag", "domainrag_zh/beir")
SQUAD = ("cmrc2018/cmrc2018_trial.json", "drcd/DRCD_dev.json")
SAMPLE = 600


def beir(folder):
    def lines(name):
        return map(json.loads, (folder / name).read_text(encoding="utf-8").splitlines())

    documents = {row["_id"]: (row.get("title") or "", row["text"]) for row in lines("corpus.jsonl")}
    texts = {row["_id"]: row["text"] for row in lines("queries.jsonl")}
    judged = {}
    with (folder / "qrels" / "test.tsv").open(encoding="utf-8") as file:
        for row in list(csv.reader(file, delimiter="\t"))[1:]:
            if int(row[-1]) > 0:
                judged.setdefault(row[0], {})[row[1]] = int(row[-1])
    return documents, [(texts[query], gains) for query, gains in judged.items()]


def squad(path):
    documents, asked = {}, []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            name = str(len(documents))
            documents[name] = (article.get("title") or "", paragraph["context"])
            asked += [(each["question"], {name: 1}) for each in paragraph["qas"]]
    return documents, random.Random(0).sample(asked, min(SAMPLE, len(asked)))


def discounted(gains):
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))


def scores(index, names, asked):
    def frequencies(terms):
        return [index.document_frequency(term) + index.title_frequency(term) for term in terms]

    ndcg, recall = [], []
    for text, judged in asked:
        query, _ = read_query(text, frequencies, lambda: len(names))
        hits = index.search(query, 10, title_weight=0.3, allowed=None)
        found = [names[number] for number, _ in hits]
        best = sorted(judged.values(), reverse=True)[:10]
        ndcg.append(discounted(judged.get(each, 0) for each in found) / discounted(best))
        recall.append(len(judged.keys() & set(found[:5])) / len(judged))
    return np.mean(ndcg), np.mean(recall)


def main():
    data = Path(sys.argv[1])
    sets = {name: beir(data / name) for name in BEIR} | {n: squad(data / n) for n in SQUAD}
    for name, (documents, asked) in sets.items():
        with tempfile.TemporaryDirectory() as folder:
            rows = ((n, *document) for n, document in enumerate(documents.values()))
            numbers = np.arange(len(documents), dtype=np.int64)
            build_tantivy(Path(folder) / "bm25-1", rows, numbers, owner="x")
            index = TantivyIndex(Path(folder) / "bm25-1", owner="x")
            ndcg, recall = scores(index, list(documents), asked)
            print(f"{name}: nDCG@10 {ndcg:.4f}, recall@5 {recall:.4f}, {len(asked)} questions")


if __name__ == "__main__":
    main()
