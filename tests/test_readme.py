"""The README's commands and claims hold."""

import re
import shlex

import pytest
from places import ROOT
from typer.testing import CliRunner

from rag.config import Config
from ui.commands.main import app

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line.removeprefix("$ ").partition("  #")[0].strip()
    for language, block in BLOCKS
    if language == "console"
    for line in block.splitlines()
    if line.startswith("$ ")
]


def test_the_readme_is_short_and_success_comes_early():
    lines = README.splitlines()
    assert len(lines) <= 200
    assert next(n for n, line in enumerate(lines, 1) if "make demo" in line) <= 30


def test_the_two_commands_stand_in_the_readme_and_in_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "test"):
        assert f"make {target}" in COMMANDS
    for target in ("demo", "test", "test-all", "check", "format"):
        assert f"`make {target}`" in README or f"make {target}" in COMMANDS
        assert f"\n{target}:" in makefile


def test_ci_runs_the_commands_of_the_readme():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make demo" in ci
    assert "make test-all CHECK=--check" in ci  # what `make test` runs, and everything else


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("rag ")])
def test_every_rag_command_of_the_readme_exists_with_its_options(command):
    words = shlex.split(command)[1:]
    names = []
    for word in words:
        if not re.fullmatch(r"[a-z]+", word) or len(names) == 2:
            break
        names.append(word)
    names = names[:2] if names[:1] in (["collections"], ["evaluate"]) else names[:1]
    if names == ["evaluate"]:
        names.append("run")  # the default
    shown = CliRunner().invoke(app, [*names, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert shown.exit_code == 0, (command, shown.output)
    for word in words:
        if word.startswith("--"):
            assert word in shown.output, (command, word)


def test_every_setting_named_in_the_readme_exists():
    known = {
        f"{name}.{key}"
        for name, section in Config().model_dump().items()
        if section
        for key in section
    }
    sections = "|".join(Config.model_fields)
    for name in re.findall(rf"`((?:{sections})\.\w+)`", README):
        assert name in known or name.startswith(("generator.", "ranker.")), name


def test_every_file_named_in_the_readme_exists():
    for target in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (ROOT / target).exists(), target
    for name in re.findall(r"`(\w+/[\w/]+\.(?:py|yaml|md|json|toml))`", README):
        assert (ROOT / name).exists(), name
