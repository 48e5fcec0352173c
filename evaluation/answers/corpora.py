"""The collections that an answer set is asked of: throw-away ones of its files, or one that exists.

A throw-away collection is named after a hash of its files, of the settings that its passages and
vectors depend on, and of the code that reads files, so that it is made once.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.datasets.schema import sha256_of
from evaluation.run.corpus import Corpus, Progress, open_collection
from evaluation.run.systems import System
from evaluation.run.systems_under_test import load_embedder
from indexing.collection_language import settings_for_files
from indexing.conversions import Conversions
from indexing.pipeline import index_paths, manifest_of
from indexing.plan import FileSearch, make_plan
from rag.collections import open_generator, open_scratch
from rag.config import Config, EmbedderConfig, data_folder
from rag.files import sha256_of as file_hash

if TYPE_CHECKING:
    from rag.engine import RAG
    from rag.models.embedder import Embedder
    from rag.models.selection import Roles


@cache
def code_sha256(package: str) -> str:
    """Return a hash of the source files of a package, such as `rag`."""
    folder = Path(str(files(package)))
    found = sorted(folder.rglob("*.py"))
    return sha256_of([path.relative_to(folder).as_posix(), file_hash(path)] for path in found)


class CorpusEngines:
    """The engines of several systems over several corpora; models are loaded once.

    Args:
        stack: Exit stack that closes the collections.
        progress: Called while documents are indexed.
        noting: Called with every file that cannot be indexed, and why.
    """

    def __init__(self, stack: ExitStack, progress: Progress, noting: Callable[[str], None]) -> None:
        self._stack, self._progress, self._noting = stack, progress, noting
        self._settings: dict[str, EmbedderConfig] = {}
        self._embedders: dict[str, Embedder] = {}
        self._roles: dict[str, Roles] = {}

    def of_files(self, system: System, name: str, paths: Sequence[Path]) -> "RAG":
        """Return a system over some files, which are indexed if they are not yet.

        Raises:
            RagError: If nothing can be indexed, or a model cannot be loaded.
        """
        config = system.config
        search = FileSearch(paths, data_folder())
        embedder = self._embedder(name, search, config)
        safe = re.sub(r"[^\w.-]", "_", name)[:30]
        key = f"answers-{safe}-{_key(search, embedder, config)}"
        store = open_scratch(key, config)
        corpus = Corpus(store, key, 0.0, is_own=False)
        self._stack.callback(store.close)
        if store.generation == 0:
            index_paths(
                paths, store, embedder, config, leave_out=data_folder(), progress=self._progress
            )
        for each in store.failures():
            self._noting(f"not indexed: {each.source}: {each.reason}")
        return self._engine(system, corpus, embedder)

    def of_collection(self, system: System, name: str) -> "RAG":
        """Return a system over an existing collection.

        Raises:
            CollectionError: If it does not exist.
        """
        from rag.models.embedder import embedder_settings

        corpus = open_collection(name, system.config)
        self._stack.callback(corpus.store.close)
        made = corpus.store.manifest
        settings = embedder_settings(
            system.config.embedder, made_with=made.embedder if made else None
        )
        return self._engine(system, corpus, self._loaded(settings))

    def _embedder(self, name: str, search: FileSearch, config: Config) -> "Embedder":
        key = f"{name} {config.embedder} {config.conversion}"
        if key not in self._settings:
            with Conversions(config) as conversions:
                self._settings[key] = settings_for_files(search, config, conversions)
        return self._loaded(self._settings[key])

    def _loaded(self, settings: EmbedderConfig) -> "Embedder":
        key = settings.model_dump_json()
        if key not in self._embedders:
            self._embedders[key] = load_embedder(settings)
        return self._embedders[key]

    def _engine(self, system: System, corpus: Corpus, embedder: "Embedder") -> "RAG":
        from rag.engine import RAG
        from rag.models.pair_model import PairModel
        from rag.models.selection import open_roles

        config = system.config
        models = f"{config.ranker} {config.reader}"
        if models not in self._roles:
            self._roles[models] = open_roles(config)
        for model in self._roles[models].readers.values():
            if isinstance(model, PairModel):
                model.forget()  # what another system read
        return RAG(
            config,
            corpus.store,
            embedder=embedder,
            generator=open_generator(config),
            collection=corpus.name,
            roles=self._roles[models],
        )


def _key(search: FileSearch, embedder: "Embedder", config: Config) -> str:
    found = make_plan(search, []).new
    made = asdict(manifest_of(embedder, config))
    content = [[each.path.name, each.sha256] for each in found]
    conversion = config.conversion.model_dump(mode="json")
    return sha256_of([made, conversion, code_sha256("indexing"), *content])[:16]
