"""Refit what is calibrated or thresholded, from the lists that `benchmarks/fusion.py` keeps.

    python benchmarks/refit.py CACHE [floors] [fusion] [relevance] [threshold]

Each step prints what it was fitted on and how good it is on sets held back; `floors` and
`relevance` also write their data file beside the code. `fusion` and `threshold` print the value
for `rag/config`. A step for the probability of an answer belongs into `STEPS`.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import numpy as np

from benchmarks.fusion import (
    SHARE,
    documents_of,
    fused_passages,
    judged_rows,
    read_lists,
    read_logits,
)
from evaluation.metrics.retrieval import ndcg, recall_at_k
from evaluation.metrics.significance import randomization_test
from rag.retrieval.relevance import SIGNS, WEIGHTS_FILE, Signs, similarity_of

ENGLISH = ("cacm", "cisi", "clapnq_dev", "cranfield", "squad")
CALIBRATING = {"en": ENGLISH, "": (*ENGLISH, "cmrc2018", "drcd")}  # "": every other language
SHARES = (0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
LEASTS = (0.005, 0.01, 0.0125, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1)
READ = 20  # passages of a question that are fitted on
RIDGE = 1e-3
BINS = 10


def fit_floors(args) -> None:
    """Measure the floor of each embedder that is shipped, and write them."""
    from rag.config import EmbedderConfig
    from rag.models.default_models import SHIPPED
    from rag.models.embedder import Embedder
    from rag.models.similarity_floor import FLOORS, measure_floor

    names = SHIPPED["embedder"].values()
    floors = {name: measure_floor(Embedder(EmbedderConfig(model=name))) for name in names}
    FLOORS.write_text(json.dumps(floors, indent=2) + "\n", encoding="utf-8")
    print(floors)


def fit_fusion(args) -> None:
    """Print nDCG@10 for each share of the dense score, and the share chosen without each set."""
    sets = read_lists(args.cache)
    questions = {
        name: [
            [ndcg(documents_of(fused_passages(row, held, share)), row["grades"], k=10)
             for row in judged_rows(held)]
            for share in SHARES
        ]
        for name, held in sets.items()
    }  # fmt: skip
    values = {name: [fmean(each) for each in found] for name, found in questions.items()}
    print("| set | " + " | ".join(map(str, SHARES)) + " | chosen on the others |")
    print("|---" * (len(SHARES) + 2) + "|")
    shipped = SHARES.index(round(SHARE, 2))
    for name, found in values.items():
        like = [n for n in values if n != name and language_of(sets[n]) == language_of(sets[name])]
        cells = " | ".join(f"{value:.3f}" for value in found)
        said = ""
        if like:
            best = int(np.argmax(np.mean([values[n] for n in like], axis=0)))
            test = randomization_test(questions[name][best], questions[name][shipped], samples=5000)
            said = (
                f"{found[best]:.3f} at {SHARES[best]} ({test.statistic:+.3f}, p {test.p_value:.2f})"
            )
        print(f"| {name} | {cells} | {said} |")
    for language in ("en", "zh"):
        among = [v for n, v in values.items() if language_of(sets[n]) == language]
        if among:
            print(f"| mean, {language} | "
                  + " | ".join(f"{v:.4f}" for v in np.mean(among, axis=0)) + " | |")  # fmt: skip


def fit_relevance(args) -> None:
    """Fit the weights of relevance, write them, and print how calibrated they are."""
    sets, logits = read_lists(args.cache), read_logits(args.cache)
    rows = {name: samples(held, logits.get(name, {})) for name, held in sets.items()}
    calibrating = {
        language: [name for name in names if name in rows]
        for language, names in CALIBRATING.items()
    }
    print("| set | passages | relevant | all signs but the ranker's | by words | with the ranker |")
    print("|---" * 6 + "|")
    for name in rows:
        those = calibrating.get(language_of(sets[name]), calibrating[""])
        report(name, rows, [each for each in those if each != name])
    weights = {
        language: {
            known: fitted
            for known in subsets()
            if (fitted := fit([rows[n] for n in names], known)) is not None
        }
        for language, names in calibrating.items()
    }
    text = json.dumps(weights, indent=1)
    WEIGHTS_FILE.write_text(text + "\n", encoding="utf-8")
    for language, names in calibrating.items():
        halves_report(language, [rows[name] for name in names])


def subsets() -> list[str]:
    """Return the names of all sets of signs."""
    return [
        "+".join(sign for place, sign in enumerate(SIGNS) if bits >> place & 1)
        for bits in range(1, 2 ** len(SIGNS))
    ]


def samples(held, logits) -> list[tuple[str, Signs, float]]:
    """Return question, signs and judgement of the passages that a search would return."""
    found = []
    for row in held["rows"]:
        passages = dict(fused_passages(row, held)[:READ])
        for passage, signs in signs_of(row, held, passages, logits.get(row["id"], {})).items():
            right = row["grades"].get(passages[passage], 0) > 0
            found.append((row["id"], signs, float(right)))
    return found


def signs_of(row, held, passages, logits=None):
    """Return the signs of some passages of a question."""
    cosines = {passage: score for passage, _, score in row["dense"]}
    lowest = min(cosines.values(), default=None)
    found = {}
    for passage in passages:
        cosine = cosines.get(passage, lowest) if row["served"] else None
        found[passage] = Signs(
            None if cosine is None else similarity_of(cosine, held["floor"]),
            row["coverage"][passage] if row["terms"] else None,
            row["terms"],
            (logits or {}).get(passage),
        )
    return found


def only(signs: Signs, known: str) -> Signs:
    """Return some signs of a passage."""
    return Signs(
        signs.similarity if "similarity" in known else None,
        signs.coverage if "words" in known else None,
        signs.terms,
        signs.logit if "logit" in known else None,
    )


def usable(rows, known: str):
    """Return the features, judgements and questions of rows that have these signs."""
    picked = [(q, only(signs, known), right) for q, signs, right in rows]
    picked = [(q, signs, right) for q, signs, right in picked if signs.known == known]
    return (
        np.array([signs.features for _, signs, _ in picked]),
        np.array([right for *_, right in picked]),
        [q for q, *_ in picked],
    )


def fit(sets, known: str):
    """Return the weights of a logistic regression in which each set counts the same."""
    parts = [usable(rows, known) for rows in sets]
    parts = [(x, y) for x, y, _ in parts if len(x)]
    if not parts:
        return None
    x, y = np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    share = np.concatenate([np.full(len(part), 1 / len(part)) for part, _ in parts]) / len(parts)
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    rows = np.column_stack([(x - mean) / scale, np.ones(len(x))])
    pull = RIDGE * np.diag([*np.ones(x.shape[1]), 0.0])
    weights = np.zeros(rows.shape[1])
    for _ in range(50):
        chance = 0.5 + 0.5 * np.tanh(rows @ weights / 2)
        slope = rows.T @ (share * (chance - y)) + pull @ weights
        curve = (rows * (share * chance * (1 - chance))[:, None]).T @ rows + pull
        weights -= np.linalg.solve(curve + 1e-9 * np.eye(len(curve)), slope)
    plain = weights[:-1] / scale
    bias = float(weights[-1] - plain @ mean)
    return {"weights": [round(float(w), 4) for w in plain], "bias": round(bias, 4)}


def chances(fitted, x) -> np.ndarray:
    """Return the probabilities of some features."""
    return 0.5 + 0.5 * np.tanh((x @ np.array(fitted["weights"]) + fitted["bias"]) / 2)


def calibration_error(chance, right) -> float:
    """Return the expected calibration error over bins of equal width."""
    places = np.minimum((chance * BINS).astype(int), BINS - 1)
    return float(sum(
        abs(chance[places == b].mean() - right[places == b].mean()) * np.mean(places == b)
        for b in range(BINS) if np.any(places == b)
    ))  # fmt: skip


def report(name, rows, others) -> None:
    """Print one set's calibration by weights that were fitted on the others."""
    judged = np.array([right for *_, right in rows[name]])
    cells = []
    for known in ("similarity+words", "words", "similarity+words+logit"):
        fitted = fit([rows[other] for other in others], known)
        x, y, _ = usable(rows[name], known)
        if fitted is None or not len(x):
            cells.append("")
            continue
        chance = chances(fitted, x)
        cells.append(f"{calibration_error(chance, y):.3f} ({chance.mean():.3f})")
    print(f"| {name} | {len(judged)} | {judged.mean():.3f} | " + " | ".join(cells) + " |")


def halves_report(language, sets) -> None:
    """Print the calibration on every second question, by weights fitted on the others."""
    for known in ("similarity+words", "words", "similarity+words+logit"):
        first = [[row for row in rows if place_of(row) % 2 == 0] for rows in sets]
        second = [[row for row in rows if place_of(row) % 2 == 1] for rows in sets]
        fitted = fit(first, known)
        if fitted is None:
            continue
        cells = []
        for rows in second:
            x, y, _ = usable(rows, known)
            if len(x):
                cells.append(calibration_error(chances(fitted, x), y))
        parts = [usable(rows, known)[:2] for rows in second]
        parts = [(x, y) for x, y in parts if len(x)]
        x, y = np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
        pooled = calibration_error(chances(fitted, x), y)
        each = ", ".join(f"{cell:.3f}" for cell in cells)
        print(f"halves, `{language}`, {known}: ECE {pooled:.3f} (by set {each})")


def place_of(row) -> int:
    """Return a number that is the same for all passages of a question."""
    return sum(map(ord, row[0]))


def language_of(held) -> str:
    """Return the language of most of a set's questions."""
    languages = [row["language"] for row in held["rows"]]
    return max(set(languages), key=languages.count)


def fit_threshold(args) -> None:
    """Print what each threshold costs and leaves."""
    from rag.retrieval.relevance import probability_of

    def kept(row, signs, passages, least):
        known = [(p, probability_of(signs[p], row["language"])) for p, _ in passages]
        return [p for p, chance in known if chance is None or chance >= least]

    print("| set | recall@5 | " + " | ".join(map(str, LEASTS)) + " |")
    print("|---" * (len(LEASTS) + 2) + "|")
    sets = read_lists(args.cache) | read_lists(args.cache, asked=True)
    for name, held in sets.items():
        table = []
        for row in held["rows"]:
            passages = fused_passages(row, held)
            first = dict(list(dict.fromkeys(passages))[:5])
            signs = signs_of(row, held, first)
            table.append((row, first, signs))
        if held["asked"]:
            cells = [
                fmean(not kept(r, s, f.items(), least) for r, f, s in table) for least in LEASTS
            ]
            print(f"| {name}: nothing left | | " + " | ".join(f"{c:.2f}" for c in cells) + " |")
            continue
        whole = fmean(recall_at_k(documents_of(f.items()), r["grades"], 5) for r, f, _ in table)
        cells = [
            fmean(
                recall_at_k([f[p] for p in kept(r, s, f.items(), least)], r["grades"], 5)
                for r, f, s in table
            )
            - whole
            for least in LEASTS
        ]
        print(f"| {name} | {whole:.3f} | " + " | ".join(f"{c:+.3f}" for c in cells) + " |")


STEPS: dict[str, Callable[[argparse.Namespace], None]] = {
    "floors": fit_floors,
    "fusion": fit_fusion,
    "relevance": fit_relevance,
    "threshold": fit_threshold,
}


def main() -> None:
    """Run the steps that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=", ".join(STEPS))
    args = parser.parse_args()
    for name in args.steps or STEPS:
        print(f"\n## {name}\n")
        STEPS[name](args)


if __name__ == "__main__":
    main()
