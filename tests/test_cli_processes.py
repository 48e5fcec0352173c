"""The command line in processes of its own: what is loaded, printed and piped."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runs import SENTENCES
from places import ROOT

# A command, then the names of the modules that were imported for it.
LOADED = "import sys; from ui.commands.main import main\ntry: main()\nfinally: print(*sys.modules)"
# The same where the libraries that a processor does without are not installed.
LARGE = ("torch", "transformers", "sentence_transformers")
WITHOUT = f"import sys\nfor name in {LARGE}: sys.modules[name] = None\n"


def loaded(*arguments, before=""):
    """Run a command in a process of its own; its last line names the modules it imported."""
    return subprocess.run(
        [sys.executable, "-c", before + LOADED, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["--help"], 0), (["--version"], 0), (["config"], 1), (["ask", "x", "--config", "no"], 1)],
)
def test_help_and_a_configuration_mistake_load_nothing_heavy(arguments, status):
    Path("rag.yaml").write_text("x: 1")
    ran = loaded(*arguments)
    assert ran.returncode == status, ran.stderr
    heavy = {"torch", "haystack", "transformers", "sentence_transformers", "faiss", "tantivy"}
    assert not heavy & set(ran.stdout.split())


def test_a_keyword_search_imports_no_model(rag, docs):
    rag("index", docs)
    ran = loaded("search", "dog", "--method", "bm25")
    assert ran.returncode == 0 and "Juno" in ran.stdout, ran.stderr
    models = {"torch", "transformers", "sentence_transformers", "onnxruntime", "tokenizers"}
    assert not (models | {"posthog", "scipy"}) & set(ran.stdout.split())


def test_a_processor_indexes_searches_and_asks_without_torch(docs):
    for command in (
        ["index", docs],
        ["search", "What is the dog called?"],
        ["ask", "What is the dog called?"],
        ["doctor"],
    ):
        ran = loaded(*command, before=WITHOUT)
        assert ran.returncode == 0, ran.stderr
        assert "Juno" in ran.stdout or command[0] not in ("search", "ask")


def test_a_question_in_a_process_of_its_own_gets_a_cited_answer_and_no_noise(rag, docs):
    rag("index", docs)
    asked = loaded("ask", "What is the dog called?", "--json")
    assert (asked.returncode, asked.stderr) == (0, "")
    printed, _, modules = asked.stdout.rstrip().rpartition("\n")
    assert not {*LARGE, "networkx", "httpx"} & set(modules.split())
    answer = json.loads(printed)
    assert "Juno" in answer["answer"]
    for citation in answer["citations"]:
        assert citation["quote"] in SENTENCES[Path(citation["source"]).name]


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_a_reader_that_leaves_early_is_no_error(rag, docs):
    rag("index", docs)
    rag_ = f"{sys.executable} -m ui collections show default"
    ran = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", f"{rag_} | true"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert ran.stderr == ""
