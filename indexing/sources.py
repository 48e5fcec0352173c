"""Which files there are, their stable ids, and what changed since the last time."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from indexing.converters import SUFFIXES
from rag.errors import SourceError
from rag.stores.base import DocumentInfo, Failure
from rag.stores.files import sha256_of


@dataclass(frozen=True)
class SourceFile:
    """A file that can be indexed.

    Attributes:
        path: Absolute path, normalised, symbolic links kept.
        source: As shown to people: relative to where we stand if it is below, else absolute.
        sha256: Hash of its content; empty if it could not be read.
    """

    path: Path
    source: str
    sha256: str = ""

    @property
    def file_id(self) -> str:
        """Id of the document made from it; records add `#` and their number."""
        name = os.fsencode(self.path.as_posix())
        return hashlib.blake2b(name, digest_size=8).hexdigest()


@dataclass
class Plan:
    """What a run has to do.

    Attributes:
        new: Files that the collection does not hold.
        changed: Files whose content is another one now.
        unchanged: Files that need nothing.
        vanished: Absolute paths of files that are held and gone; their document ids.
        skipped: Sources of a type that is not indexed.
        failed: Files that cannot be read at all.
    """

    new: list[SourceFile] = field(default_factory=list)
    changed: list[SourceFile] = field(default_factory=list)
    unchanged: list[SourceFile] = field(default_factory=list)
    vanished: dict[str, list[str]] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)


def make_plan(paths: Sequence[Path], held: Iterable[DocumentInfo], *, leave_out: Path) -> Plan:
    """Compare the files under some paths with the documents that a collection holds.

    Args:
        paths: Files and folders; folders are searched in full, hidden names left out.
        held: The documents of the collection.
        leave_out: A folder never to look into: where collections are kept.

    Raises:
        SourceError: If a path does not exist, or holds no document that can be indexed; nothing
            has happened then.
    """
    known: dict[str, list[DocumentInfo]] = {}
    for info in held:
        if info.path is not None:
            known.setdefault(info.path, []).append(info)
    plan = Plan()
    seen: set[str] = set()
    for path in paths:
        found = list(_walk(path, _absolute(leave_out)))
        usable = [each for each in found if each.suffix.lower() in SUFFIXES]
        if not usable:
            raise SourceError(_nothing_in(path, len(found), _held_below(path, known)))
        plan.skipped += [_shown(each) for each in found if each.suffix.lower() not in SUFFIXES]
        for each in usable:
            if str(each) not in seen:
                seen.add(str(each))
                _sort_in(each, known.get(str(each), []), plan)
        for held_path in _held_below(path, known):
            if held_path not in seen:
                plan.vanished[held_path] = [info.document_id for info in known[held_path]]
    plan.vanished = {path: ids for path, ids in plan.vanished.items() if path not in seen}
    return plan


def _sort_in(path: Path, held: Sequence[DocumentInfo], plan: Plan) -> None:
    source = _shown(path)
    try:
        digest = sha256_of(path) if path.is_file() else ""
    except OSError as error:
        plan.failed.append(Failure(source, "read", error.strerror or str(error), str(path)))
        return
    file = SourceFile(path, source, digest)
    if not held:
        plan.new.append(file)
    elif digest and all(info.sha256 == digest for info in held):
        plan.unchanged.append(file)
    else:
        plan.changed.append(file)


def _walk(path: Path, leave_out: Path) -> Iterator[Path]:
    """Yield all files under a path in a fixed order, as absolute paths."""
    start = _absolute(path)
    if not start.is_dir():
        if not os.path.lexists(start):
            raise SourceError(f"there is no file or folder `{path}`. Check the name.")
        yield start
        return
    for folder, folders, names in os.walk(start, onerror=_refuse_folder):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and here / name != leave_out
        )
        yield from (here / name for name in sorted(names) if not name.startswith("."))


def _refuse_folder(error: OSError) -> None:
    raise SourceError(
        f"the folder `{error.filename}` cannot be read: {error.strerror}. Change its permissions, "
        "or name the folders beside it one by one."
    )


def _held_below(path: Path, known: Iterable[str]) -> list[str]:
    start = _absolute(path)
    return [held for held in known if Path(held) == start or start in Path(held).parents]


def _nothing_in(path: Path, files: int, held: Sequence[str]) -> str:
    types = " ".join(sorted(SUFFIXES))
    what = f"`{path}` holds no document that can be indexed ({types}); files seen: {files}."
    if held:
        what += (
            f" The {len(held)} files indexed from it before are kept. If they are to go, run: "
            "rag collections delete"
        )
    return what


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - resolve() follows links


def _shown(path: Path) -> str:
    """Return a path as people know it, printable whatever bytes its name has."""
    here = Path.cwd()
    short = path.relative_to(here) if here in path.parents else path
    return os.fsencode(short.as_posix()).decode("utf-8", "backslashreplace")
