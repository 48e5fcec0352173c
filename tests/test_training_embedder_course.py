"""`rag train embedder`: the whole training, its teacher, the command, and bad input."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
import sentence_transformers
import torch
from embedder_courses import text
from safetensors.torch import load_file
from tiny_models import save_cross_encoder, save_embedder
from training_sets import KilledError, squad_content, stop_at, write_squad
from typer.testing import CliRunner

from evaluation.training import loop
from evaluation.training.embedder.model import EmbedderNetwork
from evaluation.training.embedder.pairs import (
    QuestionTexts,
)
from evaluation.training.embedder.teacher import teach
from evaluation.training.embedder.training import train_embedder
from evaluation.training.embedder.validation import ValidationPool
from evaluation.training.reader.training import train_model
from rag.config import EmbedderConfig
from rag.errors import DatasetError, ModelError
from rag.models import default_models
from rag.models.cross_encoder import CrossEncoderModel
from rag.models.embedder import Embedder
from rag.models.model_files import find_model
from ui.commands.main import app

# -- the whole training


def test_a_model_learns_and_ranks_better(course):
    losses = []
    wanted = course(epochs=30, learning_rate=5e-3)
    done = train_embedder(wanted, told=lambda now: losses.append(now.loss))
    assert losses[-1] < 0.8 * losses[0]
    assert done.after > done.before
    assert done.ended.best == pytest.approx(done.after, abs=1e-6)
    assert (done.questions, done.pool) == (23, 24)  # of 24 paragraphs, one question is held back


def test_a_training_that_was_killed_goes_on_to_the_same_weights(course, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVED_EVERY", 0.0)
    monkeypatch.setattr(
        ValidationPool, "measure", lambda *_: time.monotonic()
    )  # the last are the best
    teacher = str(save_cross_encoder(tmp_path / "teacher"))
    whole = course(out=tmp_path / "whole", epochs=3, teacher=teacher)
    train_embedder(whole)
    parts = course(out=tmp_path / "parts", epochs=3, teacher=teacher)
    with pytest.raises(KilledError):
        train_embedder(parts, told=stop_at(4, KilledError()))
    assert not parts.out.exists()
    asked = []
    monkeypatch.setattr(CrossEncoderModel, "relevance", lambda *_, **__: asked.append(1))
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

    asked = [
        QuestionTexts("ab?", (text("x"),), (text("yz"),)),
        QuestionTexts("c?", (text("x"),), ()),
    ]
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
    monkeypatch.setattr(default_models, "model_for", lambda role, language: str(base))
    (tmp_path / "notes.txt").write_text("The hut was opened for climbers in 1954 by a club.\n")
    wanted = replace(course(mine=mine, cloze=[tmp_path / "notes.txt"]), role="reader")
    done = train_model(wanted)
    assert done.examples > 40
    assert "`cloze of notes`: 1 questions" in (done.out / "README.md").read_text(encoding="utf-8")


# -- bad input


def test_a_full_disk_installs_nothing_and_is_said_in_one_line(course, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sentence_transformers.SentenceTransformer, "save_pretrained", full)
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
    monkeypatch.delattr(EmbedderNetwork, "encode")  # takes long
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
