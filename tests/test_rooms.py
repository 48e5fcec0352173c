"""The rooms of the code base: what may import what, without circles, and none too full.

A room is a folder of a package. `ROOMS` lists them from the bottom to the top: a module imports
from its own room and from those listed before it; a folder and the rooms inside it may use each
other, as long as no module imports itself in a circle. The modules that stand directly in `rag` are
two rooms: `CORE`, which everybody may use, and the flow of a question on top of the other rooms.
"""

import ast
import re
from collections import defaultdict

import pytest
from places import ROOT

PACKAGES = ("rag", "indexing", "evaluation", "ui")
CORE = {
    "rag.clock", "rag.console", "rag.deferred_imports", "rag.errors", "rag.files", "rag.schema",
    "rag.sqlite_file", "rag.view",
}  # fmt: skip
FLOW = "rag (flow)"
ROOMS = [
    "rag (core)",
    "rag.config",
    "rag.language",
    "rag.stores",
    "rag.stores.indexes",
    "rag.stores.embedded",
    "rag.stores.elasticsearch",
    "rag.models",
    "rag.retrieval",
    "rag.reading",
    "rag.answers.generators",
    "rag.answers",
    FLOW,
    "indexing.converters",
    "indexing.converters.text",
    "indexing.converters.formats",
    "indexing.converters.formats.docx",
    "indexing.converters.formats.pdf",
    "indexing.converters.process",
    "indexing.views",
    "indexing",
    "evaluation",
    "evaluation.datasets",
    "evaluation.metrics",
    "evaluation.results",
    "evaluation.question_making",
    "evaluation.run",
    "evaluation.report",
    "evaluation.report.rendering",
    "evaluation.report.sections",
    "evaluation.report.comparison",
    "evaluation.answers",
    "evaluation.speed",
    "evaluation.training",
    "evaluation.training.data",
    "evaluation.training.promotion",
    "evaluation.training.embedder",
    "evaluation.training.reader",
    "ui",
    "ui.words",
    "ui.design",
    "ui.services",
    "ui.render",
    "ui.panels",
    "ui.views",
    "ui.api",
    "ui.commands",
]
MOST_MODULES = 20


def modules():
    """Return module name -> file of all packages."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def room_of(module):
    if module.partition(".")[0] == "rag" and module.count(".") < 2:
        if module in CORE:
            return "rag (core)"
        if module == "rag" or MODULES[module].name != "__init__.py":
            return FLOW
    return module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]


def imported(path):
    """Yield the names of our modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                name = full if full in MODULES else node.module
                if name in MODULES:
                    yield name


@pytest.fixture(scope="module")
def imports():
    """Module -> the modules of ours that it imports."""
    return {name: set(imported(path)) - {name} for name, path in MODULES.items()}


def test_every_room_is_known():
    assert {room_of(module) for module in MODULES} == set(ROOMS)


def test_no_arrow_runs_upwards(imports):
    place = {room: number for number, room in enumerate(ROOMS)}
    upwards = []
    for module, others in imports.items():
        for other in others:
            here, there = room_of(module), room_of(other)
            inside = f"{here}.".startswith(f"{there}.") or f"{there}.".startswith(f"{here}.")
            if place[there] > place[here] and not inside:
                upwards.append(f"{module} -> {other}")
    assert not upwards


def test_no_modules_import_each_other_in_a_circle(imports):
    left = {name: set(others) for name, others in imports.items()}
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:  # it stands on nothing that is left
            del left[name]
    assert not left, sorted(left)


def test_no_room_is_too_full():
    count = defaultdict(int)
    for path in MODULES.values():
        count[path.parent.relative_to(ROOT).as_posix()] += 1
    assert not {room: number for room, number in count.items() if number > MOST_MODULES}


def test_a_class_name_stands_for_one_thing():
    places = defaultdict(list)
    for module, path in MODULES.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append(module)
    assert not {name: modules for name, modules in places.items() if len(modules) > 1}


def test_the_page_on_architecture_names_every_room():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    paths = _paths(text.split("```")[1])
    assert all((ROOT / each).is_dir() for each in paths)
    folders = {path.parent.relative_to(ROOT).as_posix() for path in MODULES.values()}
    assert folders - paths == set(), "not in ARCHITECTURE.md"


def test_the_page_on_architecture_has_files_to_read_first_that_exist():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    first = text.split("## Ten files to read first")[1]
    files = re.findall(r"^\d+\. `([^`]+)`", first, re.M)
    assert len(files) == 10
    assert all((ROOT / each).exists() for each in files)


def test_docstrings_say_the_thing_itself():
    begins = {
        f"{module}:{getattr(node, 'lineno', 1)}"
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and (ast.get_docstring(node) or "").startswith("What ")
    }
    assert not begins


def _paths(tree):
    found, above = set(), []
    for line in tree.splitlines():
        name = line.split()[0] if line.split() else ""
        if name.endswith("/"):
            above = [*above[: (len(line) - len(line.lstrip())) // 2], name.rstrip("/")]
            found.add("/".join(above))
    return found
