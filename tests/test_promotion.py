"""A trained model takes the place of the one in use only if it is really better."""

import pytest
from promotions import held_out
from training_sets import squad_content, write_squad

from evaluation.datasets.schema import Dataset, Gold, JudgedQuestion, SourceDocument
from evaluation.training.loop import Schedule
from evaluation.training.options import TrainingOptions
from evaluation.training.promotion import scores
from evaluation.training.promotion.promotion_set import (
    PromotionQuestion,
    PromotionSet,
    make_promotion_set,
    mark_of,
    promotion_set_of_files,
    promotion_set_of_held_back,
    trained_on,
    write_trained_on,
)
from evaluation.training.promotion.scores import score_embedder, score_ranker, score_reader
from evaluation.training.promotion.verdict import PromotionTest, is_better, judge, verdict_line
from evaluation.training.reader.training import train_model
from rag.errors import DatasetError, ModelError
from rag.models.default_models import model_for

pytestmark = pytest.mark.usefixtures("promotion_home")

# -- the judgement


def trial_of(count, *, per_cluster=1):
    asked = [
        PromotionQuestion(
            0,
            JudgedQuestion(f"q{n}", f"Why {n}?", cluster=f"c{n // per_cluster}"),
            (),
            frozenset("p"),
        )
        for n in range(count)
    ]
    return PromotionSet(tuple(asked), ((),), "a set")


def judged(new, old, **options):
    trial = trial_of(len(new), **options)
    return judge("ranker", "en", trial, names=("new", "old"), scores=(new, old))


def test_a_new_model_must_be_better_and_not_by_chance():
    # 30 differences, 20 of .2 and 10 of -.1: mean .1, deviation .1438, t = .1 / .02626 = 3.81
    found = judged([0.7] * 20 + [0.4] * 10, [0.5] * 30)
    assert found.difference == pytest.approx(0.1)
    assert (found.new_mean, found.old_mean) == pytest.approx((0.6, 0.5))
    assert 0.0005 < found.p < 0.001
    assert 0.04 < found.low < 0.06
    assert 0.14 < found.high < 0.16
    assert is_better(found)
    assert not is_better(judged([0.5] * 30, [0.7] * 20 + [0.4] * 10))  # as sure, but worse
    by_chance = judged([0.7] * 16 + [0.3] * 14, [0.5] * 30)
    assert by_chance.difference > 0
    assert not is_better(by_chance)
    same = judged([0.5] * 30, [0.5] * 30)
    assert (same.p, is_better(same)) == (1, False)


def test_questions_about_one_document_do_not_count_as_many():
    new, old = [0.7] * 20 + [0.4] * 10, [0.5] * 30  # three documents: two better, one worse
    assert is_better(judged(new, old))
    assert not is_better(judged(new, old, per_cluster=10))


def test_a_verdict_is_one_line_with_everything_in_it():
    line = verdict_line(judged([0.7] * 16 + [0.3] * 14, [0.5] * 30))
    assert "\n" not in line
    for part in ("Not promoted", "nDCG@10 0.5133", "`old` 0.5000", "+0.0133", "95 % interval",
                 "p 0.7", "30 questions of a set", "`old` is kept"):  # fmt: skip
        assert part in line, line


# -- what is compared on


def test_what_is_held_back_was_not_trained_on(tmp_path, encoder):
    seen = []
    path = write_squad(tmp_path / "set.json", count=60)
    course = TrainingOptions("reader", [path], str(encoder), tmp_path / "out", Schedule(epochs=0.1))
    with pytest.raises(KeyError):
        train_model(course, checked=lambda data: (seen.append(data), {}["stop"]))
    (data,) = seen
    trial = promotion_set_of_held_back(data).usable("reader")
    trained = {example.question for example in data.examples}
    assert trial.asked
    assert not {each.question.question for each in trial.asked} & trained
    assert {each.question.question for each in trial.asked} <= {
        example.question for example in data.held_back
    }


def test_questions_that_a_model_was_trained_on_are_left_out(tmp_path, model):
    trial = promotion_set_of_files([held_out(tmp_path, count=40)]).usable("reader")
    folder = model()
    write_trained_on(folder, [each.question.question.upper() for each in trial.asked[:9]])
    left = trial.without(trained_on(str(folder)))
    assert len(left.asked) == 40 - 9
    assert left.words == "31 questions of `held.json`, without 9 that were trained on"
    assert mark_of("Who  sold IT?") == mark_of("who sold it?") != mark_of("who sold her?")
    (folder / "trained_on.json").write_text("{")
    with pytest.raises(ModelError, match=r"trained_on\.json` is damaged"):
        trained_on(str(folder))


def test_a_model_says_what_it_was_trained_on(tmp_path, encoder):
    path = write_squad(tmp_path / "set.json", count=30)
    course = TrainingOptions("reader", [path], str(encoder), tmp_path / "out",
                    Schedule(epochs=0.1, device="cpu"))  # fmt: skip
    seen = []
    train_model(course, checked=seen.append)
    expected = {mark_of(each.question) for each in seen[0].examples}
    assert trained_on(str(tmp_path / "out")) == expected


# -- measuring


def shop():
    texts = {"a": "The shop sells red paint.", "b": "The shop sells blue paint and red paint.",
             "c": "The shop is shut on Monday.", "d": "Snow falls."}  # fmt: skip
    documents = [SourceDocument(name, "", text) for name, text in texts.items()]
    questions = [
        JudgedQuestion("1", "red paint shop", grades={"b": 1}),
        JudgedQuestion("2", "shut on Monday", ("Monday",), ((Gold("c", 20, 26),),)),
        JudgedQuestion("3", "violin", grades={"d": 1}),
    ]
    return make_promotion_set(
        [Dataset("made", None, "documents", tuple(questions), tuple(documents))], ""
    )


class Liking:
    """A ranker that likes a word."""

    def __init__(self, word):
        self.word = word

    def relevance(self, question, texts, *, deadline=None):
        return [text.count(self.word) for text in texts]


def test_a_ranker_is_measured_by_the_order_of_bm25_s_candidates(monkeypatch):
    trial = shop().usable("ranker")
    # bm25 puts the shorter `a` before `b`: 1 / log2(3); `c` comes first; nothing for a violin.
    assert score_ranker(trial, None) == pytest.approx([0.6309, 1, 0], abs=1e-4)
    roles = type("Roles", (), {"rankers": {"en": Liking("blue")}})
    monkeypatch.setattr(scores, "open_roles", lambda config: roles)
    assert score_ranker(trial, "any") == [1, 1, 0]


def test_an_embedder_is_measured_over_all_pieces():
    trial = shop().usable("embedder")
    found = score_embedder(trial, "all-MiniLM-L6-v2")
    assert found[1] == 1
    assert found[2] > 0  # a vector is near to something, a word is not
    assert score_embedder(trial, None) == pytest.approx([0.6309, 1, 0], abs=1e-4)


def test_sentences_are_what_a_reader_is_compared_with(tmp_path):
    context = "The dog was born in 1950 there."
    answer = {"text": "1950", "answer_start": context.index("1950")}
    asked = {"id": "1", "question": "When was the dog born?", "answers": [answer]}
    content = {"data": [{"title": "", "paragraphs": [{"context": context, "qas": [asked]}]}]}
    trial = promotion_set_of_files([write_squad(tmp_path / "set.json", content)]).usable("reader")
    # Six words but the article, one of them right: precision 1/6, recall 1.
    assert score_reader(trial, None) == pytest.approx([2 / 7])


# -- before a training


def test_too_few_questions_are_refused_before_anything_is_trained(tmp_path, encoder):
    path = write_squad(tmp_path / "set.json", count=24)
    course = TrainingOptions("reader", [path], str(encoder), tmp_path / "out", Schedule(epochs=0.1))
    steps = []
    with pytest.raises(DatasetError, match=r"at least 20 .*there are \d .* --held-out") as error:
        train_model(course, told=steps.append, checked=PromotionTest("reader").prepare)
    assert "\n" not in str(error.value)
    assert steps == []
    assert not (tmp_path / "out.training").exists()
    few = held_out(tmp_path, count=19)
    with pytest.raises(DatasetError, match=r"there are 19 questions of `held\.json`"):
        train_model(course, checked=PromotionTest("reader", [few]).prepare)


def test_questions_in_another_language_than_the_model_are_refused(tmp_path):
    content = squad_content(count=30)
    for number, article in enumerate(content["data"]):
        (paragraph,) = article["paragraphs"]
        for asked in paragraph["qas"]:
            asked["question"] = f"第{number}个农场的{asked['id']}在哪里？"
    trial = promotion_set_of_files([write_squad(tmp_path / "zh.json", content)])
    with pytest.raises(DatasetError, match=r"are in `zh`, the model is for `en`"):
        PromotionTest("reader").prepare_trial(trial, "en")
    examination = PromotionTest("reader")
    examination.prepare_trial(trial)
    assert (examination.language, examination.old) == ("zh", model_for("reader", "zh"))
