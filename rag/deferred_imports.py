"""Imports that Haystack makes of large libraries, put off until it uses them.

`import haystack` loads torch for its devices, posthog for its telemetry, which is off here, and
networkx and httpx for pipelines that are drawn; together that is most of its time. A question
needs none of them.
"""

import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

# Module of Haystack -> the libraries that it names as a whole, `import torch`, and uses in
# functions, each with the names of classes that it uses in annotations.
DEFERRED: dict[str, dict[str, tuple[str, ...]]] = {
    "haystack.utils.device": {"torch": ()},
    "haystack.telemetry._telemetry": {"posthog": ()},
    "haystack.core.pipeline.base": {"networkx": ("MultiDiGraph",)},
    "haystack.core.pipeline.breakpoint": {"networkx": ("MultiDiGraph",)},
    "haystack.core.pipeline.descriptions": {"networkx": ("MultiDiGraph",)},
    "haystack.core.pipeline.draw": {"httpx": ("Response",), "networkx": ("MultiDiGraph",)},
}


class DeferredLibrary(ModuleType):
    """A library's name, which imports the library when something of it is used."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the library has
        if name.startswith("__"):  # asked of any module, such as `__file__`
            raise AttributeError(name)
        return self.load(name)

    def load(self, name: str) -> Any:  # noqa: ANN401 - whatever the library has
        """Import the library and return one of its attributes."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


class _DeferredClass:
    """A class of a library by its name, which imports the library when an object is made."""

    def __init__(self, library: DeferredLibrary, name: str) -> None:
        self._library, self._name = library, name

    def __call__(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - of the class
        return self._library.load(self._name)(*arguments, **options)


class _DeferringLoader(Loader):
    """Loader of a module that names libraries, without loading the libraries."""

    def __init__(self, loader: Loader, libraries: Mapping[str, Sequence[str]]) -> None:
        self._loader, self._libraries = loader, libraries

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        named = {name: DeferredLibrary(name) for name in self._libraries if name not in sys.modules}
        for name, library in named.items():
            for each in self._libraries[name]:
                setattr(library, each, _DeferredClass(library, each))
        sys.modules.update(named)
        try:
            self._loader.exec_module(module)
        finally:
            for name, library in named.items():
                if sys.modules.get(name) is library:
                    del sys.modules[name]


class _DeferringFinder(MetaPathFinder):
    """Finder of the modules of `DEFERRED`; leaves every other one to those after it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        libraries = DEFERRED.get(fullname)
        spec = PathFinder.find_spec(fullname, path, target) if libraries else None
        if spec is None or spec.loader is None or libraries is None:
            return None
        spec.loader = _DeferringLoader(spec.loader, libraries)
        return spec


def defer_imports() -> None:
    """Put off the imports of `DEFERRED`, for modules that are not imported yet."""
    if not any(isinstance(each, _DeferringFinder) for each in sys.meta_path):
        sys.meta_path.insert(0, _DeferringFinder())
