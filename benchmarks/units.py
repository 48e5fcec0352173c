"""UnitChoice of units for quoted answers: fit its weights on questions with known answers.

usage: python benchmarks/units.py read SET CACHE [--corpus NAME]   retrieve and read, once; CACHE keeps what was found
       python benchmarks/units.py fit SET CACHE [--write]          fit on all questions, measure by ten folds

SET is a file as `benchmarks/answers/first.jsonl`; each of its corpora is a collection of that name
under RAG_HOME. A unit counts as right if it holds everything that is needed. The folds are
of questions; what they measure is the choice alone, on the questions it was developed with.
"""

import argparse
import json
import pickle
import random
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "answers"))
from check_questions import normalized

from rag.answers.composition import compose
from rag.reading.answer_probability import ANSWER_FEATURES, answer_features
from rag.answers.drafting import Timer
from rag.collections import open_rag
from rag.config import load_config
from rag.language.question_types import question_type
from rag.reading.choice import choose
from rag.reading.requirements import requirements_of
from rag.reading.surroundings import read_surroundings
from rag.reading.unit_choice import FEATURES, AskedQuestion, UnitCandidate, choose_units
from rag.reading.word_weights import word_weights
from rag.retrieval.query import build_query
from rag.schema import SearchOptions

WEIGHTS = Path(__file__).parent.parent / "rag" / "reading" / "unit_weights.json"
SIZE = 600.0  # characters of a unit at which its gain has fallen to 1 / e


def read(questions, cache, corpora):
    """Retrieve and read each question, and keep passages and evidence."""
    kept = pickle.loads(cache.read_bytes()) if cache.exists() else {}
    for corpus in corpora:
        todo = [q for q in questions if q["corpus"] == corpus and q["id"] not in kept]
        if not todo:
            continue
        rag = open_rag(corpus, load_config())
        for question in todo:
            query = build_query(question["question"], asks=True)
            found = rag._search.find(query, SearchOptions(), lambda: None, early=True)
            evidence, _ = rag._evidence(query, found, Timer(None))
            kept[question["id"]] = (found.documents, found.generation, evidence)
            print(question["id"], len(evidence), flush=True)
        cache.write_bytes(pickle.dumps(kept))
        rag.store.close()


def candidates_of(questions, cache):
    """Return question id -> type and candidates, with today's features."""
    kept, made, stores = {}, {}, {}
    for each in sorted(cache.glob("*.pkl")) if cache.is_dir() else [cache]:
        kept |= pickle.loads(each.read_bytes())
    for question in questions:
        if question["id"] not in kept:
            continue
        if question["corpus"] not in stores:
            stores[question["corpus"]] = open_rag(question["corpus"], load_config()).store
        store = stores[question["corpus"]]
        documents, generation, evidence = kept[question["id"]]
        query = build_query(question["question"], asks=True)
        weights, _ = word_weights(store, query.tokens)
        asked = AskedQuestion(query.text, question_type(query.text), weights)
        around = read_surroundings(store, documents, generation)
        required = requirements_of(query.text, store)
        every = choose_units(asked, around, evidence)
        made[question["id"]] = (
            asked,
            every,
            list(choose(asked, required, around, evidence).candidates),
        )
    return made


def holds(question, text):
    """Return whether a text holds everything that an answer needs."""
    flat = normalized(text)
    return all(any(normalized(each) in flat for each in group) for group in question["needed"])


def prior():
    """Return the weights that are expected before any data; the fit is drawn to them."""
    kinds = ["sentence", "pair", "paragraph", "item", "list", "steps", "row", "table", "code"]
    table = {
        "fact": (1.5, 0.7, 0, 1.5, -2, -2, 1.5, -1, -2),
        "table": (1.5, 0.7, 0, 1.5, -1.5, -2, 2, -0.5, -2),
        "yes-no": (1.5, 1, 0.3, 1.3, -1.5, -2, 1, -1, -2),
        "definition": (0.3, 0.7, 0.7, 0.3, -0.5, -1.5, 0.5, -0.5, -2),
        "how-to": (-0.3, 0.2, 0.4, 0, 0.7, 2, 0, -0.5, 1.5),
        "why": (0, 0.7, 0.7, 0, -0.7, -1, -0.5, -1, -1),
        "comparison": (0, 0.6, 0.7, 0, 0.2, -0.5, 0.2, 0.5, -1),
        "list": (0.3, 0.2, 0.2, -0.5, 2, 1.5, -0.5, 1, -1),
        "keywords": (0, 0.5, 0.7, 0.2, 0.4, 0.2, 0.3, 0, 0.2),
    }
    known = {f"{kind}*{of}": value for of, row in table.items()
             for kind, value in zip(kinds, row, strict=True)}  # fmt: skip
    known |= {"span": 6.0, "first": 1.0, "rank": 0.5, "defines*definition": 2.0, "reason*why": 0.7,
              "defines*keywords": 1.0, "sides*comparison": 1.5, "acts*how-to": 0.4}  # fmt: skip
    return np.array([known.get(name, 0.0) for name in FEATURES])


def fit(rows, ridge=0.02, steps=400, rate=0.5):
    """Return weights by conditional logistic regression: the right units against the others."""
    expected = prior()
    weights = expected.copy()
    use = [(features, gain) for features, gain in rows if gain.any()]
    for _ in range(steps):
        slope = ridge * (weights - expected) * len(use)
        for features, gain in use:
            score = features @ weights
            chance = np.exp(score - score.max())
            chance /= chance.sum()
            wanted = chance * gain
            wanted /= wanted.sum() + 1e-12
            slope += features.T @ (chance - wanted)
        weights -= rate * slope / len(use)
    return weights


def answer(asked, candidates, weights):
    scored = [
        UnitCandidate(c.surroundings, c.unit, c.features, float(np.array(c.features) @ weights), c.best)
        for c in candidates
    ]
    scored.sort(key=lambda c: (-c.score, c.surroundings.start, c.unit.start))
    return compose(asked, scored, 700), scored


def fit_probability(rows, right, ridge=0.01):
    """Return weights and intercept of the probability that an answer is right."""
    raw = np.asarray(rows)
    mean, scale = raw.mean(axis=0), raw.std(axis=0)
    scale[scale == 0] = 1
    z = np.column_stack([(raw - mean) / scale, np.ones(len(raw))])
    goal = np.asarray(right, float)
    pull = ridge * len(raw) * np.diag([*np.ones(raw.shape[1]), 0.0])
    w = np.zeros(z.shape[1])
    for _ in range(60):
        p = 0.5 + 0.5 * np.tanh(z @ w / 2)
        step = np.linalg.solve(
            (z * (p * (1 - p))[:, None]).T @ z + pull + 1e-9 * np.eye(len(w)),
            z.T @ (p - goal) + pull @ w,
        )
        w -= step
    plain = w[:-1] / scale
    return plain, float(w[-1] - plain @ mean)


def probability(options):
    """Fit and measure the probability of answers over several sets, by ten folds of questions."""
    rows, right, kinds, names = [], [], [], []
    for path in [options.set, *(options.more or [])]:
        questions = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        made = candidates_of(questions, options.cache)
        for q in questions:
            if q["id"] not in made or not made[q["id"]][2]:
                continue
            asked, _, candidates = made[q["id"]]
            cited = compose(asked, candidates, 700)
            rows.append(answer_features(asked, candidates))
            right.append(q["answerable"] and holds(q, cited.text))
            kinds.append(q["answerable"])
            names.append((path.stem, q["language"], q["type"], q["id"]))
    order = list(range(len(rows)))
    random.Random(0).shuffle(order)
    said = np.zeros(len(rows))
    X, y, able = np.array(rows), np.array(right), np.array(kinds)
    for fold in range(10):
        out = order[fold::10]
        rest = [i for i in order if i not in set(out)]
        w, b = fit_probability(X[rest], y[rest])
        said[out] = 0.5 + 0.5 * np.tanh((X[out] @ w + b) / 2)
    print("n", len(rows), "right", y.mean(), "said", said.mean())
    for low in np.arange(0, 1, 0.1):
        inside = (said >= low) & (said < low + 0.1)
        if inside.any():
            print(
                f"{low:.1f} n {inside.sum()} said {said[inside].mean():.2f} right {y[inside].mean():.2f}"
            )
    print(
        "threshold | answered | right of them | rightly declined of unanswerable | wrongly declined of right"
    )
    for t in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5):
        keep = said >= t
        for group in ("all", *sorted({n[0] for n in names})):
            g = np.array([group in ("all", n[0]) for n in names])
            print(
                f"{t} {group} | {(keep & g).sum()} of {g.sum()} | {y[keep & g].mean():.2f} | {(~keep & ~able & g).sum()}/{(~able & g).sum()} | {(~keep & y & g).sum()}/{(y & g).sum()}"
            )
    w, b = fit_probability(X, y)
    print({n: round(float(v), 2) for n, v in zip(ANSWER_FEATURES, w)}, round(b, 2))
    if options.write:
        kept = {n: round(float(v), 4) for n, v in zip(ANSWER_FEATURES, w, strict=True)}
        text = json.dumps({"weights": kept, "bias": round(b, 4)}, indent=1) + "\n"
        (WEIGHTS.parent / "answer_weights.json").write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["read", "fit", "show", "probability"])
    parser.add_argument("set", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--corpus", action="append")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--ridge", type=float, default=0.02)
    parser.add_argument("--current", action="store_true", help="the weights in the file, no folds")
    parser.add_argument("--more", type=Path, action="append", help="further sets")
    options = parser.parse_args()
    if options.what == "probability":
        probability(options)
        return
    questions = [json.loads(line) for line in options.set.read_text(encoding="utf-8").splitlines()]
    if options.corpus:
        questions = [q for q in questions if q["corpus"] in options.corpus]
    if options.what == "read":
        read(questions, options.cache, dict.fromkeys(q["corpus"] for q in questions))
        return
    made = candidates_of(questions, options.cache)
    asked = {q["id"]: q for q in questions if q["answerable"] and q["id"] in made}
    rows = {}
    for name, question in asked.items():
        _, candidates, _ = made[name]
        features = np.array([c.features for c in candidates])
        gain = np.array(
            [
                holds(question, c.unit.text(c.surroundings)) * np.exp(-c.unit.size / SIZE)
                for c in candidates
            ]
        )
        rows[name] = (features, gain)
    ids = sorted(rows)
    random.Random(0).shuffle(ids)
    whole = fit([rows[i] for i in ids], options.ridge)
    if options.current:
        known = json.loads(WEIGHTS.read_text())["weights"]
        whole = np.array([known.get(name, 0.0) for name in FEATURES])
    right, possible, sizes, wrong = Counter(), Counter(), [], []
    total = Counter()
    for fold in range(10):
        out = ids[fold::10]
        weights = (
            whole if options.current else fit([rows[i] for i in ids if i not in out], options.ridge)
        )
        for name in out:
            question = asked[name]
            of, _, candidates = made[name]
            kind = of.kind
            cited, scored = answer(of, candidates, weights)
            cell = (question["type"], question["language"])
            total[cell] += 1
            possible[cell] += bool(rows[name][1].any())
            good = holds(question, cited.text)
            right[cell] += good
            sizes.append(len(cited.text))
            if not good:
                wrong.append((name, question, kind, cited, bool(rows[name][1].any())))
    print("type | language | n | a unit holds it | answer holds it")
    for cell in sorted(total):
        print(*cell, total[cell], possible[cell], right[cell], sep=" | ")
    print(
        "all",
        sum(total.values()),
        sum(possible.values()),
        sum(right.values()),
        "median size",
        int(np.median(sizes)),
    )
    if options.what == "show":
        for name, question, kind, cited, able in wrong:
            print(
                f"\n## {name} {question['type']}->{kind} able={able}: {question['question']}\n   needed {question['needed']} {question.get('place')}"
            )
            print(cited.text[:700])
    if options.write:
        kept = {
            n: round(float(w), 3) for n, w in zip(FEATURES, whole, strict=True) if abs(w) >= 0.02
        }
        WEIGHTS.write_text(json.dumps({"weights": kept}, indent=1) + "\n", encoding="utf-8")


main()
