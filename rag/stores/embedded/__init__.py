"""The store without a server: one folder per collection."""

from typing import Any


def __getattr__(name: str) -> Any:  # noqa: ANN401 - loaded when asked for, as it is heavy
    if name == "EmbeddedStore":
        from rag.stores.embedded.store import EmbeddedStore

        return EmbeddedStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
