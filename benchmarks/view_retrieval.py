"""Dense and hybrid retrieval with and without views: two trees cut and read the same documents.

    git worktree add --detach BEFORE 96b3574      # the last commit without views
    PYTHONPATH=BEFORE python benchmarks/view_retrieval.py texts OUT/before --data ../shared/data
    PYTHONPATH=. python benchmarks/view_retrieval.py texts OUT/after --data ../shared/data
    PYTHONPATH=. python benchmarks/view_retrieval.py count OUT
    PYTHONPATH=. python benchmarks/view_retrieval.py compare OUT --data ../shared/data --set cacm

`texts` keeps what the embedder gets of every passage, as the tree on the path makes it. `count`
tells how many of these texts differ: equal texts have equal vectors. `compare` embeds the others
with this tree's embedder, each text once, and tests nDCG@10 and recall@5 of both in pairs. bm25 is
this tree's over both; hybrid joins reciprocal ranks (k = 60), so that nothing but the view differs.
"""

import argparse
import json
import random
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
from retrieval_sets import SETS, load_set

CHINESE = frozenset({"domainrag_zh", "rgb", "cmrc2018", "drcd"})
DEPTH = 50
SIDES = ("before", "after")
K = 60


def settings_of(name):
    """Return the settings of the embedder that a set's documents get."""
    from rag.config import EmbedderConfig
    from rag.models.default_models import model_for

    return EmbedderConfig(model=model_for("embedder", "zh" if name in CHINESE else "en"))


def keep_texts(args):
    """Write document, title, text and embedded text of every passage, a line each."""
    from indexing.chunking import embedded_text
    from indexing.converters import ConvertedDocument
    from indexing.documents import cut_document
    from rag.config import ChunkingConfig
    from rag.models.embedder import Embedder

    args.out.mkdir(parents=True, exist_ok=True)
    config = ChunkingConfig()
    for name in args.set or SETS:
        embedder = Embedder(settings_of(name))
        tokenizer = embedder.files.tokenizer
        with (args.out / f"{name}.jsonl").open("w", encoding="utf-8") as lines:
            for each in load_set(name, args.data).documents:
                meta = {"format": "evaluation", **each.meta}
                document = ConvertedDocument("", each.title, each.text, (), (), meta)
                options = {"sha256": "", "embedder": embedder, "config": config}
                for passage in cut_document(document, each.document_id, "", **options).passages:
                    texts = [embedded_text(passage, tokenizer, context=c) for c in (False, True)]
                    row = [each.document_id, each.title, *texts]
                    lines.write(json.dumps(row, ensure_ascii=False) + "\n")
        print(name, flush=True)


def passages_of(folder, name):
    """Return the passages of a set as `texts` kept them."""
    with (folder / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def count(args):
    """Print how many embedded texts stand on one side alone."""
    for name in args.set or SETS:
        before, after = (passages_of(args.out / side, name) for side in SIDES)
        texts = [{(row[0], row[-1]) for row in rows} for rows in (before, after)]
        alone = [len(a - b) for a, b in (texts, texts[::-1])]
        print(f"{name}: {len(before)} and {len(after)} passages, {alone[0]} and {alone[1]} differ")


def changed(before, after):
    """Return the documents that have a passage on one side alone, in a fixed order."""
    texts = [{(row[0], row[-1]) for row in rows} for rows in (before, after)]
    return sorted({document for document, _ in texts[0] ^ texts[1]})


def part_of(name, args, differing):
    """Return the questions and the documents to compare: all, or as many as were asked for.

    Of a part there are twice as many characters, half of them of documents that differ.
    """
    whole = load_set(name, args.data)
    if any(each.filters for each in whole.questions):
        raise SystemExit(f"{name}: questions with filters are not compared here")
    if args.characters is None:
        return whole.questions, {each.document_id for each in whole.documents}
    part = load_set(name, args.data, characters=args.characters)
    kept, left = {each.document_id for each in part.documents}, args.characters
    sizes = {each.document_id: len(each.text) for each in whole.documents}
    for document in random.Random(0).sample(differing, len(differing)):
        left -= sizes[document]
        if left > 0:
            kept.add(document)
    judged = [
        replace(each, grades={d: g for d, g in each.grades.items() if d in kept})
        for each in whole.questions
    ]
    return [each for each in judged if any(g > 0 for g in each.grades.values())], kept


class Vectors:
    """Vectors of texts, each embedded once."""

    def __init__(self, embedder):
        self._embedder, self._known = embedder, {}

    def passages(self, texts):
        """Return the vectors of passages, a row each."""
        new = sorted(set(texts) - self._known.keys())
        self._known |= dict(zip(new, self._embedder.encode_passages(new), strict=True))
        return np.stack([self._known[text] for text in texts])


def rankings(rows, questions, vectors, asked):
    """Yield for each question the documents by bm25, dense and hybrid, best first."""
    from rag.language.typos import read_query
    from rag.retrieval.fusion import fuse
    from rag.stores.indexes.bm25 import TantivyIndex, build_tantivy

    numbers = np.arange(len(rows), dtype=np.int64)
    matrix = vectors.passages([row[-1] for row in rows])
    with tempfile.TemporaryDirectory() as folder:
        listed = ((n, row[1], row[2]) for n, row in enumerate(rows))
        build_tantivy(Path(folder, "bm25-1"), listed, numbers, owner="x")
        index = TantivyIndex(Path(folder, "bm25-1"), owner="x")

        def frequencies(terms):
            return [index.document_frequency(t) + index.title_frequency(t) for t in terms]

        for question, vector in zip(questions, asked, strict=True):
            query, _ = read_query(question.question, frequencies, lambda: len(rows))
            hits = index.search(query, DEPTH, title_weight=0.3, allowed=None)
            lists = {
                "bm25": [int(number) for number, _ in hits],
                "dense": np.argsort(-(matrix @ vector), kind="stable")[:DEPTH].tolist(),
            }
            lists["hybrid"] = [n for n, _ in fuse(lists, dict.fromkeys(lists, 1.0), k=K)]
            yield {
                way: list(dict.fromkeys(rows[n][0] for n in found)) for way, found in lists.items()
            }


def compare(args):
    """Print both measures of every way on both sides, with the p-value of their difference."""
    from evaluation.metrics.retrieval import ndcg, recall_at_k
    from evaluation.metrics.significance import randomization_test
    from rag.models.embedder import Embedder

    for name in args.set or SETS:
        sides = {side: passages_of(args.out / side, name) for side in SIDES}
        questions, kept = part_of(name, args, changed(*sides.values()))
        sides = {side: [row for row in rows if row[0] in kept] for side, rows in sides.items()}
        embedder = Embedder(settings_of(name))
        embedder.warm_up()
        asked = [embedder.encode_query(each.question) for each in questions]
        vectors, found = Vectors(embedder), {}
        for side, rows in sides.items():
            found[side] = list(rankings(rows, questions, vectors, asked))
        differ = len(changed(*sides.values()))
        sizes = " and ".join(str(len(rows)) for rows in sides.values())
        print(f"{name}: {len(questions)} questions, {sizes} passages, {differ} documents differ")
        for way in ("bm25", "dense", "hybrid"):
            for title, measure, k in (("nDCG@10", ndcg, 10), ("recall@5", recall_at_k, 5)):
                a, b = (
                    [
                        measure(ranking[way], question.grades, k)
                        for ranking, question in zip(found[side], questions, strict=True)
                    ]
                    for side in SIDES
                )
                p = randomization_test(b, a).p_value if a != b else 1.0
                line = f"{fmean(a):.4f} -> {fmean(b):.4f} ({fmean(b) - fmean(a):+.4f}, p {p:.3f})"
                print(f"  {way} {title} {line}", flush=True)


def main():
    """Run the command given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["texts", "count", "compare"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--set", action="append", choices=SETS)
    parser.add_argument("--characters", type=int)
    args = parser.parse_args()
    {"texts": keep_texts, "count": count, "compare": compare}[args.command](args)


if __name__ == "__main__":
    main()
