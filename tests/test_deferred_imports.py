"""Large libraries that Haystack names are imported when they are used, not before."""

import importlib
import sys

import pytest

from rag import deferred_imports
from rag.deferred_imports import DEFERRED, DeferredLibrary


@pytest.fixture
def naming(tmp_path, monkeypatch):
    """A module that names a library and uses it in a function."""
    (tmp_path / "made_library.py").write_text("def double(x): return 2 * x\nclass Box: pass\n")
    (tmp_path / "made_user.py").write_text(
        "import made_library\nfrom made_library import Box\n"
        "def four(box: made_library.Box): return made_library.double(2)\n"
        "def new(): return made_library.Box()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(deferred_imports.DEFERRED, "made_user", {"made_library": ("Box",)})
    yield lambda: importlib.import_module("made_user")
    for name in ("made_user", "made_library"):
        sys.modules.pop(name, None)


def test_a_named_library_is_imported_when_it_is_used(naming):
    user = naming()
    assert "made_library" not in sys.modules and isinstance(user.made_library, DeferredLibrary)
    assert not hasattr(user.made_library, "__file__") and "made_library" not in sys.modules
    assert user.four(None) == 4
    library = sys.modules["made_library"]
    assert not isinstance(library, DeferredLibrary)
    assert type(user.new()) is type(user.Box()) is library.Box


def test_a_library_that_is_there_already_is_taken(naming):
    library = importlib.import_module("made_library")
    assert naming().made_library is library


def test_another_importer_meanwhile_gets_the_library_itself():
    sys.modules["colorsys"] = named = DeferredLibrary("colorsys")
    assert named.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
    assert sys.modules["colorsys"] is not named


@pytest.mark.parametrize("module", DEFERRED)
def test_haystack_names_these_libraries_and_classes(module):
    named = vars(importlib.import_module(module))
    for library, classes in DEFERRED[module].items():
        if library in named:
            assert named[library].__name__ == library
        else:  # only classes of it
            assert classes and named.keys() >= set(classes)
