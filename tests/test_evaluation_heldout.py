"""The no-answer threshold: chosen on one half of the documents, reported on the other."""

import json
import random
from dataclasses import replace
from itertools import count

import pytest
from evaluation_sets import write_squad

from evaluation.datasets import load_dataset
from evaluation.results.records import QueryResult, SpanAt
from evaluation.results.schema import from_json, to_json
from evaluation.run import systems_under_test
from evaluation.run.no_answer_threshold import choose_threshold, split_by_document
from evaluation.run.runner import RunOptions, run_evaluation
from evaluation.run.systems import resolve_systems
from rag.config import Config

GOLD = "one two three"
ANSWERS = {"right": GOLD, "half": "one", "wrong": "nine"}  # half: F1 = 2 * 1 / (1 + 3), EM 0
SCORES = {"right": (1.0, 1.0), "half": (0.0, 0.5), "wrong": (0.0, 0.0), "none": (0.0, 0.0)}
CONFIGURED = 0.1


def query(name, confidence, kind, cluster, documents=()):
    """A question as a run records it at the configured threshold; "none" has no answer."""
    answerable, abstained = kind != "none", confidence < CONFIGURED
    exact, f1 = (float(not answerable),) * 2 if abstained else SCORES[kind]
    text = ANSWERS.get(kind, "something")
    return QueryResult(
        question_id=name,
        question="How many are there?",
        cluster=cluster,
        slices={},
        golds=(GOLD,) if answerable else (),
        gold_spans=tuple(SpanAt(document, 0, 3) for document in documents),
        answerable=answerable,
        ranking=(),
        first_relevant=None,
        metrics={"EM": exact, "F1": f1},
        answer="" if abstained else text,
        best_answer=text,
        abstained=abstained,
        confidence=confidence,
        right=kind == "right",
    )


def names_of(half, seed=0):
    """Endless document names that fall into a half."""
    for number in count():
        name = f"document {number}"
        if split_by_document([query("q", 0.5, "right", name)], seed)[0] == (half == "dev"):
            yield name


def queries(half, rows):
    return [
        query(f"{half}{place}", confidence, kind, name)
        for place, ((confidence, kind), name) in enumerate(zip(rows, names_of(half), strict=False))
    ]


DEV = [
    (0.9, "right"), (0.8, "right"), (0.7, "half"), (0.6, "wrong"), (0.5, "right"), (0.2, "wrong"),
    (0.65, "none"), (0.4, "none"), (0.3, "none"), (0.05, "none"),
]  # fmt: skip
TEST = [
    (0.95, "right"), (0.75, "right"), (0.71, "wrong"), (0.7, "half"), (0.69, "right"),
    (0.3, "wrong"), (0.72, "none"), (0.5, "none"), (0.2, "none"), (0.05, "none"),
]  # fmt: skip


def values(at):
    return {name: mean.value for name, mean in at.metrics.items()}


def test_the_best_threshold_of_dev_and_its_scores_on_test_by_hand():
    # Dev, sum of F1 if all from this confidence on are answered. All declined: the 4 without an
    # answer. .9: 5, .8: 6, .7: 6.5, .65 (one of the 4 answered): 5.5, .6: 5.5, .5: 6.5, .4: 5.5,
    # .3: 4.5, .2: 4.5, .05: 3.5. The best, 6.5 of 10, is reached at .7 and .5; the highest is .7.
    found = choose_threshold([*queries("dev", DEV), *queries("test", TEST)], CONFIGURED, seed=0)
    assert (found.not_measured, found.dev, found.test) == ("", found.test, found.dev)
    half = found.dev
    assert (half.documents, half.questions, half.answerable, half.unanswerable) == (10, 10, 6, 4)
    there = found.chosen_on_dev
    assert there.threshold == found.chosen.threshold == 0.7
    # HasAns: two right and a half of 6; NoAns: all 4 declined
    assert values(there) == pytest.approx(
        {"EM": 0.6, "F1": 0.65, "HasAns EM": 2 / 6, "HasAns F1": 2.5 / 6, "NoAns": 1.0}
    )
    # declined are .6, .5, .2 and the 4: 7, of which 4 were called for
    assert (there.abstained, there.abstention_precision) == (7, pytest.approx(4 / 7))
    assert there.abstention_recall == 1.0
    # Test at .7: .95 and .75 are right, .7 is half right and .71 wrong; .69 and .3 are declined.
    # Of the 4 without an answer, .72 is answered. EM (2 + 3) / 10, F1 (2.5 + 3) / 10.
    at = found.chosen
    assert values(at) == pytest.approx(
        {"EM": 0.5, "F1": 0.55, "HasAns EM": 2 / 6, "HasAns F1": 2.5 / 6, "NoAns": 3 / 4}
    )
    assert (at.abstained, at.abstention_precision, at.abstention_recall) == (5, 3 / 5, 3 / 4)
    # Test at the configured .1: only .05 is declined, rightly. EM (3 + 1) / 10, F1 (3.5 + 1) / 10.
    before = found.configured
    assert values(before) == pytest.approx(
        {"EM": 0.4, "F1": 0.45, "HasAns EM": 3 / 6, "HasAns F1": 3.5 / 6, "NoAns": 1 / 4}
    )
    assert (before.threshold, before.abstained) == (CONFIGURED, 1)
    assert (before.abstention_precision, before.abstention_recall) == (1.0, 1 / 4)
    assert {name: mean.n for name, mean in at.metrics.items()} == {
        "EM": 10, "F1": 10, "HasAns EM": 6, "HasAns F1": 6, "NoAns": 4
    }  # fmt: skip


def test_what_is_chosen_does_not_depend_on_the_test_half():
    other = [(0.9, "wrong")] * 6 + [(0.95, "none")] * 5
    found = [
        choose_threshold([*queries("dev", DEV), *queries("test", rows)], CONFIGURED, seed=0)
        for rows in (TEST, other)
    ]
    assert found[0].chosen_on_dev == found[1].chosen_on_dev
    assert found[0].chosen != found[1].chosen


@pytest.mark.parametrize("seed", range(20))
def test_no_other_threshold_is_better_on_dev(seed):
    chance = random.Random(seed)  # noqa: S311
    kinds = ("right", "half", "wrong", "none")
    dev = [(round(chance.random(), 1), kinds[place % 4]) for place in range(16)]
    found = choose_threshold([*queries("dev", dev), *queries("test", TEST)], CONFIGURED, seed=0)

    def mean(threshold):
        parts = [
            float(kind == "none") if confidence < threshold else SCORES[kind][1]
            for confidence, kind in dev
        ]
        return sum(parts) / len(parts)

    best = max(mean(step / 20) for step in range(21))
    assert found.chosen_on_dev.metrics["F1"].value == pytest.approx(best)
    assert mean(found.chosen.threshold) == pytest.approx(best)
    higher = [step / 20 for step in range(21) if step / 20 > found.chosen.threshold]
    assert all(mean(threshold) < best - 1e-9 for threshold in higher)


def test_the_split_is_the_same_every_time_and_another_one_with_another_seed():
    made = [query(str(n), 0.5, "right", f"d{n}") for n in range(200)]
    first = split_by_document(made, 1)
    assert first == split_by_document(made, 1)
    assert first != split_by_document(made, 2)
    assert 70 < sum(first) < 130
    # a document stays in its half whatever else is asked
    assert split_by_document(made[50:120], 1) == first[50:120]
    one = choose_threshold([*queries("dev", DEV), *queries("test", TEST)], CONFIGURED, seed=0)
    assert one == choose_threshold(
        [*queries("dev", DEV), *queries("test", TEST)], CONFIGURED, seed=0
    )


@pytest.mark.parametrize("seed", range(10))
def test_no_document_is_in_both_halves(seed):
    chance = random.Random(seed)  # noqa: S311
    made = [
        query(
            str(n), 0.5, "right", f"c{chance.randrange(40)}",
            [f"d{chance.randrange(60)}" for _ in range(chance.randrange(3))],
        )
        for n in range(30)
    ]  # fmt: skip
    halves = split_by_document(made, seed)
    for wanted in ("cluster", "gold_spans"):
        sides = [set(), set()]
        for each, half in zip(made, halves, strict=True):
            names = getattr(each, wanted)
            sides[half] |= {names} if isinstance(names, str) else {s.document_id for s in names}
        assert not sides[0] & sides[1]


def test_halves_too_small_or_of_one_kind_are_not_measured():
    few = choose_threshold([*queries("dev", DEV[:9]), *queries("test", TEST)], 0.1, seed=0)
    assert (few.not_measured, few.dev.questions, few.test.questions) == ("few questions", 9, 10)
    rows = [row for row in DEV if row[1] != "none"] * 2
    alone = choose_threshold([*queries("dev", rows), *queries("test", TEST)], 0.1, seed=0)
    assert (alone.not_measured, alone.dev.unanswerable) == ("one kind", 0)
    assert alone.chosen is alone.configured is alone.chosen_on_dev is None
    assert choose_threshold(queries("dev", rows), 0.1, seed=0) is None
    silent = [replace(each, metrics={}) for each in queries("dev", DEV)]
    assert choose_threshold(silent, 0.1, seed=0) is None


def test_an_error_counts_as_zero_and_what_a_generator_declined_stays_declined():
    dev, test = queries("dev", [*DEV, (0.9, "none")]), queries("test", [*TEST, (0.99, "right")])
    dev[-1] = replace(dev[-1], abstained=True, answer="", best_answer="")
    test[-1] = replace(test[-1], error="broken", best_answer="", metrics={"EM": 0.0, "F1": 0.0})
    found = choose_threshold([*dev, *test], CONFIGURED, seed=0)
    assert found.chosen_on_dev.metrics["NoAns"].value == 1.0  # .9 is above the threshold of .7
    assert found.chosen_on_dev.metrics["F1"].value == pytest.approx(7.5 / 11)
    assert found.chosen.metrics["HasAns F1"].value == pytest.approx(2.5 / 7)
    assert found.chosen.abstained == 5


def test_a_run_holds_it_and_older_results_without_it_are_read(tmp_path, monkeypatch, embedder):
    monkeypatch.setattr(systems_under_test, "load_embedder", lambda settings: embedder)
    dataset = load_dataset(write_squad(tmp_path / "mountain.json"))
    systems = resolve_systems("bm25", Config())
    results = run_evaluation(dataset, systems, RunOptions(tmp_path / "out"))
    chosen = results.systems[0].chosen_threshold
    assert chosen.not_measured == "few questions"
    assert chosen.dev.questions + chosen.test.questions == 5
    made = choose_threshold([*queries("dev", DEV), *queries("test", TEST)], CONFIGURED, seed=0)
    kept = replace(results, systems=(replace(results.systems[0], chosen_threshold=made),))
    assert from_json(to_json(kept)).systems[0].chosen_threshold == made
    content = json.loads(to_json(results))
    del content["systems"][0]["chosen_threshold"]
    assert from_json(json.dumps(content)).systems[0].chosen_threshold is None
