from dataclasses import replace

import pytest

from evaluation.datasets import Dataset, Gold, JudgedQuestion, SourceDocument
from evaluation.results.comparison import check_comparable, compare_runs, compare_systems, gate
from evaluation.results.records import QueryResult, SpanAt
from evaluation.results.schema import DatasetInfo, Results, SystemResult
from evaluation.run.aggregation import mean_of
from evaluation.run.relevance import Judgement, Places, judge, rank_items
from evaluation.run.scoring import citation_metrics, holds_gold, made_citations
from evaluation.run.slices import question_type
from rag.errors import DatasetError
from rag.schema import Citation, Passage


def query(number, value, cluster=None):
    return QueryResult(
        question_id=f"q{number}",
        question="?",
        cluster=cluster or f"q{number}",
        slices={},
        golds=(),
        gold_spans=(),
        answerable=True,
        ranking=(),
        first_relevant=None,
        metrics={"RR": value},
    )


def system(name, values, clusters=None, errors=None):
    clusters = clusters or [None] * len(values)
    queries = tuple(query(n, v, c) for n, (v, c) in enumerate(zip(values, clusters, strict=True)))
    rest = {"overrides": {}, "config": {}, "manifest": {}, "passages": 1, "recall_curve": ()}
    return SystemResult(
        name=name,
        **rest,
        metrics={"RR": mean_of(values, [each.cluster for each in queries], seed=0)},
        success_curve=(),
        slices=(),
        funnel=(),
        confidence=None,
        unanswered=0,
        errors=errors or {},
        worst=(),
        queries=queries,
    )


def run(*systems, questions="a", qrels="b"):
    info = DatasetInfo("set", "spans", questions, qrels, 4, 4, 4, 0, 4, 4)
    return Results(info, systems, (), ("RR",), {}, 0, None)


def test_a_difference_and_its_test_are_those_of_the_oracle():
    # EVALUATION.md T1: differences .1 0 .1 .1, t = 3.0, p = .05767, sign flips 2 of 8 = .25
    found = compare_systems(
        [system("b", [0.4, 0.6, 0.6, 0.7]), system("a", [0.5, 0.6, 0.7, 0.8])], ["RR"], seed=0
    )
    assert [(each.a, each.b, each.n, each.clusters) for each in found] == [("a", "b", 4, 4)]
    assert found[0].difference == pytest.approx(0.075)
    assert found[0].t_p == pytest.approx(0.05767, abs=1e-5)
    assert found[0].randomization_p == 0.25
    assert (found[0].wins, found[0].ties, found[0].losses) == (3, 1, 0)
    assert found[0].mcnemar_p is None
    assert found[0].interval == "bootstrap"


def test_p_values_are_adjusted_over_the_whole_table():
    values = {
        "one": [0.1, 0.2, 0.1, 0.3],
        "two": [0.4, 0.6, 0.6, 0.7],
        "three": [0.5, 0.6, 0.7, 0.8],
    }
    systems = [system(name, each) for name, each in values.items()]
    found = compare_systems(systems, ["RR"], seed=0)
    smallest = min(each.p for each in found)
    assert len(found) == 3
    assert min(each.p_holm for each in found) == pytest.approx(3 * smallest)


def test_right_and_wrong_pairs_get_mcnemar():
    # four disagreements, all for a: 2 * 1/16
    found = compare_systems(
        [system("b", [0.0] * 4 + [1.0]), system("a", [1.0] * 5)], ["RR"], seed=0
    )
    assert found[0].mcnemar_p == 0.125


def test_questions_that_share_documents_are_tested_by_document():
    clusters = ["x", "x", "x", "y"]
    found = compare_systems(
        [system("b", [0.0] * 4, clusters), system("a", [1.0, 1.0, 1.0, 0.0], clusters)],
        ["RR"],
        seed=0,
    )[0]
    assert (found.interval, found.n, found.clusters) == ("cluster bootstrap", 4, 2)
    assert found.difference == 0.75
    assert found.t_p == pytest.approx(0.5)  # means 1 and 0: t = .5 / (.7071 / 1.4142) = 1, 1 degree


def test_systems_that_never_differ_have_no_detectable_difference():
    found = compare_systems([system("b", [1.0, 0.0]), system("a", [1.0, 0.0])], ["RR"], seed=0)[0]
    assert (found.difference, found.p, found.detectable) == (0, 1, None)


@pytest.mark.parametrize(("key", "word"), [("questions", "questions"), ("qrels", "judgements")])
def test_runs_with_other_questions_or_judgements_are_refused(key, word):
    with pytest.raises(DatasetError, match=f"different {word}"):
        check_comparable(run(), run(**{key: "other"}))


def test_the_gate_is_green_for_the_same_run_and_names_what_fell():
    good = run(system("mine", [1.0] * 30))
    bad = run(system("mine", [1.0] * 10 + [0.0] * 20))
    assert gate(good, good, {}) == []
    lines = gate(bad, good, {})
    assert len(lines) == 1
    assert lines[0].startswith("mine (A): RR fell by 0.6667")
    assert gate(good, bad, {}) == []


def test_the_gate_is_red_under_a_floor_for_one_system_or_all():
    both = run(system("one", [1.0, 0.0]), system("two", [1.0, 1.0]))
    assert gate(both, None, {"RR": 0.5}) == []
    assert gate(both, None, {"RR": 0.9}) == ["one: RR is 0.5000, below 0.9 (n 2)"]
    assert gate(both, None, {"two:RR": 0.9}) == []
    with pytest.raises(DatasetError, match="no system `three`"):
        gate(both, None, {"three:RR": 0.9})
    with pytest.raises(DatasetError, match="no metric `MRR`"):
        gate(both, None, {"MRR": 0.9})


def test_the_gate_is_red_for_more_errors():
    before = run(system("mine", [1.0, 1.0]))
    after = run(system("mine", [1.0, 1.0], errors={"q0": "why"}))
    assert gate(after, before, {}) == ["mine: 1 questions ended in an error; 0 in the baseline"]


def test_runs_with_no_system_in_common_compare_their_first():
    found = compare_runs(run(system("new", [1.0, 1.0])), run(system("old", [0.0, 1.0])))
    assert [(each.a, each.b, each.difference) for each in found] == [("new (A)", "old (B)", 0.5)]


# -- matching and scoring


def passage(document_id, start, end, number=0):
    return Passage(
        rank=1,
        passage_id=f"{document_id}:{number}",
        document_id=document_id,
        source=document_id,
        title="",
        heading=None,
        page=None,
        start=start,
        end=end,
        text="",
        score=1.0,
    )


def test_the_best_passage_of_a_document_gives_its_rank():
    judgement = Judgement({"b": 2}, {}, by_document=True)
    ranking = rank_items([passage("a", 0, 5), passage("a", 5, 9, 1), passage("b", 0, 1)], judgement)
    assert [(each.item, each.grade) for each in ranking] == [("a", None), ("b", 2)]


def test_a_passage_is_relevant_if_a_character_of_it_is_gold():
    spans = {"e": (SpanAt("a", 10, 12),)}
    judgement = Judgement({"e": 1}, spans, by_document=False)
    ranking = rank_items(
        [
            passage("a", 0, 10),
            passage("b", 10, 12),
            passage("a", 11, 20, 1),
            passage("a", 9, 30, 2),
        ],
        judgement,
    )
    # what ends before the gold, and another document, are not relevant; what finds nothing new is
    # not judged, and keeps its rank
    assert [each.item for each in ranking] == ["a:0", "b:0", "e", "a:2"]


def collection_of(texts, document, gold):
    places = Places(Dataset("n", None, "spans", (), (document,)), texts)
    return places.locate(gold)


def test_gold_is_found_in_a_collection_whatever_its_white_space():
    document = SourceDocument("p", "guide.md", "The hut has twelve beds.")
    texts = {
        "1": ("other/guide.md", "# Hut\n\nThe hut\nhas  twelve beds."),
        "2": ("x.md", "twelve"),
    }
    found = collection_of(texts, document, Gold("p", 12, 23))
    assert found == (SpanAt("1", 20, 31),)
    assert texts["1"][1][20:31] == "twelve beds"


def test_gold_whose_context_was_changed_is_found_by_its_words_and_else_not():
    document = SourceDocument("p", "guide.md", "The hut has twelve beds.")
    texts = {"1": ("guide.md", "The big hut has twelve beds."), "2": ("x.md", "twelve")}
    assert collection_of(texts, document, Gold("p", 12, 18)) == (SpanAt("1", 16, 22),)
    assert collection_of({"2": ("x.md", "twelve")}, document, Gold("p", 12, 18)) == ()


def test_evidence_that_is_not_in_the_collection_still_counts():
    document = SourceDocument("p", "guide.md", "twelve beds")
    question = JudgedQuestion("q", "?", ("twelve",), ((Gold("p", 0, 6),),))
    dataset = Dataset("n", None, "spans", (question,), (document,))
    found = judge(question, dataset, Places(dataset, {"2": ("x.md", "nothing")}))
    assert (found.grades, found.spans) == ({"p@0-6": 1}, ())


@pytest.mark.parametrize(
    ("answer", "golds", "expected"),
    [
        ("It has 42 beds [1].", ["42 beds"], True),
        ("It has 1428 beds.", ["42"], False),
        ("It has The Beds!", ["a beds"], True),
        ("", ["x"], False),
        ("anything", ["the"], False),
    ],
)
def test_gold_in_an_answer_is_words_in_a_row(answer, golds, expected):
    asked = JudgedQuestion("q", "How many?", tuple(golds))
    assert holds_gold(answer, asked) == expected


def test_gold_in_a_chinese_answer_is_characters_in_a_row():
    asked = JudgedQuestion("q", "木桥是哪一年建的？", ("1911年",))
    assert holds_gold("这座木桥建于1911年，桥长六十米。[1]", asked)
    assert not holds_gold("这座木桥建于1912年。", asked)


def test_citation_spans_by_hand():
    spans = {"e": (SpanAt("a", 10, 20),), "f": (SpanAt("b", 0, 5),)}
    judgement = Judgement({"e": 1, "f": 1}, spans, by_document=False)
    cited = [
        Citation(n, "p", name, name, None, None, start, end, "")
        for n, name, start, end in [(1, "a", 5, 15), (2, "c", 0, 10)]
    ]
    found = citation_metrics(made_citations(cited, judgement), judgement, abstained=False)
    assert found["citation precision"] == 1 / 2  # the first of two
    assert found["citation recall"] == 1 / 2  # e of e and f
    assert found["citation characters precision"] == 5 / 20
    assert found["citation characters recall"] == 5 / 15
    declined = citation_metrics((), judgement, abstained=True)
    assert declined == {"citation recall": 0, "citation characters recall": 0}


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Is it open?", "yes/no"),
        ("How many beds?", "how many"),
        ("Beds in the hut", "other"),
        ("By whom was it built?", "who"),
        ("桥长多少米？", "how many"),
        ("为什么关闭？", "why"),
    ],
)
def test_questions_have_a_type(question, kind):
    assert question_type(question) == kind


def test_a_mean_of_shared_documents_has_the_interval_of_the_documents():
    found = mean_of([1.0, 1.0, 0.0, 0.0], ["x", "x", "y", "y"], seed=0)
    assert (found.low, found.high, found.interval) == (0, 1, "cluster bootstrap")
    # Wilson for 8 of 10: .4902 to .9433
    alone = mean_of([1.0] * 8 + [0.0] * 2, [str(n) for n in range(10)], seed=0)
    assert (round(alone.low, 4), round(alone.high, 4)) == (0.4902, 0.9433)
    assert replace(alone, n=10) == alone
