"""Named collections under the data folder: their names, opening, listing, deleting."""

import re
import shutil
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rag.config import Config, data_folder
from rag.errors import CollectionError, StoreError

if TYPE_CHECKING:
    from rag.embedders import Embedder
    from rag.engine import RAG
    from rag.generators import Generator
    from rag.roles import Roles
    from rag.stores.embedded import EmbeddedStore

_NAME = re.compile(r"\w(?:[\w.-]{0,62}\w)?")


def folder_of(name: str) -> Path:
    """Return the folder of a collection, whether it exists or not.

    Raises:
        CollectionError: If the name cannot be used.
    """
    if not _NAME.fullmatch(name):
        raise CollectionError(
            f"{name[:80]!r} cannot be a collection's name: use 1 to 64 letters, digits, `_`, `-` "
            "and `.`, beginning and ending with a letter or digit."
        )
    return data_folder() / "collections" / name


def list_collections() -> list[str]:
    """Return the names of all collections, sorted."""
    folder = data_folder() / "collections"
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path.name for path in found if (path / "journal.db").is_file())


def identity_of(name: str, config: Config) -> str:
    """Return what changes when a collection is deleted and made anew under the same name.

    Raises:
        CollectionError: If it does not exist.
    """
    try:
        facts = (folder_of(name) / "journal.db").stat()
    except OSError:
        open_store(name, config).close()  # says which collections there are
        raise
    return f"{facts.st_dev}:{facts.st_ino}"


def usage_of(name: str) -> tuple[int | None, float | None]:
    """Return the bytes that a collection takes on this disk, and when it last changed.

    Both are None for a collection that is kept elsewhere; the time is in seconds since the epoch.
    """
    found = []
    for path in folder_of(name).rglob("*"):
        with suppress(OSError):  # a writer tidies up behind itself
            found.append(path.stat())
    if not found:
        return None, None
    return sum(facts.st_size for facts in found), max(facts.st_mtime for facts in found)


def open_store(name: str, config: Config, *, create: bool = False) -> "EmbeddedStore":
    """Return the store of a collection.

    Args:
        name: The collection.
        config: How it is searched.
        create: Whether a missing one is made, or refused.

    Raises:
        CollectionError: If it does not exist; says which do.
        StoreError: If it cannot be read.
    """
    folder = folder_of(name)
    if not create and not (folder / "journal.db").is_file():
        others = ", ".join(f"`{other}`" for other in list_collections()) or "none"
        raise CollectionError(
            f"there is no collection `{name}` in `{data_folder()}` (existing: {others}). Make it "
            f"with: rag index PATH{_option(name)}"
        )
    from rag.stores.embedded import EmbeddedStore

    weight = config.retrieval.title_weight
    return EmbeddedStore(folder, create=create, settings=config.store, title_weight=weight)


def open_rag(
    name: str,
    config: Config,
    *,
    embedder: "Embedder | bool" = True,
    generator: "Generator | bool | None" = True,
    roles: "Roles | None" = None,
) -> "RAG":
    """Return a collection ready for questions.

    Args:
        name: The collection.
        config: Models, methods and limits.
        embedder: One that is loaded already; True makes the configured one; False does without,
            and only bm25 can be asked then.
        generator: One that is loaded already; True makes the configured one; False or None never
            writes answers, whatever is configured.
        roles: Models of ranker and reader that are loaded already; None makes the configured ones.

    Raises:
        CollectionError: If it does not exist, or nothing was ever published in it.
        ModelError: If a configured model is missing.
        MismatchError: If the collection was made with another embedder.
    """
    store = open_store(name, config)
    if store.generation == 0:
        store.close()
        raise CollectionError(
            f"the collection `{name}` is not finished: indexing was interrupted or found nothing. "
            f"Run again: rag index PATH{_option(name)}"
        )
    from rag.embedders import Embedder
    from rag.engine import RAG
    from rag.roles import open_roles

    try:
        return RAG(
            config,
            store,
            embedder=Embedder(config.embedder) if embedder is True else embedder or None,
            generator=open_generator(config) if generator is True else generator or None,
            collection=name,
            roles=open_roles(config) if roles is None else roles,
        )
    except BaseException:
        store.close()
        raise


def delete_collection(name: str, config: Config) -> None:
    """Delete a collection with everything in it.

    Raises:
        CollectionError: If it does not exist.
        LockedError: If somebody is writing to it.
    """
    folder = folder_of(name)
    if not folder.is_dir():
        open_store(name, config)  # says which collections there are
    gone = folder.with_name(f".{name}.{uuid.uuid4().hex[:8]}.deleted")
    from rag.stores.lock import hold

    try:
        with hold(folder):  # a damaged one can be deleted too
            folder.rename(gone)
    except OSError as error:
        raise StoreError(f"`{folder}` cannot be deleted: {error.strerror}.") from None
    shutil.rmtree(gone, ignore_errors=True)


def open_generator(config: Config) -> "Generator | None":
    """Return the configured generator, not loaded yet; None if there is none."""
    from rag.generators import build_generator

    settings = config.generator
    if settings is None:
        return None
    common = {"max_tokens": settings.max_tokens, "temperature": settings.temperature}
    if settings.kind == "gguf":
        return build_generator("gguf", path=settings.model, context=settings.context, **common)
    if settings.kind == "transformers":
        return build_generator("transformers", model=settings.model, **common)
    key = settings.api_key.get_secret_value() if settings.api_key else None
    return build_generator(
        "openai",
        base_url=settings.base_url,
        model=settings.model,
        api_key=key,
        timeout=settings.timeout,
        insecure=settings.insecure,
        **common,
    )


def _option(name: str) -> str:
    return "" if name == "default" else f" --collection {name}"
