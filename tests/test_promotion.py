"""A trained model takes the place of the one in use if it is really better, and gives it back."""

import contextlib
import errno
import json
import os
import shutil

import pytest
from tiny_models import save_encoder
from training_sets import squad_content, write_squad
from typer.testing import CliRunner

from evaluation.datasets.schema import Dataset, Gold, JudgedQuestion, SourceDocument
from evaluation.training import promoted, scores
from evaluation.training.course import Course, train_model
from evaluation.training.loop import Schedule
from evaluation.training.promotion import Examination, is_better, judge, verdict_line
from evaluation.training.scores import score_embedder, score_ranker, score_reader
from evaluation.training.trial import (
    Asked,
    Trial,
    make_trial,
    mark_of,
    trained_on,
    trial_of_rest,
    trial_of_sets,
    write_trained_on,
)
from rag.bundled import SHIPPED, model_for, promoted_folder
from rag.errors import DatasetError, ModelError
from rag.models import find_model
from rag.stores import files
from ui.cli import app


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A data folder of its own, and no readers and rankers that are shipped."""
    monkeypatch.setenv("RAG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("rag.bundled.SHIPPED", {**SHIPPED, "reader": {}, "ranker": {}})
    return tmp_path / "home"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("base"))


@pytest.fixture
def model(tmp_path):
    """A folder that passes for a model, as far as installing goes."""

    def make(content="a"):
        folder = tmp_path / f"model-{content}"
        (folder / "1_Pooling").mkdir(parents=True)
        (folder / "model.safetensors").write_text(content)
        (folder / "config.json").write_text("{}")
        (folder / "1_Pooling" / "config.json").write_text("{}")
        return folder

    return make


def farms(path, numbers):
    """A set of some farms."""
    data = squad_content(count=max(numbers) + 1)["data"]
    return write_squad(path, {"data": [data[number] for number in numbers]})


def held_out(tmp_path, count=24):
    """A set of other farms than the first few hundred."""
    return farms(tmp_path / "held.json", range(500, 500 + count))


def content_of(role="reader", language="en"):
    folder = promoted_folder(f"promoted/{role}-{language}")
    return (folder / "model.safetensors").read_text()


# -- the judgement


def trial_of(count, *, per_cluster=1):
    asked = [
        Asked(0, JudgedQuestion(f"q{n}", f"Why {n}?", cluster=f"c{n // per_cluster}"), (),
              frozenset("p"))
        for n in range(count)
    ]  # fmt: skip
    return Trial(tuple(asked), ((),), "a set")


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
    course = Course("reader", [path], str(encoder), tmp_path / "out", Schedule(epochs=0.1))
    with pytest.raises(KeyError):
        train_model(course, checked=lambda data: (seen.append(data), {}["stop"]))
    (data,) = seen
    trial = trial_of_rest(data).usable("reader")
    trained = {example.question for example in data.examples}
    assert trial.asked
    assert not {each.question.question for each in trial.asked} & trained
    assert {each.question.question for each in trial.asked} <= {
        example.question for example in data.held_back
    }


def test_questions_that_a_model_was_trained_on_are_left_out(tmp_path, model):
    trial = trial_of_sets([held_out(tmp_path, count=40)]).usable("reader")
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
    course = Course("reader", [path], str(encoder), tmp_path / "out",
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
    return make_trial([Dataset("made", None, "documents", tuple(questions), tuple(documents))], "")


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
    trial = trial_of_sets([write_squad(tmp_path / "set.json", content)]).usable("reader")
    # Six words but the article, one of them right: precision 1/6, recall 1.
    assert score_reader(trial, None) == pytest.approx([2 / 7])


# -- before a training


def test_too_few_questions_are_refused_before_anything_is_trained(tmp_path, encoder):
    path = write_squad(tmp_path / "set.json", count=24)
    course = Course("reader", [path], str(encoder), tmp_path / "out", Schedule(epochs=0.1))
    steps = []
    with pytest.raises(DatasetError, match=r"at least 20 .*there are \d .* --held-out") as error:
        train_model(course, told=steps.append, checked=Examination("reader").prepare)
    assert "\n" not in str(error.value)
    assert steps == []
    assert not (tmp_path / "out.training").exists()
    few = held_out(tmp_path, count=19)
    with pytest.raises(DatasetError, match=r"there are 19 questions of `held\.json`"):
        train_model(course, checked=Examination("reader", [few]).prepare)


def test_questions_in_another_language_than_the_model_are_refused(tmp_path):
    content = squad_content(count=30)
    for number, article in enumerate(content["data"]):
        (paragraph,) = article["paragraphs"]
        for asked in paragraph["qas"]:
            asked["question"] = f"第{number}个农场的{asked['id']}在哪里？"
    trial = trial_of_sets([write_squad(tmp_path / "zh.json", content)])
    with pytest.raises(DatasetError, match=r"are in `zh`, the model is for `en`"):
        Examination("reader").prepare_trial(trial, "en")
    examination = Examination("reader")
    examination.prepare_trial(trial)
    assert (examination.language, examination.old) == ("zh", model_for("reader", "zh"))


# -- installing


def test_a_model_is_installed_and_the_one_before_comes_back(model):
    shipped = model_for("reader", "en")
    assert promoted.list_promoted() == []
    for content in "ab":
        promoted.install(model(content), "reader", "en")
        assert content_of() == content
        assert model_for("reader", "en") == "promoted/reader-en"
        assert (promoted_folder("promoted/reader-en") / "1_Pooling" / "config.json").is_file()
    assert find_model("promoted/reader-en", setting="").origin == "trained here"
    (found,) = promoted.list_promoted()
    assert (found.role, found.language, found.before) == ("reader", "en", True)
    assert promoted.forget("reader", "en") == "promoted/reader-en"
    assert content_of() == "a"
    assert promoted.forget("reader", "en") == shipped
    assert model_for("reader", "en") == shipped
    with pytest.raises(ModelError, match=r"no reader for `en` was promoted \(promoted: none\)"):
        promoted.forget("reader", "en")
    assert [path.name for path in promoted_folder("").iterdir()] == [".lock"]


class KilledError(BaseException):
    """The process is gone: nothing is tidied up."""


@pytest.mark.parametrize("at", range(8))
def test_an_installation_that_is_killed_leaves_the_old_or_the_new(model, monkeypatch, at):
    promoted.install(model("a"), "reader", "en")
    left = [at]

    def until_then(call):
        def counted(*values):
            left[0] -= 1
            if left[0] < 0:
                raise KilledError
            return call(*values)

        return counted

    with monkeypatch.context() as patch:
        patch.setattr(files, "remove", lambda path: None)  # a killed process removes nothing
        for name in ("sync_file", "sync_folder", "rename"):
            patch.setattr(files, name, until_then(getattr(files, name)))
        with contextlib.suppress(KilledError):
            promoted.install(model("b"), "reader", "en")
    # 5 files and folders are synced, then two names are given, then the folder is synced.
    assert left[0] < 0
    promoted.install(model("c"), "ranker", "en")  # whoever comes next puts it in order
    assert content_of() == ("b" if at == 7 else "a")
    assert not list(promoted_folder("").glob("*.tmp"))


def test_a_full_disk_keeps_what_is_in_use(model, monkeypatch):
    promoted.install(model("a"), "reader", "en")
    other = model("b")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for module, name in ((shutil, "copytree"), (files, "sync_file"), (files, "rename")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, full)
            with pytest.raises(ModelError, match=r"No space left.*What was in use stays") as error:
                promoted.install(other, "reader", "en")
        assert "\n" not in str(error.value)
        assert content_of() == "a"
        assert not list(promoted_folder("").glob("*.tmp")) or name == "rename"
    promoted.install(other, "reader", "en")
    assert content_of() == "b"


# -- the commands


def run(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_a_reader_that_is_better_is_used_from_now_on(tmp_path, encoder):
    path = farms(tmp_path / "set.json", [n for n in range(90) if n % 3])
    held = farms(tmp_path / "held.json", range(0, 90, 3))
    out = tmp_path / "made"
    options = ("--base", encoder, "--epochs", "40", "--learning-rate", "5e-3", "--device", "cpu")
    shown = run("train", "reader", path, "--held-out", held, "--out", out, *options, "--promote",
                "--json")  # fmt: skip
    assert shown.exit_code == 0, shown.output
    said = json.loads(shown.stdout)
    assert said["promoted"], said
    found = said["comparison"]
    assert found["n"] == 30
    assert found["old"] == "sentences"
    assert found["new_mean"] > found["old_mean"] + 0.2
    assert (found["name"], found["low"] > 0) == ("promoted/reader-en", True)
    assert model_for("reader", "en") == "promoted/reader-en"
    folder = promoted_folder("promoted/reader-en")
    assert (folder / "model.safetensors").read_bytes() == (out / "model.safetensors").read_bytes()
    assert "measuring" in shown.stderr
    listed = json.loads(run("train", "forget", "--json").stdout)["promoted"]
    assert [(each["role"], each["language"]) for each in listed] == [("reader", "en")]
    # It is as good as itself: not better, and so it stays.
    shown = run("train", "promote", "reader", out, "--held-out", held)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("Not promoted: F1 ")
    assert shown.stdout.count("\n") == 1
    assert "`promoted/reader-en` is kept" in shown.stdout
    shown = run("train", "forget", "reader", "en")
    assert "used now: none" in shown.stdout
    assert run("train", "forget").stderr == "No model was promoted yet.\n"


def test_a_ranker_that_is_not_better_is_not_used(tmp_path, encoder):
    path, out = write_squad(tmp_path / "set.json", count=60), tmp_path / "made"
    held = held_out(tmp_path, count=25)
    shown = run("train", "ranker", path, "--held-out", held, "--out", out, "--base", encoder,
                "--epochs", "0.2", "--device", "cpu", "--promote", "--json")  # fmt: skip
    assert shown.exit_code == 0, shown.output
    said = json.loads(shown.stdout)
    assert said["promoted"] is False
    assert said["comparison"]["old"] == "the order of bm25"
    assert said["comparison"]["name"] is None
    assert model_for("ranker", "en") is None
    assert out.is_dir()  # it can be used by its folder


def test_an_embedder_that_is_better_takes_its_collections_along(tmp_path, encoder, monkeypatch):
    monkeypatch.setattr("rag.bundled.SHIPPED", {**SHIPPED, "reader": {}, "ranker": {}})
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "dog.md").write_text("# Juno\n\nThe dog of the station is called Juno.")
    assert run("index", tmp_path / "docs").exit_code == 0
    held = animals(tmp_path)
    promoted.install(encoder, "embedder", "en")  # of random weights
    good = find_model("all-MiniLM-L6-v2", setting="").folder
    shown = run("train", "promote", "embedder", good, "--held-out", held, "--collection", "default",
                "--json")  # fmt: skip
    assert shown.exit_code == 0, shown.output
    said = json.loads(shown.stdout)
    assert said["promoted"], said
    assert said["comparison"]["old"] == "promoted/embedder-en"
    (renewed,) = said["reembedded"]
    assert (renewed["embedder"], renewed["passages"]) == ("promoted/embedder-en", 1)
    manifest = json.loads(run("collections", "show", "default", "--json").stdout)["manifest"]
    assert (manifest["embedder"], manifest["dimension"]) == ("promoted/embedder-en", 384)
    shown = run("train", "promote", "embedder", encoder, "--held-out", held, "--collection",
                "default", "--json")  # fmt: skip
    said = json.loads(shown.stdout)
    assert (said["promoted"], "reembedded" in said) == (False, False)


def animals(tmp_path):
    """Questions whose words are not in their texts."""
    pairs = [("puppy", "dog"), ("kitten", "cat"), ("lamb", "sheep"), ("foal", "horse"),
             ("calf", "cow"), ("piglet", "pig"), ("chick", "hen"), ("cub", "bear"),
             ("tadpole", "frog"), ("automobile", "car"), ("vessel", "ship"), ("jet", "plane"),
             ("bicycle", "bike"), ("physician", "doctor"), ("attorney", "lawyer"),
             ("instructor", "teacher"), ("infant", "baby"), ("residence", "house"),
             ("ocean", "sea"), ("beverage", "drink"), ("rain", "umbrella"), ("bread", "bakery"),
             ("tooth", "dentist"), ("letter", "postman")]  # fmt: skip
    folder = tmp_path / "animals"
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": f"d{n}", "text": f"A {text}."} for n, (_, text) in enumerate(pairs)]
    queries = [{"_id": f"q{n}", "text": f"Where is the {asked}?"}
               for n, (asked, _) in enumerate(pairs)]  # fmt: skip
    rows = ["query-id\tcorpus-id\tscore", *(f"q{n}\td{n}\t1" for n in range(len(pairs)))]
    for name, lines in (("corpus.jsonl", corpus), ("queries.jsonl", queries)):
        (folder / name).write_text("".join(json.dumps(each) + "\n" for each in lines))
    (folder / "qrels" / "test.tsv").write_text("\n".join(rows) + "\n")
    return folder


def test_mistakes_of_the_commands_are_one_line(tmp_path, encoder):
    held = held_out(tmp_path, count=25)
    for command, part in (
        (("promote", "cook", encoder, "--held-out", held), "ROLE: expected embedder, reader or"),
        (("promote", "reader", encoder, "--held-out", held, "--collection", "c"), "--collection:"),
        (("promote", "reader", tmp_path / "no", "--held-out", held), "no model folder"),
        (("promote", "reader", encoder, "--held-out", held), "has no head for answers"),
        (("promote", "ranker", encoder, "--held-out", held), "is no ranker"),
        (("promote", "reader", encoder, "--held-out", tmp_path / "no.json"), "no data set"),
        (("forget", "reader"), "LANGUAGE: name one, such as: rag train forget reader en"),
        (("forget", "reader", "en"), "no reader for `en` was promoted (promoted: none)"),
    ):
        shown = run("train", *command)
        assert shown.exit_code == 1, command
        assert part in str(shown.exception), shown.exception
        assert "\n" not in str(shown.exception)
    assert promoted.list_promoted() == []
