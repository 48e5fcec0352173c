"""ONNX Runtime beside torch: the same answers, and the time of each.

    PYTHONPATH=. python benchmarks/runtimes.py spans squad_held.json --model citewell-reader-en
    PYTHONPATH=. python benchmarks/runtimes.py order squad_held.json --model citewell-reader-en
    PYTHONPATH=. python benchmarks/runtimes.py vectors squad_held.json --model all-MiniLM-L6-v2
    PYTHONPATH=. python benchmarks/runtimes.py time squad_held.json --model citewell-reader-en

`spans` compares the best span of each question in its paragraph, `order` the order of ten
paragraphs by relevance, `vectors` the cosine of paragraphs' vectors, `time` reads five paragraphs
for each of a few questions by both in turn. The file is as SQuAD's; its first questions are taken.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from rag.config import EmbedderConfig
from rag.models.embedder import Embedder
from rag.models.pair_model import PairModel
from rag.models.windows import find_spans

RUNTIMES = ("onnx", "torch")
LONGEST = 60  # tokens of a span
RANKED, READ = 10, 5  # paragraphs put in order, and read for the time
TIMED = 20  # questions


def questions(path, most):
    """Return pairs of a question and its paragraph, at most one for a paragraph in turn."""
    content = json.loads(path.read_text(encoding="utf-8"))["data"]
    rows = [
        (entry["question"], paragraph["context"])
        for place in range(20)
        for article in content
        for paragraph in article["paragraphs"]
        for entry in paragraph["qas"][place : place + 1]
    ]
    return rows[:most]


def readers(name):
    """Return the model in each runtime, loaded."""
    made = [
        PairModel(name, setting="reader.model", runtime=each, device="cpu") for each in RUNTIMES
    ]
    for model in made:
        model.warm_up()
    assert tuple(model.ran_by for model in made) == RUNTIMES
    return made


def compare_spans(rows, name):
    models, same, apart = readers(name), 0, 0.0
    for row in rows:
        best = []
        for model in models:
            (windows,) = model.read([row])
            found = find_spans(windows, most=1, longest=LONGEST)
            best.append((found[0].start, found[0].end, found[0].score))
        same += best[0][:2] == best[1][:2]
        apart = max(apart, abs(best[0][2] - best[1][2]))
    print(f"best span the same: {same} of {len(rows)}; scores at most {apart:.2g} apart")


def compare_order(rows, name):
    models, same, apart = readers(name), 0, 0.0
    texts = list(dict.fromkeys(text for _, text in rows))
    for place, (question, _) in enumerate(rows):
        some = [texts[(place + step) % len(texts)] for step in range(RANKED)]
        ours, theirs = (np.array(model.relevance(question, some)) for model in models)
        same += bool((np.argsort(-ours, kind="stable") == np.argsort(-theirs, kind="stable")).all())
        apart = max(apart, float(np.abs(ours - theirs).max()))
    print(f"order the same: {same} of {len(rows)}; relevance at most {apart:.2g} apart")


def compare_vectors(rows, name):
    texts = list(dict.fromkeys(text for row in rows for text in row))
    ours, theirs = (
        Embedder(
            EmbedderConfig(model=name, runtime=each, device="cpu", dtype="float32")
        ).encode_passages(texts)
        for each in RUNTIMES
    )
    print(f"{len(texts)} texts, least cosine {(ours * theirs).sum(axis=1).min():.7f}")


def compare_time(rows, name):
    models, spent = readers(name), {each: [] for each in RUNTIMES}
    texts = list(dict.fromkeys(text for _, text in rows))
    for place, (question, _) in enumerate(rows[: TIMED + 1]):
        some = [(question, texts[(place + step) % len(texts)]) for step in range(READ)]
        for runtime, model in zip(RUNTIMES, models, strict=True):
            start = time.perf_counter()
            model.read(some)
            spent[runtime].append((time.perf_counter() - start) * 1000)
    middle = {each: float(np.median(values[1:])) for each, values in spent.items()}
    print({each: f"{value:.0f} ms" for each, value in middle.items()},
          f"onnx / torch {middle['onnx'] / middle['torch']:.2f}")  # fmt: skip


def main():
    steps = {
        "spans": compare_spans,
        "order": compare_order,
        "vectors": compare_vectors,
        "time": compare_time,
    }
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=steps)
    parser.add_argument("set", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--most", type=int, default=500)
    options = parser.parse_args()
    print(f"{options.model}, {os.environ.get('OMP_NUM_THREADS', 'all')} threads", end=": ")
    sys.stdout.flush()
    steps[options.step](questions(options.set, options.most), options.model)


if __name__ == "__main__":
    main()
