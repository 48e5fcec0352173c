"""`rag train embedder`: what counts as wrong, batches, losses, mining, and made questions."""

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from embedder_courses import text
from training_sets import write_squad

from evaluation.datasets.schema import Dataset, JudgedQuestion, SourceDocument
from evaluation.training.data.cloze_sets import make_datasets, read_documents
from evaluation.training.data.examples import Example, cut_documents
from evaluation.training.data.negatives import mine_negatives
from evaluation.training.embedder import training
from evaluation.training.embedder.model import (
    SCALE,
    EmbedderObjective,
    load_embedding,
    margin_loss,
    ranking_loss,
)
from evaluation.training.embedder.pairs import (
    QuestionTexts,
    Row,
    batches,
    deal,
    gather,
    mask,
    rows_of_epoch,
    spread_of,
)
from evaluation.training.embedder.training import train_embedder
from evaluation.training.embedder.validation import ValidationPool, make_validation_pool
from evaluation.training.loop import Schedule
from rag.config import EmbedderConfig
from rag.errors import DatasetError
from rag.models.embedder import Embedder
from rag.models.model_files import find_model


def draw(seed):
    return random.Random(seed)  # noqa: S311 - not for secrets


def row(question, right, wrong=None, golds=(), margin=None):
    return Row(
        QuestionTexts(
            question, (right,), (wrong,) if wrong else (), golds, frozenset([right.document])
        ),
        right,
        wrong,
        margin,
    )


# -- what counts as wrong


def test_the_mask_equals_its_slow_definition():
    dice = draw(5)
    words = ["red", "blue", "green", "1905", "1906"]
    texts = [text(f"{dice.choice(words)} {dice.choice(words)} {n % 7}", f"d{n % 9}")
             for n in range(40)]  # fmt: skip
    rows = []
    for n in range(12):
        right = tuple(dice.sample(texts, dice.choice([0, 1, 2])))
        documents = frozenset(each.document for each in right)
        golds = tuple(dice.sample(words, dice.choice([0, 1])))
        own = right[0] if right else dice.choice(texts)
        rows.append(Row(QuestionTexts(f"q{n}", right, (), golds, documents), own, None))
    shown = [*(each.right for each in rows), *dice.sample(texts, 10)]
    found = mask(rows, shown)
    seen = set()
    for i, asked in enumerate(rows):
        for j, other in enumerate(shown):
            answers = any(gold in other.text.split() for gold in asked.asked.golds)
            same_text = any(other.text == each.text for each in asked.asked.right)
            same_document = any(other.document == each.document for each in asked.asked.right)
            wrong = not (answers or same_text or same_document)
            assert found[i, j] == (bool(asked.asked.right) and (i == j or wrong)), (i, j)
            seen.add((i == j, answers, same_text, same_document))
    assert len(seen) > 6  # the cases were there


def test_each_reason_alone_keeps_a_text_from_counting_as_wrong():
    own = text("it opened in 1905", "a")
    others = [text("it opened in 1905", "b"), text("painted blue", "a"), text("in 1905, too", "c"),
              text("in 19051", "d")]  # fmt: skip
    found = mask([row("when?", own, golds=("1905",))], [own, *others])
    assert found.tolist() == [[True, False, False, False, True]]
    chinese = mask([row("几点？", text("六点启动"), golds=("六点",))],
                   [text("六点启动"), text("每天早上六点开门"), text("七点")])  # fmt: skip
    assert chinese.tolist() == [[True, False, True]]


def test_questions_with_the_same_words_are_one_and_know_each_others_texts():
    def pair(name, words, kind):
        return Example(name, "When was it?" if name == "a" else "when  was it?", "", words, kind,
                       document=words)  # fmt: skip

    (asked,) = gather([pair("a", "one", "answer"), pair("b", "two", "relevant"),
                       pair("b", "one", "negative"), pair("b", "three", "negative")])  # fmt: skip
    assert [each.text for each in asked.right] == ["one", "two"]
    assert [each.text for each in asked.wrong] == ["three"]


def test_only_a_teacher_can_use_questions_without_a_text_that_answers():
    found = [Example("q", "what?", "", words, kind, document=words)
             for words, kind in (("home", "no answer"), ("near", "negative"))]  # fmt: skip
    assert gather(found) == []
    (asked,) = gather(found, taught=True)
    assert (asked.right, len(asked.wrong)) == ((), 2)
    scored = QuestionTexts("what?", (), (text("home", score=1.0), text("near", score=3.0)))
    (shown,) = rows_of_epoch([scored], draw(0), spread=2.0)
    assert (shown.right.text, shown.margin) == ("near", 1.0)
    assert not mask([shown], [shown.right, shown.wrong]).any()  # no label to rank by


# -- batches


def asked_about(texts):
    return [QuestionTexts(f"q{n}", (text(words),), (), ()) for n, words in enumerate(texts)]


def test_an_epoch_shows_every_question_once_and_no_text_twice_in_a_batch():
    asked = asked_about(["x" * (n // 3 + 1) for n in range(96)])  # each text answers three
    schedule = Schedule(batch_size=8, seed=1)
    order = batches(asked, schedule)
    epoch = [next(order) for _ in range(12)]
    assert sorted(each.asked.question for batch in epoch for each in batch) == sorted(
        each.question for each in asked
    )
    assert all(len({each.right.text for each in batch}) == len(batch) for batch in epoch)
    again = batches(asked, schedule)
    assert epoch == [next(again) for _ in range(12)]


def test_texts_that_come_too_often_share_a_batch_after_all():
    rows = [row(f"q{n}", text("same")) for n in range(7)]
    found = deal(rows, 3)
    assert [len(each) for each in found] == [3, 3, 1]
    assert sorted(each.asked.question for batch in found for each in batch) == [
        f"q{n}" for n in range(7)
    ]


# -- losses


def test_the_ranking_loss_by_hand():
    logits = torch.tensor([[2.0, 1.0, 0.0], [5.0, 3.0, 3.0]])
    counted = np.array([[True, True, False], [False, True, True]])
    # the first: ln(e^2 + e^1) - 2; the second: two equal ones, ln 2
    expected = (math.log(math.exp(2) + math.exp(1)) - 2 + math.log(2)) / 2
    assert ranking_loss(logits, counted).item() == pytest.approx(expected)
    assert ranking_loss(logits, np.zeros((2, 3), bool)).item() == 0
    counted[0, 0] = False  # a question without a text that answers has no part in the mean
    assert ranking_loss(logits, counted).item() == pytest.approx(math.log(2))


def test_margins_of_the_teacher_pull_the_students_as_defined():
    a, b, c = text("a"), text("b"), text("c")
    rows = [row("p", a, None), row("q", b, c, margin=1.5)]
    logits = torch.tensor([[0.0, 0, 0], [0, 4.0, 1.0]], requires_grad=True)
    loss = margin_loss(logits, rows)
    assert loss.item() == pytest.approx(0.5 * (4 - 1 - 1.5) ** 2)
    loss.backward()
    # d/dm .5 (m - 1.5)^2 = m - 1.5 = 1.5, down for the right text and up for the wrong one
    assert logits.grad.tolist() == [[0, 0, 0], [0, 1.5, -1.5]]
    without = [row("q", b, c)]
    assert margin_loss(torch.ones(1, 2), without).item() == 0


def test_margins_are_divided_by_their_standard_deviation_and_keep_their_sign():
    asked = [
        QuestionTexts("p", (text("a", score=3.0),), (text("b", score=1.0), text("c", score=4.0))),
        QuestionTexts("q", (text("d", score=9.0),), (text("e", score=1.0),)),
    ]
    deviation = float(np.std([2.0, -1.0, 8.0]))
    assert spread_of(asked) == pytest.approx(deviation)
    (_, second) = rows_of_epoch(asked, draw(0), spread=spread_of(asked))
    assert second.margin == pytest.approx(8 / deviation)
    assert spread_of(asked_about(["a"])) == 1


def test_the_loss_of_a_batch_is_of_the_models_own_vectors(base):
    model = load_embedding(find_model(str(base), setting="--base")).eval()
    assert all(part.p == 0 for part in model.modules() if isinstance(part, torch.nn.Dropout))
    rows = [row("when?", text("a day"), text("b road")), row("who?", text("c man"))]
    task = EmbedderObjective([each.asked for each in rows], Schedule(batch_size=2))
    embedder = Embedder(EmbedderConfig(model=str(base), device="cpu", dtype="float32"))
    questions = np.stack([embedder.encode_query("when?"), embedder.encode_query("who?")])
    passages = embedder.encode_passages(["a day", "c man", "b road"])
    logits = torch.from_numpy(SCALE * questions @ passages.T)
    expected = ranking_loss(logits, np.ones((2, 3), bool))
    assert task.loss(model, rows).item() == pytest.approx(expected.item(), abs=0.1)  # bfloat16
    taught = [replace(rows[0], margin=1.0), rows[1]]
    more = margin_loss(logits, taught).item()
    assert more > 1
    assert task.loss(model, taught).item() == pytest.approx(expected.item() + more, rel=0.1)
    bare = model.encode(["when?"], "document")  # the query's prompt makes a difference
    assert abs(bare @ questions[0]).item() < 0.999


# -- mining


class Compass:
    """Vectors by the first letter: what is embedded is known by heart."""

    def __init__(self, angles):
        self.angles = angles

    def encode_questions(self, texts):
        return np.array([[1.0, 0.0]] * len(texts), np.float32)

    def encode_passages(self, texts):
        angles = np.array([self.angles[each] for each in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def mined(scores, question=None, documents=None, **options):
    angles = {words: math.acos(score) for words, score in scores.items()}
    documents = documents or [SourceDocument(words[0], "", words) for words in scores]
    asked = question or JudgedQuestion("q", "zzz?", (), grades={"a": 1})
    made = Dataset("made", Path("made"), "documents", (asked,), tuple(documents))
    found = mine_negatives(made, cut_documents(documents), seed=0, encode=Compass(angles),
                           **{"each": 9, "mine": "dense"} | options)  # fmt: skip
    return sorted(each.text for each in found)


def test_what_is_nearly_as_near_as_the_answer_is_no_negative():
    # .95 * .8 = .76: b is above, c just below
    scores = {"a right": 0.8, "b near": 0.77, "c less": 0.75, "d far": 0.1}
    assert mined(scores) == ["c less", "d far"]


def test_the_least_near_text_that_answers_sets_the_limit():
    scores = {"a right": 0.4, "b right": 0.8, "c less": 0.5, "d far": 0.1}
    asked = JudgedQuestion("q", "zzz?", (), grades={"a": 1, "b": 1})
    assert mined(scores, asked) == ["d far"]


def test_dense_finds_what_shares_no_word_and_bm25_what_is_far():
    scores = {"a right": 0.9, "b near": 0.8, **{f"{n} filler": 0.5 for n in range(10, 29)},
              "c engine": -0.5}  # fmt: skip
    asked = JudgedQuestion("q", "Which engine?", (), grades={"a": 1})
    documents = [SourceDocument(words.split()[0], "", words) for words in scores]
    both = mined(scores, asked, documents, mine="both", each=99)
    assert {"b near", "c engine"} <= set(both)
    assert mined(scores, asked, documents, mine="bm25") == ["c engine"]
    assert "c engine" not in mined(scores, asked, documents, each=99)


def test_dense_neighbours_keep_to_a_questions_filter_and_hold_no_answer():
    scores = {"a right": 0.9, "b diesel": 0.5, "c other": 0.5, "d other": 0.4}
    documents = [SourceDocument(words[0], "", words, {"item": "2" if words[0] == "c" else "1"})
                 for words in scores]  # fmt: skip
    filters = {"field": "meta.item", "operator": "==", "value": "1"}
    asked = JudgedQuestion("q", "zzz?", ("diesel",), grades={"a": 1}, filters=filters)
    assert mined(scores, asked, documents) == ["d other"]


# -- made questions


def test_answers_of_made_questions_stand_where_they_are_said_to(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "hut.md").write_text(
        "# Hut\n\nThe hut was opened for climbers in 1954 by a club.\n\n"
        "The hut was opened for climbers in 1954 by a club. It has 42 beds for guests in summer.\n"
    )
    (tmp_path / "docs" / "zh.txt").write_text(
        "这座水库建成于1958年，坝高有52米，现在由水务局管理。\n"
    )
    (tmp_path / "docs" / "bad.pdf").write_bytes(b"no pdf")
    (made,) = make_datasets([tmp_path / "docs"], 50, seed=1)
    texts = {each.document_id: each.text for each in made.documents}
    assert len(made.questions) > 3
    for each in made.questions:
        (((gold,),),) = (each.evidence,)
        assert texts[gold.document_id][gold.start : gold.end] == each.answers[0]
    assert made.synthetic
    assert make_datasets([tmp_path / "docs"], 50, seed=1) == (made,)
    (two,) = make_datasets([tmp_path / "docs"], 2, seed=1)
    assert len(two.questions) == 2


def test_documents_come_from_squad_and_beir_as_well(tmp_path):
    path = write_squad(tmp_path / "set.json", count=2)
    assert len(read_documents(path)) == 2
    (tmp_path / "corpus.jsonl").write_text(json.dumps({"_id": "d", "text": "One."}) + "\n")
    assert [each.text for each in read_documents(tmp_path)] == ["One."]


def test_documents_without_a_question_in_them_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text("hm\n")
    with pytest.raises(DatasetError, match="no sentence with a number"):
        make_datasets([tmp_path / "a.txt"], 5, seed=0)
    with pytest.raises(DatasetError, match="--cloze"):
        make_datasets([tmp_path / "nowhere"], 5, seed=0)


# -- measuring


def test_the_rank_of_the_first_text_that_answers_counts_and_none_below_ten():
    texts = tuple(f"{n}" for n in range(12))
    angles = {each: 0.1 * place for place, each in enumerate(texts)}
    pool = ValidationPool(
        (("p", frozenset([1, 4])), ("q", frozenset([10])), ("r", frozenset([0]))), texts
    )
    assert pool.measure(Compass(angles)) == pytest.approx((1 / 2 + 0 + 1) / 3)


def test_the_pool_holds_what_is_held_back_and_other_pieces(tmp_path):
    documents = tuple(SourceDocument(f"d{n}", "", f"text {n}") for n in range(5))
    made = Dataset("made", Path("made"), "documents", (), documents)
    held = [
        QuestionTexts("q", (text("text 1"),), (text("text 2"),)),
        QuestionTexts("r", (), (text("x"),)),
    ]
    pool = make_validation_pool(held, [made], seed=0)
    assert pool.questions == (("q", frozenset([0])),)
    assert sorted(pool.texts) == [f"text {n}" for n in range(5)]
    assert len(make_validation_pool(held, [made], seed=0, most=3).texts) == 3


def test_a_budget_is_hardly_spent_on_measuring(course, monkeypatch):
    asked = []

    def make(*values, **options):
        asked.append(options["most"])
        return make_validation_pool(*values, **options)

    monkeypatch.setattr(training, "make_validation_pool", make)
    done = train_embedder(course(epochs=10_000, minutes=0.005))
    assert done.ended.share == 1
    assert 0 <= asked[0] < 100_000
