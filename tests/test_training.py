"""`rag train`: steps and losses, interruptions, and what is installed, with tiny encoders."""

import errno
import itertools
import json
import math
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_models import save_encoder
from training_sets import KilledError, learnt_reader, stop_at, write_squad
from typer.testing import CliRunner

from evaluation.datasets import read_squad
from evaluation.run.reader_evaluation import read_contexts
from evaluation.training import loop
from evaluation.training.data.examples import Example
from evaluation.training.loop import Schedule
from evaluation.training.options import TrainingOptions
from evaluation.training.reader import regularisation as noise_module
from evaluation.training.reader import training as course_module
from evaluation.training.reader import validation as measure_module
from evaluation.training.reader.features import UNKNOWN, Feature
from evaluation.training.reader.objective import batch_order, loss_of
from evaluation.training.reader.training import train_model
from evaluation.training.reader.validation import measure
from rag.config import Config
from rag.config.ranker import RankerConfig
from rag.config.reader import ReaderConfig
from rag.errors import DatasetError, ModelError
from rag.models import reader_ranker
from rag.models.model_files import find_model
from rag.models.onnx_graphs import find_graph
from rag.models.reader_ranker import ReaderRankerOutput, load_reader_ranker
from rag.models.selection import open_roles
from rag.models.windows import Window, WindowOutput
from ui.commands.main import app


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("base"))


@pytest.fixture
def course(tmp_path, encoder):
    def make(role="reader", paths=None, **options):
        schedule = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3, "device": "cpu"}
        own = {name: options.pop(name) for name in list(options) if name in
               ("epochs", "minutes", "seed", "learning_rate", "dropout", "masked")}  # fmt: skip
        return TrainingOptions(
            role=role,
            paths=paths or [write_squad(tmp_path / "set.json")],
            base=str(options.pop("base", encoder)),
            out=options.pop("out", tmp_path / "model"),
            schedule=Schedule(**schedule | own, spans=role == "reader"),
            **options,
        )

    return make


def windows_of(*lengths):
    return [
        Window(0, (0,) * length, (0,) * length, 2, tuple((n, n + 1) for n in range(length - 3)))
        for length in lengths
    ]


# -- steps


def test_every_window_is_seen_once_an_epoch_beside_ones_of_its_length():
    features = [Feature(each, 0, 0, 1, 0) for each in windows_of(*(4 + n % 50 for n in range(200)))]
    schedule = Schedule(batch_size=8, seed=3)
    epoch = list(itertools.islice(batch_order(features, schedule), 25))
    assert sorted(place for batch in epoch for place in batch) == list(range(200))
    spread = [
        max(len(features[p].window.ids) for p in batch)
        - min(len(features[p].window.ids) for p in batch)
        for batch in epoch
    ]
    assert max(spread) <= 3
    assert epoch == list(itertools.islice(batch_order(features, schedule), 25))
    assert epoch != list(itertools.islice(batch_order(features, Schedule(batch_size=8)), 25))


def heads(starts, ends=None, null=(0.0,), relevance=(0.0,)):
    starts = torch.tensor(starts)
    ends = starts if ends is None else torch.tensor(ends)
    return ReaderRankerOutput(starts, ends, torch.tensor(null), torch.tensor(relevance))


def test_the_loss_by_hand():
    (window,) = windows_of(5)  # place 0, a question token, two tokens of the text, the end
    known = Feature(window, 2, 3, 0, 1)
    found = loss_of(heads([[0.0, 99.0, 0.0, 0.0, 99.0]]), [known], spans=True)
    # start and end: uniform over no answer and two tokens: ln 3 each; the question's tokens and
    # the end are no answers whatever their logits. Null and relevance: ln 2 each, by half.
    assert found.item() == pytest.approx(2 * math.log(3) + math.log(2))


def test_what_is_unknown_costs_nothing():
    (window,) = windows_of(5)
    nothing = Feature(window, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    assert loss_of(heads([[5.0] * 5]), [nothing], spans=True).item() == 0
    relevant = Feature(window, UNKNOWN, UNKNOWN, UNKNOWN, 1)
    found = loss_of(heads([[5.0] * 5]), [relevant], spans=False)
    assert found.item() == pytest.approx(math.log(2))


def test_a_model_learns(tmp_path_factory):
    folder = learnt_reader(tmp_path_factory)
    learnt = json.loads((folder / "learnt.json").read_text(encoding="utf-8"))
    losses = learnt["losses"]
    assert losses[-1] < 0.8 * losses[0]
    assert learnt["share"] == 1
    assert learnt["step"] == len(losses) - 1  # told once more after the last check


# -- interruptions


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_training_that_was_killed_goes_on_to_the_same_weights(
    course, tmp_path, monkeypatch, noise
):
    monkeypatch.setattr(loop, "SAVED_EVERY", 0.0)
    options = {"epochs": 1.5, "dropout": noise, "masked": noise}
    whole = course(out=tmp_path / "whole", **options)
    train_model(whole)
    parts = course(out=tmp_path / "parts", **options)
    for step in (4, 9):
        with pytest.raises(KilledError):
            train_model(parts, told=stop_at(step, KilledError()))
        assert not parts.out.exists()
    steps = []
    train_model(parts, told=lambda now: steps.append(now.step))
    assert steps[0] == 10  # goes on behind the ninth
    one, other = (load_file(each.out / "model.safetensors") for each in (whole, parts))
    for name, weight in one.items():
        torch.testing.assert_close(weight, other[name], msg=name)
    assert not (tmp_path / "parts.training").exists()


def test_ctrl_c_installs_the_best_weights_so_far(course):
    wanted = course(epochs=40)
    done = train_model(wanted, told=stop_at(7, KeyboardInterrupt()))
    assert done.ended.step == 7
    assert done.ended.share < 0.2
    load_reader_ranker(wanted.out)


def test_checkpoints_of_another_training_are_not_mixed_in(course):
    with pytest.raises(KilledError):
        train_model(course(), told=stop_at(1, KilledError()))
    with pytest.raises(ModelError, match="holds another training"):
        train_model(course(seed=7))


def test_a_full_disk_installs_nothing_and_is_said_in_one_line(course, monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(reader_ranker, "save_file", full)
    wanted = course()
    with pytest.raises(
        ModelError, match=r"No space left on device\. Nothing was installed"
    ) as error:
        train_model(wanted)
    assert "\n" not in str(error.value)
    assert not wanted.out.exists()
    assert not list(tmp_path.glob(".model.*"))
    monkeypatch.undo()
    train_model(wanted)  # goes on from the checkpoint
    assert wanted.out.exists()


@pytest.mark.parametrize("option", ["dropout", "masked"])
def test_noise_reaches_the_steps(course, tmp_path, option):
    losses = {}
    for noise in (0.0, 0.3):
        told = losses.setdefault(noise, [])
        wanted = course(out=tmp_path / f"{noise}", learning_rate=0.0, **{option: noise})
        train_model(wanted, told=lambda now, told=told: told.append(now.loss))
    assert losses[0.0] != losses[0.3]  # of the same weights


def test_a_budget_ends_the_training(course):
    done = train_model(course(epochs=10_000, minutes=0.005))
    assert done.ended.share == 1
    assert done.ended.seconds < 30


def test_answers_are_measured_as_long_as_the_reader_gives_them(monkeypatch):
    window = windows_of(58)[0]  # 55 tokens of a character each
    starts, ends = np.zeros(58, np.float32), np.zeros(58, np.float32)
    starts[4], ends[50] = 9, 9
    read = WindowOutput(window, starts, ends, null=0.0)
    monkeypatch.setattr(measure_module, "_read", lambda *_: [read])
    text = "锅" * 2 + "炉" * 47 + "。" * 6
    example = Example("q", "锅炉怎样？", "", text, "answer", start=2, end=49)
    assert measure(None, [example], [], spans=True).f1 == 1


# -- bad input


def test_a_folder_that_is_there_is_not_overwritten(course):
    wanted = course()
    wanted.out.mkdir()
    with pytest.raises(ModelError, match=r"exists\. Nothing was overwritten"):
        train_model(wanted)


def test_bases_that_lack_something_are_refused(course, tmp_path):
    def base(name):
        return save_encoder(tmp_path / name)

    lacks = base("weights")
    (lacks / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no \.safetensors weights"):
        train_model(course(base=lacks))
    lacks = base("tokenizer")
    (lacks / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="the tokenizer of"):
        train_model(course(base=lacks))
    lacks = base("config")
    (lacks / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="--base"):
        train_model(course(base=lacks))
    with pytest.raises(ModelError, match="no model folder"):
        train_model(course(base=tmp_path / "nowhere"))


def test_what_a_base_cannot_do_is_refused_by_the_option_that_asks_for_it(
    course, tmp_path, encoder, monkeypatch
):
    spent = []
    monkeypatch.setattr(course_module, "load_data", lambda *_: spent.append(1))
    with pytest.raises(ModelError, match=r"--window: .* reads at most 128 tokens \(got 129\)"):
        train_model(course(window=129))
    roberta = shutil.copytree(encoder, tmp_path / "roberta")  # 130 places, two of them not for text
    facts = json.loads((roberta / "config.json").read_text())
    (roberta / "config.json").write_text(json.dumps({**facts, "max_position_embeddings": 130}))
    with pytest.raises(ModelError, match=r"--window: .* reads at most 128 tokens \(got 130\)"):
        train_model(course(base=roberta, window=130))
    monkeypatch.setattr(noise_module, "add_dropout", lambda encoder, share: 0)
    with pytest.raises(ModelError, match=r"--dropout: .* has no place for it"):
        train_model(course(dropout=0.1))
    base = shutil.copytree(encoder, tmp_path / "maskless")
    path = base / "tokenizer_config.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "mask_token": None}))
    with pytest.raises(ModelError, match=r"--masked: .* has no token that hides others"):
        train_model(course(base=base, masked=0.1))
    assert not spent  # nothing was read or looked for before


def test_a_base_for_another_language_is_refused(course, tmp_path):
    context = "温室里种着菠菜。锅炉每天早上六点启动。"
    answer = {"text": "六点", "answer_start": context.index("六点")}
    paragraphs = [
        {"context": f"{context}{n}", "qas": [{"id": f"{n}", "question": f"锅炉每天几点启动{n}？",
                                              "answers": [answer]}]}
        for n in range(5)
    ]  # fmt: skip
    content = {"data": [{"title": "站", "paragraphs": paragraphs}]}
    chinese = write_squad(tmp_path / "zh.json", content)
    with pytest.raises(DatasetError, match=r"does not know .* of the words \(`zh`\)"):
        train_model(course(paths=[chinese]))
    english = train_model(course(out=tmp_path / "english")).out
    with pytest.raises(DatasetError, match=r"the questions are in `zh`, but .* serves `en`"):
        train_model(course(paths=[chinese], base=english))


# -- what comes out


def test_the_command_makes_a_model_that_reads_and_ranks(tmp_path, encoder):
    path = write_squad(tmp_path / "set.json")
    (tmp_path / "LICENSE").write_text("\nCC BY-SA 4.0\n")
    out = tmp_path / "made"
    command = ["train", "reader", str(path), "--base", str(encoder), "--out", str(out)]
    command += ["--dropout", "0.1", "--masked", "0.2", "--window", "64"]
    shown = CliRunner().invoke(app, [*command, "--epochs", "1", "--device", "cpu", "--json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["out"] == str(out)
    names = {each.name for each in out.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= names
    config = Config(
        ranker=RankerConfig(model=str(out)), reader=ReaderConfig(kind="spans", model=str(out))
    )
    roles = open_roles(config)
    assert roles.rankers["en"] is roles.readers["en"]
    assert find_graph(roles.readers["en"].files, "reader-ranker") is not None
    questions = read_squad(path)
    reading = read_contexts(questions, config, reader="spans")
    assert all(reading.predictions[each.question_id] in each.context for each in questions)
    assert len(roles.rankers["en"].relevance("Who?", ["Anna.", ""])) == 2
    assert roles.rankers["en"].ran_by == "onnx"
    text = (out / "README.md").read_text(encoding="utf-8")
    for part in ("CC BY-SA 4.0", find_model(str(encoder), setting="").sha256, "seed 0", "F1 of",
                 "dropout 0.1, 0.2 of the tokens hidden"):  # fmt: skip
        assert part in text
    assert json.loads((out / "config.json").read_text())["citewell"]["length"] == 64


def test_a_ranker_learns_from_judgements_alone(course, tmp_path):
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    documents = [{"_id": f"d{n}", "text": f"Room {n} is blue."} for n in range(12)]
    queries = [{"_id": f"q{n}", "text": f"Which room is number {n}?"} for n in range(12)]
    rows = ["query-id\tcorpus-id\tscore", *(f"q{n}\td{n}\t1" for n in range(12))]
    for name, lines in (("corpus.jsonl", documents), ("queries.jsonl", queries)):
        (folder / name).write_text("".join(json.dumps(each) + "\n" for each in lines))
    (folder / "qrels" / "test.tsv").write_text("\n".join(rows) + "\n")
    done = train_model(course("ranker", [folder]))
    assert done.measured.f1 is None
    assert 0 <= done.measured.ranked <= 1
    model = open_roles(Config(ranker=RankerConfig(model=str(done.out)))).rankers["en"]
    assert (model.ranks, model.reads) == (True, False)


def test_a_trained_model_can_be_trained_further(course, tmp_path):
    first = train_model(course(out=tmp_path / "first")).out
    second = course(out=tmp_path / "second", base=first, learning_rate=0.0)
    made = load_file(train_model(second).out / "model.safetensors")
    for name, weight in load_file(first / "model.safetensors").items():
        assert torch.equal(weight, made[name]), name  # heads too: nothing began again


def test_mistakes_on_the_command_line_are_one_line(tmp_path):
    path = write_squad(tmp_path / "set.json")
    shown = CliRunner().invoke(app, ["train", "reader", str(path), "--device", "tpu"])
    assert "--device: expected auto, cpu, cuda or mps (got tpu)" in str(shown.exception)
