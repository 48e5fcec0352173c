"""The shape of the code base: who may import whom, and what no file may be called or hold."""

import ast
import os
import subprocess
import sys
from functools import cache

import pytest
from places import ROOT

LAYERS = ["rag", "indexing", "evaluation", "ui"]  # each may import those to its left
HEAVY = {
    "haystack",
    "torch",
    "transformers",
    "sentence_transformers",
    "faiss",
    "tantivy",
    "fastapi",
    "uvicorn",
    "mcp",
}
FENCES = {
    "streamlit": ["ui"],
    "fastapi": ["ui/api"],
    "uvicorn": ["ui/commands/servers.py"],
    "mcp": ["ui/mcp_tools.py"],
    "elasticsearch": ["rag/stores/elasticsearch"],
    "faiss": ["rag/stores/indexes"],
    "tantivy": ["rag/stores/indexes"],
    "torch": ["rag/models", "rag/answers/generators", "evaluation/training"],
    "matplotlib": ["evaluation/report/rendering"],
    "jinja2": ["evaluation/report/rendering", "rag/answers/generators"],
    "sentence_transformers": ["rag/models", "evaluation/training/embedder"],
}
UNSAFE_MODULES = {"pickle", "dill", "joblib", "shelve", "marshal"}
LIGHT = [
    "rag",
    "rag.config",
    "rag.schema",
    "rag.errors",
    "rag.console",
    "rag.collections",
    "rag.answers.prompts",
    "rag.language.analysis",
    "rag.language.sentences",
    "rag.answers.citations",
    "rag.retrieval.follow_ups",
    "evaluation.metrics",
    "ui.commands.main",
]
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX processes")


def sources(folder):
    return sorted(path for path in (ROOT / folder).rglob("*.py"))


@cache
def nodes_of(path):
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def imported_roots(path):
    found = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_down(layer):
    above = set(LAYERS[LAYERS.index(layer) + 1 :])
    for path in sources(layer):
        assert not above & imported_roots(path), path


@pytest.mark.parametrize("library", FENCES)
def test_heavy_libraries_stay_behind_their_fences(library):
    for layer in LAYERS:
        for path in sources(layer):
            if library in imported_roots(path):
                inside = str(path.relative_to(ROOT))
                assert any(inside.startswith(fence) for fence in FENCES[library]), inside


def test_no_page_shadows_a_module():
    # `streamlit run ui/app.py` puts ui/ first on sys.path, so ui/rag.py would hide the package rag.
    taken = sys.stdlib_module_names | set(LAYERS) | {"docker", "haystack", "streamlit", "torch"}
    assert not taken & {path.stem for path in sources("ui")}


def test_only_the_four_packages_are_importable():
    for folder in ("docker", "tests", "benchmarks", "tools"):
        assert not list((ROOT / folder).rglob("__init__.py")), folder


# Forks a process for each module, so that each is the first of its own process to be imported.
EACH_FIRST = """
import importlib, os, sys
import {before}
for module in {modules!r}:
    if not os.fork():
        importlib.import_module(module)
        {then}
        print(module, *found, flush=True)
        os._exit(0)
    assert os.wait()[1] == 0, module
"""


def found_after_each(modules, then, *, before, environment=None):
    """Results of `then` once a module is imported, by module; `before` is imported by all."""
    code = EACH_FIRST.format(modules=modules, then=then, before=before)
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    found = {module: words for module, *words in map(str.split, done.stdout.splitlines())}
    assert list(found) == modules
    return found


@forks
def test_importing_it_loads_nothing_heavy():
    then = f"found = {HEAVY!r} & set(sys.modules)"
    found = found_after_each(LIGHT, then, before="numpy, pydantic, typer, yaml")
    assert found == {module: [] for module in LIGHT}


@forks
def test_haystack_reports_nothing_to_its_makers_whatever_is_imported_first():
    modules = [
        "rag.stores.embedded.store",
        "rag.engine",
        "indexing.pipeline",
        "ui.services",
        "ui.mcp_tools",
    ]
    then = "from haystack.telemetry import _telemetry as t; found = [t.telemetry]"
    environment = {k: v for k, v in os.environ.items() if k != "HAYSTACK_TELEMETRY_ENABLED"}
    found = found_after_each(modules, then, before="faiss, torch", environment=environment)
    assert found == {module: ["None"] for module in modules}


def test_nothing_that_can_run_code_is_used_to_store_data():
    for layer in LAYERS:
        for path in sources(layer):
            assert not UNSAFE_MODULES & imported_roots(path), path
            for node in nodes_of(path):
                if isinstance(node, ast.Call):
                    name = ast.unparse(node.func)
                    assert name not in ("eval", "exec", "os.system", "yaml.load"), (path, name)
                    for keyword in node.keywords:
                        unsafe = (keyword.arg, ast.unparse(keyword.value))
                        assert unsafe not in (
                            ("shell", "True"),
                            ("allow_pickle", "True"),
                            ("trust_remote_code", "True"),
                            ("unsafe", "True"),
                        ), (path, unsafe)


def test_files_and_functions_stay_small():
    for layer in LAYERS:
        for path in sources(layer):
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path
            for node in nodes_of(path):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    length = node.end_lineno - node.lineno + 1
                    documented = ast.get_docstring(node) or ""
                    assert length - documented.count("\n") <= 50, (path, node.name, length)


def test_nothing_is_printed_but_by_the_command_line():
    for layer in LAYERS:
        for path in sources(layer):
            calls = (node for node in nodes_of(path) if isinstance(node, ast.Call))
            assert "print" not in {ast.unparse(call.func) for call in calls}, path
