"""Unusable training input is refused in one line before any time is spent."""

import errno
import json
import os
import tempfile

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import change_config, save_encoder
from training_sets import paragraph, squad_content, write_squad

from evaluation.datasets import load_dataset
from evaluation.training import loop
from evaluation.training.loop import Schedule
from evaluation.training.options import TrainingOptions
from evaluation.training.reader import training
from evaluation.training.reader.training import train_model
from rag.errors import DatasetError, ModelError
from rag.models import reader_ranker
from rag.models.reader_ranker import load_reader_ranker


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("base"))


@pytest.fixture
def course(tmp_path, encoder):
    def make(role="reader", path=None, base=encoder, **options):
        fast = {"epochs": 1, "batch_size": 8, "device": "cpu"}
        own = {name: options.pop(name) for name in ("epochs", "learning_rate") if name in options}
        schedule = Schedule(**fast | own, spans=role == "reader")
        path = path or write_squad(tmp_path / "set.json")
        return TrainingOptions(role, [path], str(base), tmp_path / "out", schedule, **options)

    return make


def one_line(error):
    assert "\n" not in str(error.value)
    return str(error.value)


def refused(wanted, kind, match):
    steps = []
    with pytest.raises(kind, match=match) as error:
        train_model(wanted, told=steps.append)
    one_line(error)
    assert steps == []
    assert not wanted.out.exists()


# -- data


@pytest.mark.parametrize("start", [-1, 3, 10_000])
def test_an_answer_that_is_not_where_it_is_said_to_be(course, tmp_path, start):
    content = squad_content()
    content["data"][2]["paragraphs"][0]["qas"][0]["answers"][0]["answer_start"] = start
    path = write_squad(tmp_path / "set.json", content)
    where = f"article 3, paragraph 1: the answer `1952` does not stand at {start}"
    refused(course(path=path), DatasetError, f"{where}.*--repair")
    moved = train_model(course(path=path, repair=True))
    assert moved.lost == 0


@pytest.mark.parametrize("start", [-1, 10_000, "x"])
def test_evidence_that_is_not_in_its_document(course, tmp_path, start):
    folder = tmp_path / "lines"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text(json.dumps({"_id": "d", "text": "It opened in 1905."}))
    piece = {"document": "d", "start": start, "end": 20_000}
    line = {"question": "When?", "answers": ["1905"]}
    for evidence in (piece, {"document": "d", "text": "1905", "start": "x"}):
        rows = json.dumps({**line, "evidence": [evidence]}) + "\n"
        (folder / "questions.jsonl").write_text(rows)
        refused(course(path=folder / "questions.jsonl"), DatasetError, "does not stand in `d`")


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"data": []}, "holds no question"),
        ({"data": [{"title": "a", "paragraphs": []}]}, "holds no question"),
        ({"data": [{"title": "a", "paragraphs": [{"context": None, "qas": []}]}]}, "`context`"),
        (
            {"data": [{"paragraphs": [{"context": "a", "qas": [
                {"id": 1, "question": 5, "answers": []}]}]}]},
            "`question` must be a text",
        ),
        ([], "is not a SQuAD file"),
    ],
)  # fmt: skip
def test_empty_and_malformed_sets(course, tmp_path, changed, match):
    path = tmp_path / "set.json"
    path.write_text(json.dumps(changed))
    refused(course(path=path), DatasetError, match)


def only(kind, count=24):
    content = squad_content(count)
    for article in content["data"]:
        (part,) = article["paragraphs"]
        part["qas"] = [each for each in part["qas"] if bool(each["answers"]) == (kind == "answer")]
    return content


def test_one_kind_of_example_alone_teaches_nothing(course, tmp_path):
    path = write_squad(tmp_path / "set.json", only("no answer"))
    refused(course(path=path), DatasetError, "no answer stands where a document says it")
    path = write_squad(tmp_path / "set.json", only("answer"))
    refused(course(path=path, negatives=0), DatasetError, "none does not answer.*--negatives")
    refused(course("ranker", path, negatives=0), DatasetError, "learns from both")
    assert train_model(course(path=path)).examples  # negatives are found by bm25


def test_a_split_that_leaves_one_kind_to_train_on_is_refused(course, tmp_path):
    content = {"data": [{"title": "a", "paragraphs": [paragraph(1)]}]}
    path = write_squad(tmp_path / "set.json", content)
    refused(course(path=path), DatasetError, "of 1 examples to train on none")


def test_an_out_that_appears_during_the_training_is_not_overwritten(course):
    wanted = course()

    def told(now):
        wanted.out.mkdir(exist_ok=True)
        (wanted.out / "mine").write_text("mine")

    with pytest.raises(ModelError, match=r"cannot be written.*Nothing was installed"):
        train_model(wanted, told=told)
    assert [path.name for path in wanted.out.iterdir()] == ["mine"]


# -- bases


def test_bases_with_damaged_weights(course, tmp_path):
    def base(name):
        folder = save_encoder(tmp_path / name)
        return folder, folder / "model.safetensors"

    folder, weights = base("cut")
    weights.write_bytes(weights.read_bytes()[:2000])
    refused(course(base=folder), ModelError, "is no encoder that can be trained")
    folder, weights = base("noise")
    weights.write_bytes(b"not weights at all" * 100)
    refused(course(base=folder), ModelError, "is no encoder that can be trained")
    folder, weights = base("lacking")
    held = load_file(weights)
    save_file({name: each for name, each in held.items() if "layer.1" not in name}, weights)
    refused(course(base=folder), ModelError, r"no weights for \S*layer\.1\S* and \d+ others")
    folder, weights = base("nan")
    held = load_file(weights)
    next(iter(held.values()))[0] = float("nan")
    save_file(held, weights)
    refused(course(base=folder), ModelError, "weights that are no numbers: it is damaged")


def test_bases_of_another_kind(course, tmp_path):
    folder = save_encoder(tmp_path / "t5")
    change_config(folder, is_encoder_decoder=True)
    refused(course(base=folder), ModelError, "is no encoder alone; give one")
    folder = save_encoder(tmp_path / "unknown")
    change_config(folder, model_type="no such thing")
    refused(course(base=folder), ModelError, "--base")


def test_a_training_that_goes_astray_installs_nothing(course, monkeypatch):
    wanted = course()
    real = loop._Run.finish

    def finish(run):
        real(run)
        with torch.no_grad():
            next(run.model.parameters())[0] = float("nan")

    monkeypatch.setattr(loop._Run, "finish", finish)
    with pytest.raises(ModelError, match=r"went astray.*smaller --learning-rate") as error:
        train_model(wanted)
    one_line(error)
    assert not wanted.out.exists()


# -- disks and interruptions


@pytest.mark.parametrize(
    ("module", "name"),
    [(loop, "save_file"), (reader_ranker, "save_file"), (training, "write_trained_on"),
     (tempfile, "mkdtemp")],
    ids=["checkpoint", "weights", "trained_on", "folder"],
)  # fmt: skip
def test_a_disk_that_is_full_at_any_point_installs_nothing(course, monkeypatch, module, name):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    wanted = course()
    with monkeypatch.context() as patch:
        patch.setattr(module, name, full)
        with pytest.raises(ModelError, match=r"No space left on device\..* Nothing was") as error:
            train_model(wanted)
    one_line(error)
    assert not wanted.out.exists()
    assert not list(wanted.out.parent.glob(".out.*"))
    train_model(wanted)
    load_reader_ranker(wanted.out)


def test_a_second_ctrl_c_ends_it_at_once_and_the_next_run_goes_on(course, monkeypatch):
    wanted = course(epochs=20)

    def told(now):
        if now.step in (5, 12):
            raise KeyboardInterrupt

    def again(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(reader_ranker, "save_file", again)
        with pytest.raises(KeyboardInterrupt):
            train_model(wanted, told=told)
    assert not wanted.out.exists()
    assert not list(wanted.out.parent.glob(".out.*"))
    done = train_model(wanted, told=told)  # interrupted once more, where it was
    assert done.ended.step == 12
    load_reader_ranker(wanted.out)


def test_sets_are_read_as_they_were(tmp_path):
    assert len(load_dataset(write_squad(tmp_path / "set.json", count=3)).questions) == 6
