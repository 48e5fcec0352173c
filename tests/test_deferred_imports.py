"""Large libraries that Haystack names are imported when they are used, not before."""

import importlib
import sys

import pytest

from rag import deferred_imports
from rag.deferred_imports import DEFERRED, DeferredLibrary


@pytest.fixture
def naming(tmp_path, monkeypatch):
    """A module that names a library and uses it in a function."""
    (tmp_path / "made_library.py").write_text("loaded = []\ndef double(x): return 2 * x\n")
    (tmp_path / "made_user.py").write_text(
        "import made_library\ndef four(): return made_library.double(2)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(deferred_imports.DEFERRED, "made_user", "made_library")
    yield lambda: importlib.import_module("made_user")
    for name in ("made_user", "made_library"):
        sys.modules.pop(name, None)


def test_a_named_library_is_imported_when_it_is_used(naming):
    user = naming()
    assert "made_library" not in sys.modules and isinstance(user.made_library, DeferredLibrary)
    assert not hasattr(user.made_library, "__file__") and "made_library" not in sys.modules
    assert user.four() == 4
    assert not isinstance(sys.modules["made_library"], DeferredLibrary)


def test_a_library_that_is_there_already_is_taken(naming):
    library = importlib.import_module("made_library")
    assert naming().made_library is library


def test_another_importer_meanwhile_gets_the_library_itself():
    sys.modules["colorsys"] = named = DeferredLibrary("colorsys")
    assert named.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
    assert sys.modules["colorsys"] is not named


@pytest.mark.parametrize(("module", "library"), DEFERRED.items())
def test_haystack_names_these_libraries_as_a_whole(module, library):
    found = getattr(importlib.import_module(module), library)
    assert found.__name__ == library
