"""Plan of an indexing run: the files, their stable ids, and the changes since the last run."""

import hashlib
import os
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from indexing.converters import SUFFIXES
from indexing.left_out import STAGE, is_lock_file, missed, why_left_out
from rag.config.paths import expanded
from rag.errors import SourceError
from rag.files import sha256_of
from rag.stores.contract import DocumentInfo, Failure

KEPT_VERSION = "; the version indexed before is kept"
LATE = "late"  # stage of a failure for want of time: more time is a reason to read the file again
_UNSEEN = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # reverse the text


@dataclass(frozen=True)
class SourceFile:
    """A file that can be indexed.

    Attributes:
        path: Absolute path, normalised, symbolic links kept.
        source: Path as shown to people: relative if below the current folder, else absolute.
        sha256: Hash of its content; empty if it could not be read.
    """

    path: Path
    source: str
    sha256: str = ""

    @property
    def file_id(self) -> str:
        """Id of the document made from the file; records append `#` and their number."""
        name = os.fsencode(self.path.as_posix())
        return hashlib.blake2b(name, digest_size=8).hexdigest()

    @property
    def key(self) -> str:
        """Path as a collection keeps it: valid text, whatever bytes the name has."""
        return _key(self.path)


@dataclass
class Plan:
    """The work of an indexing run.

    Attributes:
        new: Files that the collection does not hold.
        changed: Files whose content has changed.
        unchanged: Files that need no work.
        vanished: Keys of files that are gone -> ids of their documents, none if they had failed.
        left_out: Files of a type that is not indexed and links to folders, with the reasons.
        failed: Files and folders that cannot be read at all.
    """

    new: list[SourceFile] = field(default_factory=list)
    changed: list[SourceFile] = field(default_factory=list)
    unchanged: list[SourceFile] = field(default_factory=list)
    vanished: dict[str, list[str]] = field(default_factory=dict)
    left_out: list[Failure] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)

    @property
    def skipped(self) -> list[str]:
        """The sources of what is left out."""
        return [each.source for each in self.left_out]


@dataclass(frozen=True)
class FoundUnder:
    """The files under one of the paths of a search.

    Attributes:
        path: As it was given.
        exists: Whether there is such a file or folder.
        seen: Number of files of any type.
        usable: Number of those of a type that is indexed.
        keys: Keys of the files that no earlier path of the search had.
        files: Those of them that can be indexed, in order.
        unreadable: Those of them that cannot be read.
        left_out: Those of them that are of another type, and links to folders.
        refused: Errors of the folders that cannot be read.
    """

    path: Path
    exists: bool = True
    seen: int = 0
    usable: int = 0
    keys: frozenset[str] = frozenset()
    files: tuple[SourceFile, ...] = ()
    unreadable: tuple[Failure, ...] = ()
    left_out: tuple[Failure, ...] = ()
    refused: tuple[OSError, ...] = ()


@dataclass(frozen=True)
class FileSearch:
    """A search for the files under some paths, made once, when it is first asked for.

    Args:
        paths: Files and folders; folders are searched in full, without following links to other
            folders, hidden names left out.
        leave_out: A folder never to look into: where collections are kept.
        shown_from: Sources below this folder are shown relative to it; None is where we stand.
        again: Whether unchanged files count as changed, to be read in another way.
    """

    paths: Sequence[Path]
    leave_out: Path
    shown_from: Path | None = None
    again: bool = False

    @property
    def base(self) -> Path:
        """The folder that sources are shown from."""
        return Path.cwd() if self.shown_from is None else _absolute(self.shown_from)

    @cached_property
    def found(self) -> tuple[FoundUnder, ...]:
        """The files under each path, all hashed; it ends at a path that does not exist."""
        barred, base = _absolute(self.leave_out), self.base
        found: list[FoundUnder] = []
        known: set[str] = set()
        for path in self.paths:
            found.append(_search(path, barred, base, known))
            if not found[-1].exists:
                break
            known |= found[-1].keys
        return tuple(found)


def make_plan(
    search: FileSearch, held: Iterable[DocumentInfo], *, failures: Iterable[Failure] = ()
) -> Plan:
    """Compare the files under some paths with the documents that a collection holds.

    Args:
        search: The files.
        held: The documents of the collection.
        failures: What the collection lists as failed; those of files that are gone vanish too.

    Raises:
        SourceError: If a path does not exist, if a folder whose documents the collection holds is
            empty now, or if nothing can be indexed at all; nothing has changed then.
    """
    failures = list(failures)
    known = _known(held, failures)
    late = {failure.path for failure in failures if failure.stage == LATE}
    plan, seen = Plan(), frozenset[str]()
    barren: list[str] = []
    for found in search.found:
        if not found.exists:
            raise SourceError(f"there is no file or folder `{found.path}`. Check the name.")
        below = _held_below(found.path, known)
        if not found.usable:
            indexed = sum(1 for key in below if known[key])
            barren.append(_nothing_in(found, indexed))
            if indexed:
                raise SourceError(barren[-1])
        seen |= found.keys
        _sort_in(found, known, plan, again=search.again, late=late)
        plan.failed += [_refused_folder(error, search.base) for error in found.refused]
        plan.vanished |= {key: [info.document_id for info in known[key]] for key in below}
    if len(barren) == len(search.paths):
        raise SourceError(barren[0])
    closed = [Path(str(failure.path)) for failure in plan.failed]
    plan.vanished = {
        key: ids
        for key, ids in plan.vanished.items()
        if key not in seen and not any(Path(key).is_relative_to(folder) for folder in closed)
    }
    return plan


def _known(
    held: Iterable[DocumentInfo], failures: Iterable[Failure]
) -> dict[str, list[DocumentInfo]]:
    """Return the documents of every file known to the collection; none for one that failed."""
    known: dict[str, list[DocumentInfo]] = {}
    for info in held:
        if info.path is not None:
            known.setdefault(info.path, []).append(info)
    for failure in failures:
        if failure.path is not None:
            known.setdefault(failure.path, [])
    return known


def _sort_in(
    found: FoundUnder,
    known: Mapping[str, Sequence[DocumentInfo]],
    plan: Plan,
    *,
    again: bool,
    late: Container[str | None],
) -> None:
    plan.left_out += found.left_out
    for failure in found.unreadable:
        kept = KEPT_VERSION if known.get(str(failure.path)) else ""
        plan.failed.append(replace(failure, reason=failure.reason + kept))
    for file in found.files:
        held = known.get(file.key, [])
        if not held:
            plan.new.append(file)
        elif (
            file.sha256
            and not again
            and file.key not in late
            and all(info.sha256 == file.sha256 for info in held)
        ):
            plan.unchanged.append(file)
        else:
            plan.changed.append(file)


def _search(path: Path, barred: Path, base: Path, known: Container[str]) -> FoundUnder:
    """Return what is under a path; what an earlier path had is only counted."""
    start = _absolute(path)
    if not (start.is_relative_to(barred) or start.is_dir() or os.path.lexists(start)):
        return FoundUnder(path, exists=False)
    refused: list[OSError] = []
    walked = list(_walk(start, barred, refused))
    fresh: dict[str, Path] = {}
    for each in walked:
        if _key(each) not in known:
            fresh.setdefault(_key(each), each)
    looked = [_look_at(each, base) for each in fresh.values() if _is_usable(each)]
    return FoundUnder(
        path,
        seen=len(walked),
        usable=sum(map(_is_usable, walked)),
        keys=frozenset(fresh),
        files=tuple(each for each in looked if isinstance(each, SourceFile)),
        unreadable=tuple(each for each in looked if isinstance(each, Failure)),
        left_out=tuple(
            Failure(_shown(each, base), STAGE, why_left_out(each), _key(each))
            for each in fresh.values()
            if not _is_usable(each)
        ),
        refused=tuple(refused),
    )


def _is_usable(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not is_lock_file(path)


def _look_at(path: Path, base: Path) -> SourceFile | Failure:
    """Return a file with its hash, or why it cannot be read."""
    source = _shown(path, base)
    if path.is_symlink() and not path.exists():
        return Failure(source, "read", "a link to a file that is not there", _key(path))
    try:
        return SourceFile(path, source, sha256_of(path) if path.is_file() else "")
    except OSError as error:
        return Failure(source, "read", error.strerror or str(error), _key(path))


def _walk(start: Path, leave_out: Path, refused: list[OSError]) -> Iterator[Path]:
    """Yield all files under an absolute path, and links to folders, in a fixed order."""
    if start.is_relative_to(leave_out):
        return
    if not start.is_dir():
        yield start
        return
    for folder, folders, names in os.walk(start, onerror=refused.append):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and here / name != leave_out
        )
        links = [name for name in folders if (here / name).is_symlink()]
        yield from (here / name for name in sorted([*names, *links]) if not name.startswith("."))


def _refused_folder(error: OSError, base: Path) -> Failure:
    folder = Path(error.filename)
    reason = f"the folder cannot be read: {error.strerror}; what was indexed from it is kept"
    return Failure(_shown(folder, base), "read", reason, _key(folder))


def _held_below(path: Path, known: Iterable[str]) -> list[str]:
    start = Path(_key(_absolute(path)))
    return [key for key in known if Path(key).is_relative_to(start)]


def _nothing_in(found: FoundUnder, indexed: int) -> str:
    types = " ".join(sorted(SUFFIXES))
    what = (
        f"`{found.path}` holds no document that can be indexed ({types}); files seen: {found.seen}."
    )
    for each in missed(found.left_out)[:1]:
        what += f" `{each.source}`: {each.reason}."
    for error in found.refused[:1]:
        what += f" The folder `{error.filename}` cannot be read: {error.strerror}."
    if indexed:
        what += (
            f" The {indexed} files indexed from it before are kept. If they are to go, run: "
            "rag collections delete"
        )
    return what


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(expanded(path)))  # noqa: PTH100 - resolve() follows links


def _key(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _shown(path: Path, base: Path) -> str:
    """Return a path as shown to people: on one line and printable, whatever bytes it has."""
    short = path.relative_to(base) if base in path.parents else path
    text = os.fsencode(short.as_posix()).decode("utf-8", "backslashreplace")
    return "".join(_escaped(each) for each in text)


def _escaped(character: str) -> str:
    hidden = unicodedata.category(character) in ("Cc", "Zl", "Zp") or character in _UNSEEN
    return character.encode("unicode_escape").decode() if hidden else character
