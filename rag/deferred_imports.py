"""Imports that Haystack makes of large libraries, put off until it uses them.

`import haystack` loads torch for its devices and posthog for its telemetry, which is off here;
together that is most of its time. A keyword search needs neither.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

# Module of Haystack -> the library that it names as a whole, `import torch`, and uses in functions.
DEFERRED = {"haystack.utils.device": "torch", "haystack.telemetry._telemetry": "posthog"}


class DeferredLibrary(ModuleType):
    """A library's name, which imports the library when something of it is used."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the library has
        if name.startswith("__"):  # asked of any module, such as `__file__`
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


class _DeferringLoader(Loader):
    """Loader of a module that names a library, without loading the library."""

    def __init__(self, loader: Loader, library: str) -> None:
        self._loader, self._library = loader, library

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if self._library in sys.modules:
            self._loader.exec_module(module)
            return
        named = sys.modules[self._library] = DeferredLibrary(self._library)
        try:
            self._loader.exec_module(module)
        finally:
            if sys.modules.get(self._library) is named:
                del sys.modules[self._library]


class _DeferringFinder(MetaPathFinder):
    """Finder of the modules of `DEFERRED`; leaves every other one to those after it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        library = DEFERRED.get(fullname)
        spec = PathFinder.find_spec(fullname, path, target) if library else None
        if spec is None or spec.loader is None or library is None:
            return None
        spec.loader = _DeferringLoader(spec.loader, library)
        return spec


def defer_imports() -> None:
    """Put off the imports of `DEFERRED`, for modules that are not imported yet."""
    if not any(isinstance(each, _DeferringFinder) for each in sys.meta_path):
        sys.meta_path.insert(0, _DeferringFinder())
