"""How much a ranker's score should count beside the score a passage was found with.

    rag evaluate SET --systems systems.yaml --out RUN
    python benchmarks/interpolation.py RUN ...

`systems.yaml` holds `hybrid: {ranker: null}` and `alone: {ranker.weight: 1}`. From the scores that
a run keeps, the order is made again for every weight and softness of
`rag.retrieval.ranker.joined`, and for reciprocal ranks; nDCG@10 over documents, difference
to `hybrid`, t of the paired test. A run of the
product with the chosen values is what counts in the end: passages of one document are one here.
"""

import argparse
import json
from pathlib import Path
from statistics import fmean

from evaluation.metrics.retrieval import ndcg
from evaluation.metrics.significance import paired_t_test
from rag.retrieval import ranker
from rag.retrieval.fusion import fuse

FOUND, ALONE = "hybrid", "alone"
WEIGHTS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
SOFT = (1.0, 2.0, 4.0, 6.0, 8.0, 12.0)


def read_run(name):
    """Return for each judged question what was found, what the ranker said, and the grades."""
    folder = Path(name)
    grades = {}
    for line in (folder / "qrels.trec").read_text(encoding="utf-8").splitlines():
        question, _, item, grade = line.split()
        grades.setdefault(question, {})[item] = int(grade)
    found = {}
    for line in (folder / "finished.jsonl").read_text(encoding="utf-8").splitlines():
        held = json.loads(line)
        if held.get("system") in (FOUND, ALONE):
            ranking = [(each["item"], each["score"]) for each in held["result"]["ranking"]]
            found.setdefault(held["question_id"], {})[held["system"]] = ranking
    rows = []
    for question, both in found.items():
        if len(both) == 2 and any(grade > 0 for grade in grades.get(question, {}).values()):
            came = dict(both[FOUND])  # what was not ranked follows with the score it came with
            ranked = [pair for pair in both[ALONE] if came.get(pair[0]) != pair[1]]
            rows.append((came, ranked, both[ALONE], grades[question]))
    return rows


def ordered(found, ranked, everything, weight, softness):
    """Return the items in the order of both scores; by reciprocal ranks if softness is None."""
    items = [item for item, _ in ranked]
    rest = [item for item, _ in everything if item not in set(items)]
    if softness is None:
        came = sorted(items, key=lambda item: -found.get(item, 0.0))
        orders = {"came": came, "ranked": items}
        best = [item for item, _ in fuse(orders, {"came": 1 - weight, "ranked": weight}, k=10)]
        return best + rest
    ranker.SOFTNESS = softness
    scores = ranker.joined([found.get(i, 0.0) for i in items], [s for _, s in ranked], weight)
    places = sorted(range(len(items)), key=lambda place: -scores[place])
    return [items[place] for place in places] + rest


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    runs = {name: read_run(name) for name in parser.parse_args().runs}
    plain = {
        name: [ndcg(list(found), grades, k=10) for found, _, _, grades in rows]
        for name, rows in runs.items()
    }
    for name, rows in runs.items():
        alone = [ndcg([item for item, _ in every], grades, k=10) for _, _, every, grades in rows]
        test = paired_t_test(alone, plain[name])
        print(f"{name}: n {len(rows)}, as found {fmean(plain[name]):.3f}, ranker alone "
              f"{fmean(alone):.3f} (t {test.statistic:+.2f})")  # fmt: skip
    print("\n| softness | weight | " + " | ".join(runs) + " |\n|---|---" + "|---" * len(runs) + "|")
    for softness in (None, *SOFT):
        for weight in WEIGHTS:
            cells = []
            for name, rows in runs.items():
                both = [ndcg(ordered(*row[:3], weight, softness), row[3], k=10) for row in rows]
                gain = fmean(both) - fmean(plain[name])
                t = paired_t_test(both, plain[name]).statistic if both != plain[name] else 0.0
                cells.append(f"{gain:+.4f} ({t:+.2f})")
            named = "reciprocal ranks" if softness is None else f"{softness:g}"
            print(f"| {named} | {weight} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
