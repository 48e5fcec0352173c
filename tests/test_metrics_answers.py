"""Answer metrics: oracle cases, slow definitions as in the official scripts, real data."""

import collections
import json
import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.answers import (
    BestThreshold,
    cmrc_exact_match,
    cmrc_f1,
    evaluate_predictions,
    exact_match,
    f1,
    mlqa_f1,
    normalize_mlqa,
    normalize_squad,
    segment_cmrc,
)

DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.mark.parametrize(
    ("prediction", "gold", "em", "f"),
    [
        pytest.param("6000 hours", "about 6000 hours", 0, 2 * 2 / (2 + 3), id="S1 .8"),
        pytest.param("6000 hours", "about 6000 dollars", 0, 2 * 1 / (2 + 3), id="S1 .4"),
        pytest.param("norman conquest", "The Norman Conquest!", 1, 1, id="S2"),
        pytest.param("new york city", "new new york", 0, 2 * 2 / (3 + 3), id="S3 .6667"),
        pytest.param("six time", "six-time", 0, 0, id="S4 hyphen joins"),
        pytest.param("café", "cafe", 0, 0, id="S4 accents stay"),
        pytest.param("北京", "北京市", 0, 0, id="Z1 Chinese is one token"),
    ],
)
@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_squad_scores_are_those_worked_out_by_hand(prediction, gold, em, f, version):
    assert exact_match(prediction, [gold], version=version) == em
    assert f1(prediction, [gold], version=version) == pytest.approx(f)


@pytest.mark.parametrize(("prediction", "gold"), [("", ""), ("the", "a"), ("!", "")])
def test_s5_two_texts_that_normalise_to_nothing_match_but_have_f1_0_in_version_1(prediction, gold):
    assert exact_match(prediction, [gold]) == f1(prediction, [gold]) == 1
    assert exact_match(prediction, [gold], version="1.1") == 1
    assert f1(prediction, [gold], version="1.1") == 0


def test_the_best_gold_counts():
    golds = ["about 6000 hours", "6000 hours", "hours"]
    assert exact_match("6000 hours", golds) == f1("6000 hours", golds) == 1


def test_version_2_drops_golds_that_normalise_to_nothing_unless_there_is_no_other():
    assert exact_match("", ["the", "x"]) == f1("", ["the", "x"]) == 0
    assert exact_match("", []) == f1("", []) == exact_match("", ["the"]) == 1
    assert exact_match("x", []) == f1("x", []) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: exact_match("x", [], version="1.1"),
        lambda: f1("x", [], version="1.1"),
        lambda: cmrc_f1("x", []),
        lambda: mlqa_f1("x", [], "en"),
        lambda: evaluate_predictions({}, {}),
    ],
)
def test_no_gold_answer_is_an_error_where_it_has_no_meaning(call):
    with pytest.raises(ValueError, match="empty"):
        call()


S6_GOLDS = {"q1": ["x"], "q2": ["good thing", "bad idea"], "q3": [], "q4": []}
S6_PREDICTIONS = {"q1": "x", "q2": "bad", "q3": "x", "q4": ""}
S6_NA_PROBS = {"q1": 0.1, "q2": 0.2, "q3": 0.9, "q4": 0.95}
S6_F1 = 2 * 1 / (1 + 2)  # of "bad" and "bad idea"


def test_s6_best_thresholds_and_the_scores_at_a_threshold():
    scores = evaluate_predictions(S6_GOLDS, S6_PREDICTIONS, S6_NA_PROBS, 0.5)
    assert scores.best_exact == BestThreshold((2 + 1) / 4, 0.1)  # q3 q4 declined, + q1: 75
    assert scores.best_f1.score == pytest.approx((2 + 1 + S6_F1) / 4)  # + q2: 91.6667
    assert scores.best_f1.threshold == 0.2
    assert scores.total.exact == (1 + 0 + 1 + 1) / 4  # 75
    assert scores.total.f1 == pytest.approx((1 + S6_F1 + 1 + 1) / 4)  # 91.6667
    assert scores.has_answer.exact == (1 + 0) / 2
    assert scores.no_answer.exact == scores.no_answer.f1 == (1 + 1) / 2
    assert (scores.total.n, scores.has_answer.n, scores.no_answer.n) == (4, 2, 2)


def test_a_probability_equal_to_the_threshold_still_answers():
    at = evaluate_predictions(S6_GOLDS, S6_PREDICTIONS, S6_NA_PROBS, 0.1)
    below = evaluate_predictions(S6_GOLDS, S6_PREDICTIONS, S6_NA_PROBS, 0.0999)
    assert at.total.exact - below.total.exact == 1 / 4  # q1


def test_without_probabilities_no_threshold_is_applied_or_sought():
    scores = evaluate_predictions(S6_GOLDS, S6_PREDICTIONS)
    assert scores.total.exact == (1 + 0 + 0 + 1) / 4
    assert scores.best_exact is scores.best_f1 is None


def test_an_unanswered_question_counts_as_0_even_if_it_has_no_answer():
    scores = evaluate_predictions(S6_GOLDS, {"q1": "x", "q9": "y"}, {"q1": 0.1})
    assert scores.unanswered == 3
    assert scores.total.exact == 1 / 4
    assert scores.best_exact == BestThreshold(1 / 4, 0.1)


@pytest.mark.parametrize("na_probs", [{}, {**S6_NA_PROBS, "q2": float("nan")}])
def test_a_missing_or_broken_probability_is_an_error(na_probs):
    with pytest.raises(ValueError, match="na_probs"):
        evaluate_predictions(S6_GOLDS, S6_PREDICTIONS, na_probs)


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from(["", "x", "x y", "z"]), st.integers(0, 20)),
        min_size=1,
        unique_by=lambda row: row[2],
    )
)
def test_the_best_threshold_is_the_best_of_trying_all(rows):
    golds = {str(i): ["x y"] if row[0] else [] for i, row in enumerate(rows)}
    predictions = {str(i): row[1] for i, row in enumerate(rows)}
    na_probs = {str(i): (row[2] + 1) / 40 for i, row in enumerate(rows)}
    reached = [
        evaluate_predictions(golds, predictions, na_probs, threshold).total
        for threshold in [0.0, *na_probs.values()]
    ]
    best = evaluate_predictions(golds, predictions, na_probs)
    assert best.best_exact.score == pytest.approx(max(scores.exact for scores in reached))
    assert best.best_f1.score == pytest.approx(max(scores.f1 for scores in reached))


# Chinese and MLQA ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prediction", "gold", "em", "f"),
    [
        pytest.param("北京", "北京市", 0, 2 * 2 / (2 + 3), id="Z1 .8"),
        pytest.param("1990年", "1990年5月", 0, 2 * 2 / (2 + 4), id="Z2 .6667"),
        pytest.param("红楼梦", "《红楼梦》", 1, 1, id="Z3"),
        pytest.param("张三李四", "张三和李四", 0, 2 * 2 / (4 + 5), id="Z4 .4444"),
        pytest.param("100000", "100，000", 1, 1, id="Z5 full-width comma"),
        pytest.param("100000", "100,000", 0, 0, id="Z5 ASCII comma"),
        pytest.param("，", "。", 1, 0, id="B1 both empty"),
        pytest.param("好", "好……", 0, 2 * 1 / (1 + 2), id="B1 ellipsis stays .667"),
        pytest.param("好", "好…", 0, 2 * 1 / (1 + 2), id="B1 half an ellipsis stays"),
    ],
)
def test_cmrc_scores_are_those_worked_out_by_hand(prediction, gold, em, f):
    assert cmrc_exact_match(prediction, [gold]) == cmrc_exact_match(gold, [prediction]) == em
    assert cmrc_f1(prediction, [gold]) == cmrc_f1(gold, [prediction]) == pytest.approx(f)


@pytest.mark.parametrize(
    ("language", "prediction", "gold", "f"),
    [
        pytest.param("zh", "北京", "北京市", 2 * 2 / (2 + 3), id="Z1 .8"),
        pytest.param("zh", "红楼梦", "《红楼梦》", 1, id="Z3"),
        pytest.param("zh", "张三李四", "张三和李四", 2 * 4 / (4 + 5), id="Z4 .8889"),
        pytest.param("es", "perro", "el perro", 1, id="Z6 es"),
        pytest.param("de", "Hund", "der Hund", 1, id="Z6 de"),
        pytest.param("en", "a dog", "The dog", 1, id="en"),
        pytest.param("vi", "những con chó", "con chó", 1, id="vi"),
        pytest.param("ar", "الكلب", "كلب", 1, id="ar"),
        pytest.param("hi", "कुत्ता।", "कुत्ता", 1, id="hi"),
        pytest.param("zh", "", "", 0, id="both empty"),
    ],
)
def test_mlqa_scores_are_those_worked_out_by_hand(language, prediction, gold, f):
    assert mlqa_f1(prediction, [gold], language) == pytest.approx(f)


def test_an_unknown_language_is_an_error():
    with pytest.raises(ValueError, match="'fr'"):
        mlqa_f1("x", ["x"], "fr")


@pytest.mark.parametrize(
    ("text", "tokens"),  # as nltk 3.10 word_tokenize(preserve_line=True) gives them
    [
        ("", ""),
        ("It's 3,36 U.S. dollars.", "it 's 3,36 u.s. dollars ."),
        ('He said "no", (maybe)...', "he said `` no '' , ( maybe ) ..."),
        ("don't they'll dogs' 'x'", "do n't they 'll dogs ' ' x '"),
        ("AT&T 50% $5 a@b [x]; c", "at & t 50 % $ 5 a @ b [ x ] ; c"),
        ("a - b: c/d", "a b cd"),
        ("3.14和 2.", "3.14 和 2 ."),
    ],
)
def test_what_is_between_chinese_characters_is_split_as_the_docstring_says(text, tokens):
    assert " ".join(segment_cmrc(text)) == tokens


# Slow definitions, in the words of the scripts -------------------------------------------------

TEXT = st.text(st.sampled_from("ab theA -.,!，。……《张三李四北京1é"), max_size=12)


def slow_normalize(text):
    text = "".join(ch for ch in text.lower() if ch not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def slow_f1(prediction, gold, *, version):
    pred, ref = slow_normalize(prediction).split(), slow_normalize(gold).split()
    if version == "2.0" and (not pred or not ref):
        return float(pred == ref)
    same = sum((collections.Counter(pred) & collections.Counter(ref)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(pred), same / len(ref)
    return 2 * precision * recall / (precision + recall)


def slow_scores(prediction, golds, *, version):
    if version == "2.0":
        golds = [gold for gold in golds if slow_normalize(gold)] or [""]
    em = max(float(slow_normalize(prediction) == slow_normalize(gold)) for gold in golds)
    return em, max(slow_f1(prediction, gold, version=version) for gold in golds)


def slow_run(a, b):
    """Length of the longest common contiguous run, by trying all of them."""
    runs = {tuple(a[i:j]) for i in range(len(a)) for j in range(i + 1, len(a) + 1)}
    return max(
        (len(run) for run in runs for i in range(len(b)) if tuple(b[i : i + len(run)]) == run),
        default=0,
    )


@given(TEXT, st.lists(TEXT, min_size=1, max_size=3), st.sampled_from(["1.1", "2.0"]))
def test_squad_scores_equal_the_slow_definition(prediction, golds, version):
    em, f = slow_scores(prediction, golds, version=version)
    assert exact_match(prediction, golds, version=version) == em
    assert f1(prediction, golds, version=version) == pytest.approx(f)


@given(TEXT, TEXT)
def test_cmrc_f1_equals_the_slow_definition(prediction, gold):
    a, b = segment_cmrc(prediction), segment_cmrc(gold)
    length = slow_run(a, b)
    expected = 0.0
    if length:
        precision, recall = length / len(a), length / len(b)
        expected = 2 * precision * recall / (precision + recall)
    assert cmrc_f1(prediction, [gold]) == pytest.approx(expected)


@given(TEXT, TEXT, st.sampled_from(["en", "es", "de", "vi", "ar", "zh", "hi"]))
def test_mlqa_f1_equals_the_slow_definition(prediction, gold, language):
    a, b = normalize_mlqa(prediction, language).split(), normalize_mlqa(gold, language).split()
    same = sum(min(a.count(token), b.count(token)) for token in set(a))
    expected = (
        2 * (same / len(a)) * (same / len(b)) / (same / len(a) + same / len(b)) if same else 0
    )
    assert mlqa_f1(prediction, [gold], language) == pytest.approx(expected)


@given(TEXT, TEXT)
def test_all_scores_are_symmetric_and_an_answer_equals_itself(one, other):
    for score in (f1, exact_match, cmrc_f1, cmrc_exact_match):
        assert score(one, [other]) == score(other, [one])
    assert exact_match(one, [one]) == f1(one, [one]) == cmrc_exact_match(one, [one]) == 1
    assert normalize_squad(normalize_squad(one)) == normalize_squad(one)


# Real data -------------------------------------------------------------------------------------


def squad(name):
    file = DATA / "squad" / name
    if not file.exists():
        pytest.skip(f"needs {file}: the data is not part of the repository")
    return json.loads(file.read_text(encoding="utf-8"))


def golds_of(dataset):
    return {
        question["id"]: [answer["text"] for answer in question["answers"]]
        for article in dataset["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    }


@pytest.mark.parametrize(
    ("predictions", "version", "ours", "published"),
    # `ours` is on the half of the articles that is here, in percent; `published` on the whole
    # development set: the data's README (v2.0), Rajpurkar et al. (2016) and Devlin et al. (2019).
    [
        pytest.param(
            "v2.0_BERT_(single_model)_(Google_AI_Language).json",
            "2.0",
            (77.9094, 80.9330),
            (78.76, 81.79),
            id="BERT v2.0",
        ),
        pytest.param(
            "1.1_BERT_(ensemble)_(Google_AI_Language).json",
            "1.1",
            (87.3765, 92.5696),
            (86.2, 92.2),
            id="BERT v1.1",
        ),
        pytest.param(
            "1.1_Logistic_Regression_Baseline_(Stanford_University).json",
            "1.1",
            (40.5232, 50.9106),
            (40.0, 51.0),
            id="logistic regression v1.1",
        ),
    ],
)
def test_reference_predictions_score_as_published(predictions, version, ours, published):
    golds = golds_of(squad(f"dev-v{version}.json"))
    texts = squad(f"reference_predictions/{predictions}")
    scores = evaluate_predictions(golds, texts, version=version)
    assert (100 * scores.total.exact, 100 * scores.total.f1) == pytest.approx(ours, abs=5e-5)
    # Half of n = 11,000 questions at .8: 2 sqrt(.8 * .2 / 5,500 / 2) = .008; clusters double it.
    assert (100 * scores.total.exact, 100 * scores.total.f1) == pytest.approx(published, abs=1.6)
    slow = [slow_scores(texts[q], golds[q], version=version) for q in golds if q in texts]
    assert scores.total.exact == pytest.approx(sum(em for em, _ in slow) / len(golds))
    assert scores.total.f1 == pytest.approx(sum(f for _, f in slow) / len(golds))
    assert scores.unanswered == len(golds) - len(slow)


def test_every_cmrc_gold_scores_1_against_itself():
    file = DATA / "cmrc2018" / "cmrc2018_trial.json"
    if not file.exists():
        pytest.skip(f"needs {file}: the data is not part of the repository")
    golds = golds_of(json.loads(file.read_text(encoding="utf-8")))
    assert len(golds) == 1002
    assert all(cmrc_exact_match(texts[0], texts) == 1 for texts in golds.values())
    assert all(cmrc_f1(texts[0], texts) == 1 for texts in golds.values())
