"""Fit which units are quoted, and the probability that an answer made of them is right.

usage: python benchmarks/units.py public DATA FOLDER
       python benchmarks/units.py read SET CACHE [--corpus NAME]
       python benchmarks/units.py fit SET CACHE [--write] [--wrong]
       python benchmarks/units.py probability SET CACHE [--more SET] [--write]

`public` writes a set of questions of SQuAD 2.0 and DRCD, and their articles to be indexed. `read`
retrieves and reads each question once, and keeps what was found in the folder CACHE. SET is a file
as `benchmarks/answers/first.jsonl`; each of its corpora is a collection of that name in RAG_HOME.
`fit` and `probability` measure by ten folds of questions and, with `--write`, keep the weights of
all. An answer counts as right if it holds everything that is needed. The questions of first.jsonl
were looked at while units were made.
"""

import argparse
import json
import pickle
import random
import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "answers"))
from check_questions import normalized

from rag.answers.composition import compose
from rag.answers.drafting import Timer
from rag.collections import open_rag
from rag.config import load_config
from rag.config.reader import ReaderConfig
from rag.language.question_types import question_type
from rag.reading.answer_probability import ANSWER_FEATURES, answer_features
from rag.reading.choice import choose
from rag.reading.requirements import requirements_of
from rag.reading.surroundings import read_surroundings
from rag.reading.unit_choice import FEATURES, KINDS, AskedQuestion, choose_units, order_units
from rag.retrieval.word_weights import word_weights
from rag.schema import SearchOptions

READING = Path(__file__).parent.parent / "rag" / "reading"
SIZE = 600.0  # characters of a unit at which its gain has fallen to 1 / e
FOLDS = 10
FEWEST = 20  # answers for a point of the curve
CHARACTERS = ReaderConfig().characters
THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
# Weights that are expected before any data, by kind of unit in the order of `KINDS`.
EXPECTED = {
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
EXPECTED_OTHERS = {
    "keyed": 1.5, "span": 6.0, "first": 1.0, "rank": 0.5, "defines*definition": 2.0,
    "defines*keywords": 1.0,
    "reason*why": 0.7, "sides*comparison": 1.5, "acts*how-to": 0.4,
}  # fmt: skip


def load(path):
    """Return the questions of a set."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def folds(names):
    """Yield the names of the rest and of a fold, for each of ten folds."""
    order = sorted(names)
    random.Random(0).shuffle(order)
    for number in range(FOLDS):
        out = order[number::FOLDS]
        yield [name for name in order if name not in set(out)], out


# -- questions


def public_rows(data, folder):
    """Write articles of SQuAD 2.0 and DRCD as documents; return questions over them."""
    drawn, rows = random.Random(1), []
    squad = json.loads((data / "squad" / "dev-v2.0.json").read_text(encoding="utf-8"))["data"]
    drcd = json.loads((data / "drcd" / "DRCD_dev.json").read_text(encoding="utf-8"))["data"]
    there = questions_of(squad[:14], folder / "squad2", "en")
    yes, no = ([q for q in there if q["answerable"] is able] for able in (True, False))
    own = questions_of(drcd[:40], folder / "drcd", "zh")
    others = [  # of other articles, so that nothing answers them
        q | {"corpus": "drcd", "answerable": False, "needed": []}
        for q in questions_of(drcd[60:100], None, "zh")
    ]
    for some, count in ((yes, 130), (no, 130), (own, 90), (others, 50)):
        drawn.shuffle(some)
        rows += some[:count]
    return rows


def questions_of(articles, folder, language):
    """Return the questions of articles in the form of SQuAD; write the articles to a folder."""
    rows = []
    for number, article in enumerate(articles):
        texts = [paragraph["context"] for paragraph in article["paragraphs"]]
        title = article["title"].replace("_", " ")
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            name = re.sub(r"\W+", "_", article["title"]) if language == "en" else str(number)
            text = "\n\n".join([f"# {title}", *texts])
            (folder / f"{name}.md").write_text(text, encoding="utf-8")
        for paragraph in article["paragraphs"]:
            for each in paragraph["qas"]:
                able = not each.get("is_impossible", False)
                needed = [sorted({answer["text"] for answer in each["answers"]})] if able else []
                rows.append({
                    "id": str(each["id"]), "corpus": folder.name if folder else "",
                    "language": language, "type": "fact", "question": each["question"],
                    "answerable": able, "needed": needed,
                })  # fmt: skip
    return rows


def read(questions, cache, wanted):
    """Retrieve and read each question once; keep passages and evidence."""
    cache.mkdir(parents=True, exist_ok=True)
    for corpus in dict.fromkeys(q["corpus"] for q in questions):
        if wanted and corpus not in wanted:
            continue
        rag, kept = open_rag(corpus, load_config()), {}
        for question in (q for q in questions if q["corpus"] == corpus):
            query = rag.searcher.query(question["question"], asks=True)
            found = rag.searcher.find(query, SearchOptions(), lambda: None, early=True)
            evidence, _ = rag._evidence(query, found, Timer(None))
            kept[question["id"]] = (found.documents, found.generation, evidence)
        (cache / f"{corpus}.pkl").write_bytes(pickle.dumps(kept))
        print(corpus, len(kept), flush=True)
        rag.store.close()


def choices_of(questions, cache):
    """Return question id -> its question with the type, choice and evidence; as the code is now."""
    kept, made, stores = {}, {}, {}
    for each in sorted(cache.glob("*.pkl")):
        kept |= pickle.loads(each.read_bytes())  # noqa: S301 - written by `read`
    for question in questions:
        if question["id"] not in kept:
            continue
        name = question["corpus"]
        stores[name] = stores.get(name) or open_rag(name, load_config()).store
        documents, generation, evidence = kept[question["id"]]
        text = question["question"]
        asked = AskedQuestion(text, question_type(text), {})
        weights, _ = word_weights(stores[name], asked.tokens)
        asked = replace(asked, weights=weights)
        around = read_surroundings(stores[name], documents, generation)
        required = requirements_of(text, stores[name])
        every = choose_units(asked, around, evidence)
        made[question["id"]] = (every, choose(asked, required, around, evidence), evidence)
    return made


def holds(question, text):
    """Return whether a text holds everything that an answer needs."""
    flat = normalized(text)
    return all(any(normalized(each) in flat for each in group) for group in question["needed"])


# -- choice of units


def prior():
    """Return the weights that are expected before any data; the fit is drawn to them."""
    known = dict(EXPECTED_OTHERS)
    for of, row in EXPECTED.items():
        known |= {f"{kind}*{of}": value for kind, value in zip(KINDS, row, strict=True)}
    return np.array([known.get(name, 0.0) for name in FEATURES])


def fit_units(rows, ridge, steps=400, rate=0.5):
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


def answer_with(weights, choice, evidence):
    """Return the text of the answer that some weights give."""
    scored = [
        replace(each, score=float(np.array(each.features) @ weights)) for each in choice.candidates
    ]
    ordered = order_units(choice.question, scored, evidence)
    return compose(choice.question, ordered, CHARACTERS).text


def fit(options):
    """Fit the choice of units, and print by type and language how many answers hold all."""
    asked = {q["id"]: q for q in load(options.set) if q["answerable"]}
    made = choices_of(asked.values(), options.cache)
    rows = {}
    for name, (every, _, _) in made.items():
        gain = [
            holds(asked[name], each.unit.text(each.surroundings)) * np.exp(-each.unit.size / SIZE)
            for each in every
        ]
        rows[name] = (np.array([each.features for each in every]), np.array(gain))
    total, possible, right, sizes = Counter(), Counter(), Counter(), []
    for rest, out in folds(rows):
        weights = fit_units([rows[name] for name in rest], options.ridge)
        for name in out:
            question, (_, choice, evidence) = asked[name], made[name]
            text = answer_with(weights, choice, evidence)
            cell = (question["type"], question["language"])
            total[cell] += 1
            possible[cell] += bool(rows[name][1].any())
            right[cell] += holds(question, text)
            sizes.append(len(text))
            if options.wrong and not holds(question, text):
                print(f"\n## {name} {cell} {question['question']}\n{question['needed']}\n{text}")
    print("type | language | n | a unit holds it | the answer holds it")
    for cell in sorted(total):
        print(*cell, total[cell], possible[cell], right[cell], sep=" | ")
    counts = (sum(each.values()) for each in (total, possible, right))
    print("all", *counts, "median characters", int(np.median(sizes)))
    if options.write:
        whole = fit_units(list(rows.values()), options.ridge)
        kept = {n: round(float(w), 3) for n, w in zip(FEATURES, whole, strict=True)}
        kept = {name: weight for name, weight in kept.items() if abs(weight) >= 0.02}
        write(READING / "unit_weights.json", {"weights": kept})


# -- probability


def fit_probability(rows, right, ridge=0.01):
    """Return weights and intercept of a logistic regression, by Newton's method."""
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    scale[scale == 0] = 1
    z = np.column_stack([(rows - mean) / scale, np.ones(len(rows))])
    pull = ridge * len(rows) * np.diag([*np.ones(rows.shape[1]), 1e-9])
    weights = np.zeros(z.shape[1])
    for _ in range(60):
        said = chances(z, weights, 0.0)
        curve = (z * (said * (1 - said))[:, None]).T @ z + pull
        weights -= np.linalg.solve(curve, z.T @ (said - right) + pull @ weights)
    plain = weights[:-1] / scale
    return plain, float(weights[-1] - plain @ mean)


def chances(rows, weights, bias):
    """Return the probability of each row."""
    return 0.5 + 0.5 * np.tanh((rows @ weights + bias) / 2)


def probability(options):
    """Fit the probability that an answer is right, and print how true it is by folds."""
    questions = [q for path in (options.set, *options.more) for q in load(path)]
    made = choices_of(questions, options.cache)
    known = {q["id"]: q for q in questions if q["id"] in made}
    refused = [q for name, q in known.items() if not made[name][1].candidates]
    rows, right, able = {}, {}, {}
    for name, question in known.items():
        choice = made[name][1]
        if choice.candidates:
            text = compose(choice.question, choice.candidates, CHARACTERS).text
            rows[name] = answer_features(choice.question, choice.candidates)
            right[name] = question["answerable"] and holds(question, text)
            able[name] = question["answerable"]
    names = sorted(rows)
    table, goal = (np.array([of[name] for name in names], float) for of in (rows, right))
    can, place = np.array([able[name] for name in names]), {n: i for i, n in enumerate(names)}
    said = np.zeros(len(names))
    for rest, out in folds(rows):
        some, others = ([place[name] for name in part] for part in (rest, out))
        said[others] = chances(table[others], *fit_probability(table[some], goal[some]))
    wrongly = sum(q["answerable"] for q in refused)
    print(f"refused outright: {len(refused)}, {wrongly} of them answerable; others: {len(names)}")
    for low in np.arange(0, 1, 0.1):
        inside = (said >= low) & (said < low + 0.1)
        if inside.any():
            means = f"said {said[inside].mean():.2f} right {goal[inside].mean():.2f}"
            print(f"{low:.1f} n {inside.sum()} {means}")
    print("threshold | answered | of them right | unanswerable declined | right ones withheld")
    for least in THRESHOLDS:
        keep, good = said >= least, goal > 0
        print(
            least, keep.sum(), f"{goal[keep].mean():.2f}", f"{(~keep & ~can).sum()}/{(~can).sum()}",
            f"{(~keep & good).sum()}/{good.sum()}", sep=" | ",
        )  # fmt: skip
    if options.write:
        weights, bias = fit_probability(table, goal)
        kept = {n: round(float(w), 4) for n, w in zip(ANSWER_FEATURES, weights, strict=True)}
        write(READING / "answer_weights.json", {"weights": kept, "bias": round(bias, 4)})
        write(READING.parent / "config" / "risk_coverage.json", {"points": curve(said, goal)})


def curve(said, goal):
    """Return rising points: a least probability, and how many answers above it are right."""
    points, least = [[0.0, round(float(goal.mean()), 4)]], float(goal.mean())
    for threshold in np.arange(0.05, 0.951, 0.05):
        kept = said >= threshold
        if kept.sum() < FEWEST or goal[kept].all():  # the end says that all are right
            break
        least = max(least + 0.001, float(goal[kept].mean()))
        points.append([round(float(threshold), 2), round(least, 4)])
    return [*points, [1.0, 1.0]]


def write(path, content):
    """Write weights where the product reads them."""
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def main():
    """Run one of the four steps."""
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=["public", "read", "fit", "probability"])
    parser.add_argument("set", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--corpus", action="append", help="only this one")
    parser.add_argument("--more", type=Path, action="append", default=[], help="further sets")
    parser.add_argument("--ridge", type=float, default=0.03)
    parser.add_argument("--write", action="store_true", help="keep the weights in the product")
    parser.add_argument(
        "--wrong", action="store_true", help="print the answers that lack something"
    )
    options = parser.parse_args()
    if options.step == "public":
        rows = public_rows(options.set, options.cache)
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (options.cache / "public.jsonl").write_text(lines, encoding="utf-8")
    elif options.step == "read":
        read(load(options.set), options.cache, options.corpus)
    elif options.step == "fit":
        fit(options)
    else:
        probability(options)


if __name__ == "__main__":
    main()
