"""`rag train embedder`: what counts as wrong, losses, mining, made questions, and the command."""

import json
import math
import random
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_models import save_cross_encoder, save_embedder
from training_sets import squad_content, write_squad
from typer.testing import CliRunner

from evaluation.datasets.schema import Dataset, JudgedQuestion, SourceDocument
from evaluation.training import loop
from evaluation.training.course import Course, train_model
from evaluation.training.embedder_course import train_embedder
from evaluation.training.embedding import (
    SCALE,
    Ranking,
    load_embedding,
    margin_loss,
    ranking_loss,
)
from evaluation.training.examples import Example, cut_documents
from evaluation.training.loop import Schedule
from evaluation.training.made import make_datasets, read_documents
from evaluation.training.negatives import mine_negatives
from evaluation.training.pairs import (
    Asked,
    Row,
    Text,
    batches,
    deal,
    gather,
    mask,
    rows_of_epoch,
    spread_of,
)
from evaluation.training.ranked import Pool, make_pool
from evaluation.training.teacher import teach
from rag.config import EmbedderConfig
from rag.embedders import Embedder
from rag.errors import DatasetError, ModelError
from rag.models import find_model
from ui.cli import app


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save_embedder(tmp_path_factory.mktemp("base"))


@pytest.fixture
def course(tmp_path, base):
    def make(paths=None, **options):
        schedule = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3, "device": "cpu"}
        own = {name: options.pop(name) for name in list(options) if name in
               ("epochs", "minutes", "seed", "learning_rate")}  # fmt: skip
        return Course(
            role="embedder",
            paths=paths or [write_squad(tmp_path / "set.json")],
            base=str(options.pop("base", base)),
            out=options.pop("out", tmp_path / "model"),
            schedule=Schedule(**schedule | own, spans=False),
            **options,
        )

    return make


def draw(seed):
    return random.Random(seed)  # noqa: S311 - not for secrets


def text(words, document="", score=None):
    return Text(words, document or words, score)


def row(question, right, wrong=None, golds=(), margin=None):
    return Row(
        Asked(question, (right,), (wrong,) if wrong else (), golds, frozenset([right.document])),
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
        rows.append(Row(Asked(f"q{n}", right, (), golds, documents), own, None))
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
    scored = Asked("what?", (), (text("home", score=1.0), text("near", score=3.0)))
    (shown,) = rows_of_epoch([scored], draw(0), spread=2.0)
    assert (shown.right.text, shown.margin) == ("near", 1.0)
    assert not mask([shown], [shown.right, shown.wrong]).any()  # no label to rank by


# -- batches


def asked_about(texts):
    return [Asked(f"q{n}", (text(words),), (), ()) for n, words in enumerate(texts)]


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
        Asked("p", (text("a", score=3.0),), (text("b", score=1.0), text("c", score=4.0))),
        Asked("q", (text("d", score=9.0),), (text("e", score=1.0),)),
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
    task = Ranking([each.asked for each in rows], Schedule(batch_size=2))
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
    pool = Pool((("p", frozenset([1, 4])), ("q", frozenset([10])), ("r", frozenset([0]))), texts)
    assert pool.measure(Compass(angles)) == pytest.approx((1 / 2 + 0 + 1) / 3)


def test_the_pool_holds_what_is_held_back_and_other_pieces(tmp_path):
    documents = tuple(SourceDocument(f"d{n}", "", f"text {n}") for n in range(5))
    made = Dataset("made", Path("made"), "documents", (), documents)
    held = [Asked("q", (text("text 1"),), (text("text 2"),)), Asked("r", (), (text("x"),))]
    pool = make_pool(held, [made], seed=0)
    assert pool.questions == (("q", frozenset([0])),)
    assert sorted(pool.texts) == [f"text {n}" for n in range(5)]
    assert len(make_pool(held, [made], seed=0, most=3).texts) == 3


def test_a_budget_is_hardly_spent_on_measuring(course, monkeypatch):
    asked = []
    pools = "evaluation.training.embedder_course.make_pool"
    monkeypatch.setattr(
        pools, lambda *args, **options: asked.append(options["most"]) or make_pool(*args, **options)
    )
    done = train_embedder(course(epochs=10_000, minutes=0.02))
    assert done.ended.share == 1
    assert 0 <= asked[0] < 100_000


# -- the whole training


def test_a_model_learns_and_ranks_better(course):
    losses = []
    wanted = course(epochs=30, learning_rate=5e-3)
    done = train_embedder(wanted, told=lambda now: losses.append(now.loss))
    assert losses[-1] < 0.8 * losses[0]
    assert done.after > done.before
    assert done.ended.best == pytest.approx(done.after, abs=1e-6)
    assert (done.questions, done.pool) == (23, 24)  # of 24 paragraphs, one question is held back


class KilledError(Exception):
    """Somebody pulled the plug."""


def stop_at(step, error):
    errors = [error]

    def told(now):
        if now.step == step and errors:
            raise errors.pop()

    return told


def test_a_training_that_was_killed_goes_on_to_the_same_weights(course, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVED_EVERY", 0.0)
    monkeypatch.setattr(Pool, "measure", lambda *_: time.monotonic())  # the last are the best
    teacher = str(save_cross_encoder(tmp_path / "teacher"))
    whole = course(out=tmp_path / "whole", epochs=3, teacher=teacher)
    train_embedder(whole)
    parts = course(out=tmp_path / "parts", epochs=3, teacher=teacher)
    with pytest.raises(KilledError):
        train_embedder(parts, told=stop_at(4, KilledError()))
    assert not parts.out.exists()
    asked = []
    monkeypatch.setattr("rag.rankers.CrossEncoderModel.relevance", lambda *_, **__: asked.append(1))
    steps = []
    train_embedder(parts, told=lambda now: steps.append(now.step))
    assert steps[0] == 5
    assert not asked  # the teacher's scores were kept
    one, other = (load_file(each.out / "model.safetensors") for each in (whole, parts))
    for name, weight in one.items():
        assert torch.equal(weight, other[name]), name
    assert not (tmp_path / "parts.training").exists()


def test_ctrl_c_installs_the_best_weights_so_far(course):
    wanted = course(epochs=100)
    done = train_embedder(wanted, told=stop_at(7, KeyboardInterrupt()))
    assert (done.ended.step, done.ended.share < 0.2) == (7, True)
    Embedder(EmbedderConfig(model=str(wanted.out))).encode_query("when?")


def test_a_teacher_is_asked_about_every_text_and_changes_what_is_learnt(course, tmp_path):
    teacher = str(save_cross_encoder(tmp_path / "teacher"))
    plain = train_embedder(course(out=tmp_path / "plain", negatives=2)).out
    done = train_embedder(course(out=tmp_path / "taught", negatives=2, teacher=teacher))
    assert done.questions == 46  # those that nothing answers too: 24 articles, one held back
    one, other = (load_file(each / "model.safetensors") for each in (plain, done.out))
    assert not all(torch.equal(weight, other[name]) for name, weight in one.items())
    assert f"Teacher: `{teacher}`" in (done.out / "README.md").read_text(encoding="utf-8")


def test_a_ranker_of_ours_can_teach(course, tmp_path):
    ranker = train_model(replace(course(out=tmp_path / "ranker"), role="ranker")).out
    done = train_embedder(course(teacher=str(ranker)))
    assert done.questions == 46


def test_a_teachers_scores_are_of_its_question_and_text(tmp_path):
    class Teacher:
        def relevance(self, question, texts, *, deadline=None):
            return [len(question) + len(each) for each in texts]

    asked = [Asked("ab?", (text("x"),), (text("yz"),)), Asked("c?", (text("x"),), ())]
    first, second = teach(asked, Teacher(), folder=tmp_path)
    assert (first.right[0].score, first.wrong[0].score, second.right[0].score) == (4, 5, 3)
    assert teach(asked, None, folder=tmp_path) == [first, second]  # kept


def test_the_command_makes_a_complete_model(tmp_path, base):
    path = write_squad(tmp_path / "set.json")
    (tmp_path / "notes.txt").write_text("The hut was opened for climbers in 1954 by a club.\n")
    out = tmp_path / "made"
    command = ["train", "embedder", str(path), "--base", str(base), "--out", str(out), "--json"]
    command += ["--cloze", str(tmp_path / "notes.txt"), "--epochs", "1", "--device", "cpu"]
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.output
    told = json.loads(shown.stdout)
    assert {"out", "steps", "before", "mrr", "questions", "lost"} <= set(told)
    files = find_model(str(out), setting="")
    assert files.own == {"heads": ["embedding"], "languages": ["en"]}
    assert (files.dimension, files.max_tokens) == (16, 98)
    assert files.read("config_sentence_transformers.json")["prompts"]["query"] == "ask: "
    names = {each.name for each in out.iterdir()}
    assert {"modules.json", "1_Pooling", "tokenizer.json", "README.md"} <= names
    assert {each.dtype for each in load_file(out / "model.safetensors").values()} == {torch.float16}
    assert files.read("config.json")["hidden_dropout_prob"] == 0.1
    embedder = Embedder(EmbedderConfig(model=str(out), dtype="float32"))
    assert np.linalg.norm(embedder.encode_query("when?")) == pytest.approx(1)
    card = (out / "README.md").read_text(encoding="utf-8")
    for part in ("An embedder for `en`", "MRR@10", "made by rules", "`embedder.model`", "seed 0"):
        assert part in card
    again = CliRunner().invoke(app, command)
    assert "exists. Nothing was overwritten" in str(again.exception)


def test_a_trained_model_can_be_trained_further(course, tmp_path):
    first = train_embedder(course(out=tmp_path / "first")).out
    second = course(out=tmp_path / "second", base=first, learning_rate=0.0)
    made = load_file(train_embedder(second).out / "model.safetensors")
    for name, weight in load_file(first / "model.safetensors").items():
        assert torch.equal(weight, made[name]), name


@pytest.mark.parametrize("mine", ["dense", "both"])
def test_a_reader_can_learn_from_dense_negatives_too(course, base, mine, monkeypatch, tmp_path):
    monkeypatch.setattr("rag.bundled.model_for", lambda role, language: str(base))
    (tmp_path / "notes.txt").write_text("The hut was opened for climbers in 1954 by a club.\n")
    wanted = replace(course(mine=mine, cloze=[tmp_path / "notes.txt"]), role="reader")
    done = train_model(wanted)
    assert done.examples > 40
    assert "`cloze of notes`: 1 questions" in (done.out / "README.md").read_text(encoding="utf-8")


# -- bad input


def test_a_full_disk_installs_nothing_and_is_said_in_one_line(course, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sentence_transformers.SentenceTransformer.save_pretrained", full)
    wanted = course()
    with pytest.raises(ModelError, match=r"No space left on device\. Nothing was installed") as one:
        train_embedder(wanted)
    assert "\n" not in str(one.value)
    assert not wanted.out.exists()
    assert not list(wanted.out.parent.glob(".model.*"))


def test_what_cannot_be_trained_is_refused_in_words(course, tmp_path):
    empty = write_squad(tmp_path / "empty.json", {"data": []})
    with pytest.raises(DatasetError, match="holds no question"):
        train_embedder(course([empty]))
    content = squad_content(count=3)
    for article in content["data"]:
        for question in article["paragraphs"][0]["qas"]:
            question["answers"] = []
    none = write_squad(tmp_path / "none.json", content)
    with pytest.raises(DatasetError, match="no document is relevant"):
        train_embedder(course([none]))
    path = write_squad(tmp_path / "set.json")
    with pytest.raises(DatasetError, match=r"questions of .*set.json. are in"):
        train_embedder(course([path], evaluated_on=[path]))
    with pytest.raises(ModelError, match="is no ranker"):
        train_embedder(course([path], teacher=course().base))
    damaged = save_embedder(tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="no embedder that can be trained"):
        train_embedder(course([path], base=damaged))


def test_a_base_for_another_language_is_refused_at_once(course, tmp_path, base, monkeypatch):
    monkeypatch.delattr("evaluation.training.embedding.Embedding.encode")  # takes long
    served = save_embedder(tmp_path / "served")
    content = json.loads((served / "config.json").read_text())
    content["citewell"] = {"heads": ["embedding"], "languages": ["zh"]}
    (served / "config.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=r"the questions are in `en`, but .* serves `zh`"):
        train_embedder(course(base=served, mine="dense"))


@pytest.mark.parametrize(
    ("option", "message"),
    [(("--mine", "all"), "--mine: expected"), (("--device", "tpu"), "--device: expected")],
)
def test_mistakes_on_the_command_line_are_one_line(tmp_path, option, message):
    path = write_squad(tmp_path / "set.json")
    shown = CliRunner().invoke(app, ["train", "embedder", str(path), *option])
    assert message in str(shown.exception)
