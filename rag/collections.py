"""Named collections, under the data folder or on a cluster: opening, listing, deleting.

Which it is, `store.kind` says; nobody else needs to know.
"""

import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rag.config import Config, EmbedderConfig, data_folder
from rag.errors import CollectionError, StoreError

if TYPE_CHECKING:
    from rag.answers.generators import Generator
    from rag.engine import RAG
    from rag.models.embedder import Embedder
    from rag.models.selection import Roles
    from rag.stores.contract import Store

_NAME = re.compile(r"\w(?:[\w.-]{0,62}\w)?")
SCRATCH = "evaluation:"  # before the name of a store outside the list, where there are no folders


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


def list_collections(config: Config | None = None) -> list[str]:
    """Return the names of all collections, sorted.

    Args:
        config: Says which kind of store is looked at; None looks at the embedded ones.

    Raises:
        StoreError: If they are on a cluster that does not answer.
    """
    if config is not None and config.store.kind == "elasticsearch":
        from rag.stores.elasticsearch.index import list_names

        return list_names(config.store.elasticsearch)
    folder = data_folder() / "collections"
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path.name for path in found if (path / "journal.db").is_file())


def identity_of(name: str, config: Config) -> str:
    """Return what changes when a collection is deleted and made anew under the same name.

    A store on a cluster notices that itself, so there it is always the same.

    Raises:
        CollectionError: If it does not exist.
    """
    if config.store.kind == "elasticsearch":
        return name
    try:
        facts = (folder_of(name) / "journal.db").stat()
    except OSError:
        open_store(name, config).close()  # says which collections there are
        raise
    return f"{facts.st_dev}:{facts.st_ino}"


def changed_at(name: str, config: Config) -> float | None:
    """Return when a collection last changed, in seconds since the epoch; None on a cluster."""
    if config.store.kind == "elasticsearch":
        return None
    times = []
    for path in folder_of(name).glob("journal.db*"):
        with suppress(OSError):  # a writer tidies up behind itself
            times.append(path.stat().st_mtime)
    return max(times, default=None)


def collection_exists(name: str, config: Config) -> bool:
    """Tell if there is a collection of this name, finished or not.

    Raises:
        CollectionError: If the name cannot be used.
        StoreError: If it would be on a cluster that does not answer.
    """
    folder = folder_of(name)
    if config.store.kind == "elasticsearch":
        return name in list_collections(config)
    return (folder / "journal.db").is_file()


def open_store(name: str, config: Config, *, create: bool = False) -> "Store":
    """Return the store of a collection.

    Args:
        name: The collection.
        config: Where it is and how it is searched.
        create: Whether a missing one is made, or refused.

    Raises:
        CollectionError: If it does not exist; says which do.
        StoreError: If it cannot be read.
    """
    if not create and not collection_exists(name, config):
        others = ", ".join(f"`{other}`" for other in list_collections(config)) or "none"
        raise CollectionError(
            f"there is no collection `{name}` in {place_of(config)} (existing: {others}). Make it "
            f"with: rag index PATH{_option(name)}"
        )
    return _open(folder_of(name), name, config, create=create)


def open_scratch(name: str, config: Config) -> "Store":
    """Return a store outside the list of collections, made if it does not exist.

    It is kept under its name, for whoever can make the same again: evaluation does.
    """
    return _open(data_folder() / "evaluation" / name, f"{SCRATCH}{name}", config, create=True)


@contextmanager
def open_temporary(config: Config) -> "Iterator[Store]":
    """Hold an empty embedded store that is gone after the block, whatever kind is configured."""
    from rag.stores.embedded.store import EmbeddedStore

    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(folder, settings=config.store)
        try:
            yield store
        finally:
            store.close()


def _open(folder: Path, name: str, config: Config, *, create: bool) -> "Store":
    weight = config.retrieval.title_weight
    if config.store.kind == "elasticsearch":
        from rag.stores.elasticsearch.store import ElasticsearchStore

        return ElasticsearchStore(
            name, create=create, settings=config.store, title_weight=weight, folder=_beside(name)
        )
    from rag.stores.embedded.store import EmbeddedStore

    return EmbeddedStore(folder, create=create, settings=config.store, title_weight=weight)


def _beside(name: str) -> Path:
    """Return the folder for what is derived from a collection on a cluster."""
    return data_folder() / "derived" / name.replace(":", "~")


def place_of(config: Config) -> str:
    """Return where collections are, in words."""
    if config.store.kind == "elasticsearch":
        return f"the cluster at `{config.store.elasticsearch.url[0]}`"
    return f"`{data_folder()}`"


def open_rag(
    name: str,
    config: Config,
    *,
    embedder: "Embedder | Callable[[EmbedderConfig], Embedder] | bool" = True,
    generator: "Generator | bool | None" = True,
    roles: "Roles | None" = None,
) -> "RAG":
    """Return a collection ready for questions.

    Args:
        name: The collection.
        config: Models, methods and limits.
        embedder: One that is loaded already, or what makes one from its settings; True makes the
            configured one; False does without, and only bm25 can be asked then.
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
    from rag.engine import RAG
    from rag.models.embedder import Embedder, embedder_settings
    from rag.models.selection import open_roles

    made_with = store.manifest.embedder if store.manifest else None
    settings = embedder_settings(config.embedder, made_with=made_with)
    try:
        if embedder is True:
            embedder = Embedder(settings)
        elif callable(embedder):
            embedder = embedder(settings)
        return RAG(
            config,
            store,
            embedder=embedder or None,
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
        StoreError: If it cannot be deleted.
    """
    folder = folder_of(name)
    if config.store.kind == "elasticsearch":
        from rag.stores.elasticsearch.index import delete_index

        if name not in list_collections(config):
            open_store(name, config)  # says which collections there are
        delete_index(name, config.store.elasticsearch)
        shutil.rmtree(_beside(name), ignore_errors=True)
        return
    if not folder.is_dir():
        open_store(name, config)
    gone = folder.with_name(f".{name}.{uuid.uuid4().hex[:8]}.deleted")
    from rag.stores.embedded.lock import hold

    try:
        with hold(folder):  # a damaged one can be deleted too
            folder.rename(gone)
    except OSError as error:
        raise StoreError(f"`{folder}` cannot be deleted: {error.strerror}.") from None
    shutil.rmtree(gone, ignore_errors=True)


def open_generator(config: Config) -> "Generator | None":
    """Return the configured generator, not loaded yet; None if there is none."""
    from rag.answers.generators import build_generator

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
