"""Fits the weights of `rag.models.calibration`, and says how good and how well calibrated they are.

    python benchmarks/evidence.py --data ../shared/data

English: SQuAD questions over whole Wikipedia articles, half of the articles with questions indexed
among others, so that the questions of the other half have no answer; SQuAD 2.0's unanswerable
questions besides. Chinese: CMRC 2018 and DRCD likewise, by words alone. Articles are divided into
those that weights are fitted on and those that the figures are measured on.
"""

import argparse
import json
import random
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from haystack import Document

from rag.config import Config
from rag.models.embedder import Embedder
from rag.models.selection import Roles
from rag.pipelines import build_pipeline
from rag.reading.evidence import FEATURES
from rag.reading.probabilities import BY_WORDS, WITH_SIMILARITY
from rag.reading.sentence_reader import SentenceReader
from rag.stores.embedded.store import EmbeddedStore

SEED = 7
TOP_K = 5
DISTRACTORS = 30
QUESTIONS = 500


def english(data, rng):
    """Return passages {group: [text]}, and questions (group, text, answers)."""
    folder = data / "squad_articles"
    lines = (folder / "questions_dev_v1.1.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    asked = sorted({each["document"] for each in questions})
    others = sorted(p.name for p in (folder / "articles").iterdir() if p.name not in asked)
    groups = {
        name: (folder / "articles" / name).read_text(encoding="utf-8").split("\n")
        for name in [*asked, *rng.sample(others, DISTRACTORS)]
    }
    found = [(each["document"], each["text"], each["answers"]) for each in questions]
    squad = json.loads((data / "squad/dev-v2.0.json").read_text(encoding="utf-8"))["data"]
    for article in squad:
        for paragraph in article["paragraphs"]:
            found += [
                (f"{article['title']}.txt", qa["question"], [])
                for qa in paragraph["qas"]
                if qa["is_impossible"]
            ]
    rng.shuffle(found)
    return groups, [each for each in found if each[0] in groups]


def chinese(data, rng):
    """Return the same for Chinese; every paragraph is a group of its own."""
    groups, found = {}, []
    for name in ("cmrc2018/cmrc2018_trial.json", "drcd/DRCD_dev.json"):
        content = json.loads((data / name).read_text(encoding="utf-8"))["data"]
        for article in content:
            for number, paragraph in enumerate(article["paragraphs"]):
                group = f"{name}:{article.get('id') or article['title']}:{number}"
                groups[group] = [paragraph["context"]]
                for qa in paragraph["qas"]:
                    answers = [answer["text"] for answer in qa["answers"]]
                    found.append((group, qa["question"], answers))
    rng.shuffle(found)
    return groups, found


def natural(data, rng):
    """Return Natural Questions: asked by people who had not seen the passage."""
    folder = data / "nq_oracle"
    groups = {
        each["_id"]: [each["text"]] for each in map(json.loads, (folder / "corpus.jsonl").open())
    }
    gold = dict(
        line.split("\t")[:2] for line in (folder / "qrels/test.tsv").read_text().splitlines()[1:]
    )
    queries = map(json.loads, (folder / "queries.jsonl").open())
    found = [(gold[q["_id"]], q["text"], q["answers"]) for q in queries if q["_id"] in gold]
    rng.shuffle(found)
    return groups, found


def news(data, rng):
    """Return RGB's Chinese questions about news, each with several passages that answer."""
    groups, found = {}, []
    for line in (data / "rgb/zh_refine.json").read_text(encoding="utf-8").splitlines():
        each = json.loads(line)
        group = f"rgb{each['id']}"
        groups[group] = each["positive"]
        groups[f"{group}-other"] = each["negative"][:5]
        answers = [
            a
            for answer in each["answer"]
            for a in ([answer] if isinstance(answer, str) else answer)
        ]
        found.append((group, each["query"], answers))
    rng.shuffle(found)
    return groups, found


def fill(store, groups, embedder):
    """Write the passages of some groups."""
    passages = [
        Document(
            id=f"{group}:{n}",
            content=text,
            meta={"document_id": group, "title": Path(group).stem.replace("_", " ")},
        )
        for group, texts in groups.items()
        for n, text in enumerate(texts)
        if text.strip()
    ]
    written = []
    if embedder:
        vectors = embedder.encode_passages([p.meta["title"] + "\n" + p.content for p in passages])
        for passage, vector in zip(passages, vectors, strict=True):
            written.append(replace(passage, embedding=vector.tolist()))
    else:
        written = [replace(p, meta={**p.meta, "title": ""}) for p in passages]
    store.write_documents(written)


def examples(store, embedder, questions, indexed):
    """Yield features (n, 6) and labels (n,) of the sentences found for each question."""
    method = "hybrid" if embedder else "bm25"
    pipeline = build_pipeline(Config(), store, embedder, Roles(), method=method)
    reader = SentenceReader(store, embedder)
    last = "fused" if embedder else "bm25"
    for group, question, answers in questions:
        inputs = {"bm25": {"query": question}}
        if embedder:
            weights = {"bm25": 1.0, "dense": 1.0}
            inputs |= {"embed": {"text": question}, "fused": {"weights": weights}}
        inputs["read"] = {"question": question}
        output = pipeline.run(inputs, include_outputs_from={last})
        documents = output[last]["documents"][:TOP_K]
        evidence = reader.run(question, documents)["evidence"]
        texts = {document.id: document for document in documents}
        labels = [
            group in indexed
            and texts[each.passage_id].meta["document_id"] == group
            and any(a in texts[each.passage_id].content[each.start : each.end] for a in answers)
            for each in evidence
        ]
        features = np.array([each.features for each in evidence], float)
        yield group, features.reshape(-1, len(FEATURES)), np.array(labels, bool), bool(answers)


def fit(features, labels, *, ridge=1e-3, used=None):
    """Return weights and bias of a logistic regression, by Newton's method."""
    columns = np.ones(features.shape[1], bool) if used is None else used
    inputs = np.c_[features * columns, np.ones(len(features))]
    weights = np.zeros(inputs.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-inputs @ weights))
        gradient = inputs.T @ (p - labels) + ridge * len(labels) * weights * 1e-2
        curve = (inputs * (p * (1 - p))[:, None]).T @ inputs + np.eye(len(weights)) * 1e-3
        step = np.linalg.solve(curve, gradient)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return weights[:-1], weights[-1]


def first(found, weights, bias):
    """Return the log-odds of each question's first sentence, if it is right, if any could be."""
    tops = []
    for _, features, labels, _ in found:
        if len(labels):
            odds = features @ np.array(weights) + bias
            tops.append((odds.max(), labels[odds.argmax()], labels.any()))
    return tuple(np.array(column, float) for column in zip(*tops, strict=True))


def calibrate(train, weights, bias):
    """Scale and shift the log-odds so that the first sentence's probability is right (Platt)."""
    odds, right, _ = first(train, weights, bias)
    (scale,), shift = fit(odds[:, None], right)
    return weights * scale, bias * scale + shift


def report(name, held, weights, bias):
    """Print what the first sentence is worth on held-back articles, and how calibrated it is."""
    odds, right, reachable = first(held, weights, bias)
    p = 1 / (1 + np.exp(-odds))
    bins = np.minimum((p * 10).astype(int), 9)
    ece = sum(abs(p[bins == b].sum() - right[bins == b].sum()) for b in range(10)) / len(p)
    print(f"\n{name}: {len(p)} questions of held-back articles, answerable {reachable.mean():.3f}")
    print(
        f"  first sentence holds the answer, of the answerable: {right.sum() / reachable.sum():.3f}"
    )
    print(f"  mean confidence {p.mean():.3f}, right {right.mean():.3f}, ECE {ece:.3f}")
    for threshold in (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5):
        answered = p >= threshold
        kept = (reachable * answered).sum() / reachable.sum()
        precision = right[answered].mean() if answered.any() else float("nan")
        print(
            f"  threshold {threshold}: answers {answered.mean():.3f}, right of those "
            f"{precision:.3f}, answers {kept:.3f} of the answerable, "
            f"declines {1 - answered[reachable == 0].mean():.3f} of the others"
        )


def collect(groups, questions, embedder, rng):
    """Return the examples of one set, a third of its groups with questions left out."""
    names = sorted({group for group, _, _ in questions})
    rng.shuffle(names)
    absent = set(names[: len(names) // 3])
    indexed = {group: texts for group, texts in groups.items() if group not in absent}
    fitting = set(names[1::2])
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(folder)
        fill(store, indexed, embedder)
        found = list(examples(store, embedder, questions[:QUESTIONS], indexed))
        store.close()
    return [e for e in found if e[0] in fitting], [e for e in found if e[0] not in fitting]


def run(name, sets, embedder, current, rng, used=None):
    """Fit over all sets of a language, and report each."""
    divided = {title: collect(*found, embedder, rng) for title, found in sets.items()}
    train = [each for train, _ in divided.values() for each in train]
    features = np.vstack([each[1] for each in train])
    labels = np.concatenate([each[2] for each in train])
    weights, bias = calibrate(train, *fit(features, labels, used=used))
    print(f"\n=== {name}: {len(train)} questions, {len(labels)} sentences, right {labels.sum()}")
    print("   ", dict(zip(FEATURES, weights.round(3).tolist(), strict=True)), round(float(bias), 3))
    for title, (_, held) in divided.items():
        report(f"{name}, {title}, weights fitted now", held, weights, bias)
        report(f"{name}, {title}, weights in rag.models.calibration", held, *current)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    embedder = Embedder(Config().embedder)
    for_words = np.array([name != "similarity" for name in FEATURES])
    rng = random.Random(SEED)
    run(
        "English",
        {"SQuAD": english(data, rng), "Natural Questions": natural(data, rng)},
        embedder,
        WITH_SIMILARITY,
        rng,
    )
    run(
        "Chinese, by words",
        {"CMRC and DRCD": chinese(data, rng), "RGB": news(data, rng)},
        None,
        BY_WORDS,
        rng,
        used=for_words,
    )


if __name__ == "__main__":
    main()
