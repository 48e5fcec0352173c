"""A promoted model is installed whole or not at all; the commands that promote and forget."""

import contextlib
import errno
import json
import os
import shutil

import pytest
from promotions import content_of, farms, held_out
from training_sets import write_squad
from typer.testing import CliRunner

from evaluation.training.promotion import installed_models
from rag import files
from rag.errors import ModelError
from rag.models import default_models
from rag.models.default_models import SHIPPED, model_for, promoted_folder
from rag.models.model_files import find_model
from ui.commands.main import app

pytestmark = pytest.mark.usefixtures("promotion_home")

# -- installing


def test_a_model_is_installed_and_the_one_before_comes_back(model):
    shipped = model_for("reader", "en")
    assert installed_models.list_promoted() == []
    for content in "ab":
        installed_models.install(model(content), "reader", "en")
        assert content_of() == content
        assert model_for("reader", "en") == "promoted/reader-en"
        assert (promoted_folder("promoted/reader-en") / "1_Pooling" / "config.json").is_file()
    assert find_model("promoted/reader-en", setting="").origin == "trained here"
    (found,) = installed_models.list_promoted()
    assert (found.role, found.language, found.before) == ("reader", "en", True)
    assert installed_models.forget("reader", "en") == "promoted/reader-en"
    assert content_of() == "a"
    assert installed_models.forget("reader", "en") == shipped
    assert model_for("reader", "en") == shipped
    with pytest.raises(ModelError, match=r"no reader for `en` was promoted \(promoted: none\)"):
        installed_models.forget("reader", "en")
    assert [path.name for path in promoted_folder("").iterdir()] == [".lock"]


class KilledError(BaseException):
    """The process is gone: nothing is tidied up."""


@pytest.mark.parametrize("at", range(8))
def test_an_installation_that_is_killed_leaves_the_old_or_the_new(model, monkeypatch, at):
    installed_models.install(model("a"), "reader", "en")
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
            installed_models.install(model("b"), "reader", "en")
    # 5 files and folders are synced, then two names are given, then the folder is synced.
    assert left[0] < 0
    installed_models.install(model("c"), "ranker", "en")  # whoever comes next puts it in order
    assert content_of() == ("b" if at == 7 else "a")
    assert not list(promoted_folder("").glob("*.tmp"))


def test_a_full_disk_keeps_what_is_in_use(model, monkeypatch):
    installed_models.install(model("a"), "reader", "en")
    other = model("b")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for module, name in ((shutil, "copytree"), (files, "sync_file"), (files, "rename")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, full)
            with pytest.raises(ModelError, match=r"No space left.*What was in use stays") as error:
                installed_models.install(other, "reader", "en")
        assert "\n" not in str(error.value)
        assert content_of() == "a"
        assert not list(promoted_folder("").glob("*.tmp")) or name == "rename"
    installed_models.install(other, "reader", "en")
    assert content_of() == "b"


# -- the commands


def run(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_a_reader_that_is_better_is_used_from_now_on(tmp_path, encoder):
    path = farms(tmp_path / "set.json", range(1, 90, 3))
    held = farms(tmp_path / "held.json", range(0, 90, 3))
    out = tmp_path / "made"
    options = ("--base", encoder, "--epochs", "30", "--learning-rate", "1e-2", "--device", "cpu")
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
    monkeypatch.setattr(default_models, "SHIPPED", {**SHIPPED, "reader": {}, "ranker": {}})
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "dog.md").write_text("# Juno\n\nThe dog of the station is called Juno.")
    assert run("index", tmp_path / "docs").exit_code == 0
    held = animals(tmp_path)
    installed_models.install(encoder, "embedder", "en")  # of random weights
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
    assert installed_models.list_promoted() == []
