"""Named collections, in the data folder or on a cluster: opening, listing, deleting.

`store.kind` selects the place; other modules need not know it.
"""

import logging
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rag.config import Config, EmbedderConfig, data_folder
from rag.errors import CollectionError, RagError

if TYPE_CHECKING:
    from rag.answers.generators import Generator
    from rag.engine import RAG
    from rag.federation import Federation
    from rag.models.embedder import Embedder
    from rag.models.selection import Roles
    from rag.stores.contract import Catalog, Store

log = logging.getLogger(__name__)

ALL_COLLECTIONS = "all"  # in place of names, unless a collection is named so

_NAME = re.compile(r"\w(?:[\w.-]{0,62}\w)?")


def check_name(name: str) -> None:
    """Check that a name can be the name of a collection.

    Raises:
        CollectionError: If it cannot; says which characters it may contain.
    """
    if not _NAME.fullmatch(name):
        raise CollectionError(
            f"{name[:80]!r} cannot be a collection's name: use 1 to 64 letters, digits, `_`, `-` "
            "and `.`, beginning and ending with a letter or digit."
        )


def folder_of(name: str) -> Path:
    """Return the folder of an embedded collection, whether it exists or not.

    Raises:
        CollectionError: If the name cannot be used.
    """
    check_name(name)
    return data_folder() / "collections" / name


def list_collections(config: Config | None = None) -> list[str]:
    """Return the names of all collections, sorted.

    Args:
        config: The configuration, for the kind of store; None lists the embedded collections.

    Raises:
        StoreError: If they are on a cluster that does not answer.
    """
    return _catalog(config or Config()).names()


def identity_of(name: str, config: Config) -> str:
    """Return an identity that changes when a collection is deleted and created again.

    A store on a cluster detects that itself, so there the identity is constant.

    Raises:
        CollectionError: If it does not exist.
    """
    catalog = _catalog(config)
    try:
        return catalog.identity_of(name)
    except OSError:
        raise _missing(name, catalog) from None


def changed_at(name: str, config: Config) -> float | None:
    """Return when a collection last changed, in seconds since the epoch; None on a cluster."""
    return _catalog(config).changed_at(name)


def collection_exists(name: str, config: Config) -> bool:
    """Return whether there is a collection of this name, finished or not.

    Raises:
        CollectionError: If the name cannot be used.
        StoreError: If it would be on a cluster that does not answer.
    """
    check_name(name)
    return _catalog(config).holds(name)


def open_store(name: str, config: Config, *, create: bool = False) -> "Store":
    """Return the store of a collection.

    Args:
        name: The collection.
        config: The configuration, for the place of the collection and its search settings.
        create: Whether to create a missing collection.

    Raises:
        CollectionError: If it does not exist; lists those that do.
        StoreError: If it cannot be read.
    """
    check_name(name)
    catalog = _catalog(config)
    if not create and not catalog.holds(name):
        raise _missing(name, catalog)
    return catalog.open(name, create=create)


def open_scratch(name: str, config: Config) -> "Store":
    """Return a store outside the list of collections, created if it does not exist.

    It is kept under its name, so that evaluation can use it again.
    """
    return _catalog(config).open_scratch(name)


@contextmanager
def open_temporary(config: Config) -> "Iterator[Store]":
    """Hold an empty embedded store, deleted after the block, whatever kind is configured."""
    from rag.stores.embedded.store import EmbeddedStore

    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(folder, settings=config.store)
        try:
            yield store
        finally:
            store.close()


def delete_collection(name: str, config: Config) -> None:
    """Delete a collection and everything in it.

    Raises:
        CollectionError: If it does not exist.
        LockedError: If another process is writing to it.
        StoreError: If it cannot be deleted.
    """
    check_name(name)
    catalog = _catalog(config)
    if not catalog.delete(name):
        raise _missing(name, catalog)


def place_of(config: Config) -> str:
    """Return a description of the place of the collections."""
    return _catalog(config).place


def _catalog(config: Config) -> "Catalog":
    if config.store.kind == "elasticsearch":
        from rag.stores.elasticsearch.catalog import ElasticsearchCatalog

        return ElasticsearchCatalog(data_folder(), config)
    from rag.stores.embedded.catalog import EmbeddedCatalog

    return EmbeddedCatalog(data_folder(), config)


def _missing(name: str, catalog: "Catalog") -> CollectionError:
    others = ", ".join(f"`{other}`" for other in catalog.names()) or "none"
    return CollectionError(
        f"there is no collection `{name}` in {catalog.place} (existing: {others}). Make it "
        f"with: rag index PATH{_option(name)}"
    )


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
        embedder: A loaded embedder, or a function that makes one from its settings; True makes the
            configured one; False uses none, and only the method bm25 is available then.
        generator: A loaded generator; True makes the configured one; False or None never writes
            answers, whatever is configured.
        roles: Loaded models of ranker and reader; None makes the configured ones.

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


def open_engine(
    names: Sequence[str],
    config: Config,
    *,
    embedder: "Callable[[EmbedderConfig], Embedder] | bool" = True,
    generator: "Generator | bool | None" = True,
    roles: "Roles | None" = None,
) -> "RAG | Federation":
    """Return one or several collections ready for questions, with models that they share.

    Args:
        names: The collections, see `named_collections`.
        config: Models, methods and limits.
        embedder: See `open_rag`.
        generator: See `open_rag`.
        roles: See `open_rag`.

    Raises:
        CollectionError: If one does not exist, or there is none.
        RagError: If none of them can be opened; that of the first. Otherwise those that cannot are
            left out, and the trace says so.
    """
    chosen = named_collections(names, config)
    if len(chosen) == 1:
        return open_rag(chosen[0], config, embedder=embedder, generator=generator, roles=roles)
    from rag.models.embedder import Embedder
    from rag.models.selection import open_roles

    make = Embedder if embedder is True else embedder
    made: dict[str, Embedder] = {}

    def shared(settings: EmbedderConfig) -> Embedder:
        if settings.model not in made:
            made[settings.model] = make(settings)  # type: ignore[operator]
        return made[settings.model]

    written = open_generator(config) if generator is True else generator or None
    open_one = partial(
        open_rag,
        config=config,
        embedder=shared if make else False,
        generator=written,
        roles=open_roles(config) if roles is None else roles,
    )
    return join_engines(chosen, open_one)


def named_collections(names: Sequence[str], config: Config) -> list[str]:
    """Return the collections that are meant, each once.

    Args:
        names: Names, or `all` alone for all there are, unless one is named so.
        config: The configuration, for the place of the collections.

    Raises:
        CollectionError: If one does not exist, or there is none.
    """
    catalog = _catalog(config)
    if list(names) == [ALL_COLLECTIONS] and not catalog.holds(ALL_COLLECTIONS):
        found = catalog.names()
        if not found:
            raise CollectionError(f"there is no collection in {catalog.place}.")
        return found
    for name in names:
        check_name(name)
        if not catalog.holds(name):
            raise _missing(name, catalog)
    return list(dict.fromkeys(names))


def join_engines(names: Sequence[str], open_one: "Callable[[str], RAG]") -> "RAG | Federation":
    """Return the engine of some collections; those that cannot be opened are left out.

    Args:
        names: The collections, at least one.
        open_one: Opens one of them.

    Raises:
        RagError: If none can be opened; that of the first.
    """
    from rag.federated_search import LEFT_OUT
    from rag.federation import Federation

    engines: dict[str, RAG] = {}
    left_out: dict[str, RagError] = {}
    for name in names:
        try:
            engines[name] = open_one(name)
        except LEFT_OUT as error:
            log.warning("`%s` is left out: %s", name, error)
            left_out[name] = error
    if not engines:
        raise left_out[names[0]]
    if len(names) == 1:
        return engines[names[0]]
    return Federation(engines, left_out)


def open_generator(config: Config) -> "Generator | None":
    """Return the configured generator, not loaded yet; None if none is configured."""
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
