"""Embedders beside each other: which finds the text that a question was asked about.

    python benchmarks/embedders.py MODEL MODEL ... --set PATH --set PATH [--questions 500]

Each text is one vector, of its title and as much of it as the model reads; all are compared.
nDCG@10, reciprocal rank and recall@1 of the texts that are judged, or that hold the gold evidence,
with the difference to the first model (t-test over the clusters of questions). The sets are those
of `rag evaluate`; models are named as in `embedder.model`.
"""

import argparse
from pathlib import Path
from statistics import fmean

import numpy as np

from evaluation.datasets import load_dataset
from evaluation.metrics.retrieval import ndcg, recall_at_k, reciprocal_rank
from evaluation.metrics.significance import cluster_t_test
from rag.config import EmbedderConfig
from rag.models.embedder import Embedder
from rag.models.windows import prefix

SEED = 3


def graded(question):
    """Return document -> grade."""
    found = {gold.document_id: 1 for places in question.evidence for gold in places}
    return found | dict(question.grades)


def scores_of(embedder, documents, questions):
    """Return the three measures of each question."""
    texts = [prefix(each.title.replace("_", " ")) + each.text for each in documents]
    passages = embedder.encode_passages(texts)
    rows = []
    for question in questions:
        found = passages @ embedder.encode_query(question.question)
        ranking = [documents[place].document_id for place in np.argsort(-found)[:100]]
        grades = graded(question)
        rows.append(
            (
                ndcg(ranking, grades, k=10),
                reciprocal_rank(ranking, grades),
                recall_at_k(ranking, grades, 1),
            )
        )
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--set", type=Path, action="append", required=True, dest="sets")
    parser.add_argument("--questions", type=int)
    args = parser.parse_args()
    embedders = [Embedder(EmbedderConfig(model=name)) for name in args.models]
    for path in args.sets:
        dataset = load_dataset(path, repair=True).sample(args.questions, SEED)
        questions = [each for each in dataset.questions if graded(each)]
        clusters = [each.cluster or each.question_id for each in questions]
        print(f"{dataset.name}: {len(questions)} questions, {len(dataset.documents)} texts")
        first = None
        for name, embedder in zip(args.models, embedders, strict=True):
            rows = scores_of(embedder, dataset.documents, questions)
            gains = [row[0] for row in rows]
            line = " ".join(f"{fmean(column):.3f}" for column in zip(*rows, strict=True))
            if first is None:
                first = gains
                note = ""
            else:
                test, n = cluster_t_test(gains, first, clusters)
                more = fmean(gains) - fmean(first)
                note = f"nDCG@10 {more:+.3f}, p = {test.p_value:.2g} ({n} clusters)"
            print(f"  {Path(name).name:24} {line}  {note}", flush=True)


if __name__ == "__main__":
    main()
