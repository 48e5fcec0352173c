"""`~` in paths: the home folder wherever a shell left it, in every option of every command."""

import inspect
from pathlib import Path
from typing import get_args

import pytest
from evaluation_sets import write_squad
from typer.testing import CliRunner

from evaluation.run.systems import resolve_systems
from rag.config import Config, data_folder
from rag.config.paths import expanded
from rag.errors import ModelError
from rag.models.model_files import find_model
from ui.commands.main import app
from ui.services import open_services


def path_options(group=app, name="rag"):
    """Yield (command and parameter, typer's facts) for every parameter that is a path."""
    for each in group.registered_commands:
        command = f"{name} {each.name or each.callback.__name__}"
        for parameter in inspect.signature(each.callback, eval_str=True).parameters.values():
            kind, *facts = get_args(parameter.annotation) or (parameter.annotation,)
            if kind is Path or Path in _within(kind):
                yield f"{command} {parameter.name}", facts[0]
    for each in group.registered_groups:
        yield from path_options(each.typer_instance, f"{name} {each.name}")


def _within(kind):
    return {kind}.union(*(_within(each) for each in get_args(kind)))


PATHS = dict(path_options())


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))


def test_commands_of_every_kind_are_looked_at():
    ask = {"rag index paths", "rag ask config", "rag collections show config"}
    evaluate = {"rag evaluate run out", "rag evaluate gate baseline", "rag evaluate convert out"}
    train = {"rag train reader held_out", "rag train embedder cloze", "rag train promote held_out"}
    assert ask | evaluate | train <= set(PATHS)


@pytest.mark.parametrize("name", PATHS)
def test_a_tilde_is_the_home_folder_in_every_path_of_every_command(name, tmp_path):
    assert PATHS[name].parser("~/x/y") == tmp_path / "x" / "y"


def test_only_a_tilde_at_the_start_counts_and_an_unknown_name_stays(tmp_path):
    found = [str(expanded(each)) for each in ("~", "a/~", "./~x", "~nobody-here/x", "/~")]
    assert found == [str(tmp_path), "a/~", "~x", "~nobody-here/x", "/~"]


def test_commands_read_and_write_below_the_home_folder(tmp_path):
    write_squad(tmp_path / "set.json")
    for out in ("~/new/out.json", "~/new/out2.json"):
        shown = CliRunner().invoke(app, ["evaluate", "convert", "~/set.json", out])
        assert shown.exit_code == 0, shown.exception
    assert len(list((tmp_path / "new").iterdir())) == 2
    again = CliRunner().invoke(app, ["evaluate", "questions", "--out=~/new/out.json"])
    assert f"`{tmp_path}/new/out.json` exists" in str(again.exception)


def test_a_file_of_systems_may_be_in_the_home_folder(tmp_path):
    (tmp_path / "systems.yaml").write_text("few: {retrieval.top_k: 2}\n")
    assert [each.name for each in resolve_systems("~/systems.yaml", Config())] == ["few"]


def test_a_home_folder_that_nobody_has_is_an_error_in_words():
    assert str(data_folder({"RAG_HOME": "~nobody-here/x"})) == "~nobody-here/x"
    with pytest.raises(ModelError, match="there is no model folder `~nobody-here/x`"):
        find_model("~nobody-here/x", setting="embedder.model")


def test_the_folder_of_runs_in_the_configuration(tmp_path):
    (tmp_path / "my-runs" / "one").mkdir(parents=True)
    (tmp_path / "my-runs" / "one" / "results.json").write_text("{}")
    services = open_services(Config(server={"runs": "~/my-runs"}))
    try:
        assert [each.name for each in services.runs.list()] == ["one"]
    finally:
        services.close()
