"""The collections on a cluster: listed, opened, deleted."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from rag.config import Config
from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.index import Names, versions_of
from rag.stores.elasticsearch.lock import Lock

if TYPE_CHECKING:
    from rag.stores.elasticsearch.store import ElasticsearchStore

SCRATCH = "evaluation:"  # prefix of the name of a store outside the list


class ElasticsearchCatalog:
    """One alias for each collection; see `rag.stores.contract.Catalog`.

    Args:
        root: The data folder, for the derived indexes beside the application.
        config: The configuration, with cluster and search settings.
    """

    def __init__(self, root: Path, config: Config) -> None:
        self._root, self._config = root, config
        self._settings = config.store.elasticsearch
        self.place = f"the cluster at `{self._settings.url[0]}`"

    def names(self) -> list[str]:
        """Return the names of all collections, sorted."""
        prefix, wanted = self._settings.prefix, "*.aliases,*.mappings._meta"
        cluster = Cluster(self._settings)
        try:
            cluster.check()
            found = cluster.read(
                lambda client: client.indices.get(
                    index=f"{prefix}~*", filter_path=wanted, features="aliases,mappings"
                )
            )
        finally:
            cluster.close()
        names = set()
        for index in found.body.values():
            collection = index.get("mappings", {}).get("_meta", {}).get("collection", "")
            if Names(prefix, collection).alias in index.get("aliases", {}):
                names.add(collection)
        return sorted(name for name in names if ":" not in name)

    def holds(self, name: str) -> bool:
        """Return whether there is a collection of this name, finished or not."""
        return name in self.names()

    def identity_of(self, name: str) -> str:
        """Return the name: a store detects itself that its collection was created again."""
        return name

    def changed_at(self, name: str) -> float | None:
        """Return None: the cluster does not know it."""
        return None

    def open(self, name: str, *, create: bool) -> "ElasticsearchStore":
        """Return the store of a collection."""
        from rag.stores.elasticsearch.store import ElasticsearchStore

        weight = self._config.retrieval.title_weight
        return ElasticsearchStore(
            name,
            create=create,
            settings=self._config.store,
            title_weight=weight,
            folder=self._derived(name),
        )

    def open_scratch(self, name: str) -> "ElasticsearchStore":
        """Return a store outside the list of collections, created if it does not exist."""
        return self.open(f"{SCRATCH}{name}", create=True)

    def delete(self, name: str) -> bool:
        """Delete all versions of a collection's index; return whether there was one.

        Raises:
            LockedError: If another process is writing to it.
        """
        if not self.holds(name):
            return False
        names, cluster = Names(self._settings.prefix, name), Cluster(self._settings)
        try:
            with Lock(cluster, names):
                versions = list(versions_of(cluster, names))
                if versions:
                    cluster.write(
                        lambda client: client.indices.delete(
                            index=versions, ignore_unavailable=True
                        )
                    )
        finally:
            cluster.close()
        shutil.rmtree(self._derived(name), ignore_errors=True)
        return True

    def _derived(self, name: str) -> Path:
        """Return the folder of the indexes derived from a collection."""
        return self._root / "derived" / name.replace(":", "~")
