"""Folders that are slow to make, made once for all processes that test at the same time."""

import os
from pathlib import Path

from filelock import FileLock

NAMED = "RAG_TEST_BUILDS"  # a folder that several runs of pytest share


def built_once(tmp_path_factory, name, build):
    """Return a folder that `build` has filled, in this process or in another; only for reading.

    Args:
        tmp_path_factory: Pytest's; workers of one run share the folder above theirs.
        name: What is built; the same name is the same folder.
        build: Called with the folder, which exists and is empty.
    """
    root = _root(tmp_path_factory)
    folder, mark = root / name, root / f"{name}.built"
    with FileLock(root / f"{name}.lock"):
        if not mark.exists():
            folder.mkdir(parents=True)
            build(folder)
            mark.touch()
    return folder


def _root(tmp_path_factory):
    if named := os.environ.get(NAMED):
        root = Path(named)
    else:
        base = tmp_path_factory.getbasetemp()
        root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "builds"
    root.mkdir(parents=True, exist_ok=True)
    return root
