"""Plan of an indexing run: the files, their stable ids, and the changes since the last run."""

import hashlib
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from indexing.converters import SUFFIXES
from rag.errors import SourceError
from rag.files import sha256_of
from rag.stores.contract import DocumentInfo, Failure

KEPT_VERSION = "; the version indexed before is kept"
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
        skipped: Sources of a type that is not indexed, and links to folders.
        failed: Files and folders that cannot be read at all.
    """

    new: list[SourceFile] = field(default_factory=list)
    changed: list[SourceFile] = field(default_factory=list)
    unchanged: list[SourceFile] = field(default_factory=list)
    vanished: dict[str, list[str]] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)


def make_plan(
    paths: Sequence[Path],
    held: Iterable[DocumentInfo],
    *,
    leave_out: Path,
    failures: Iterable[Failure] = (),
    shown_from: Path | None = None,
) -> Plan:
    """Compare the files under some paths with the documents that a collection holds.

    Args:
        paths: Files and folders; folders are searched recursively, without following links to
            other folders, hidden names left out.
        held: The documents of the collection.
        leave_out: A folder to skip: the one where collections are kept.
        failures: Failures listed by the collection; those of files that are gone vanish too.
        shown_from: Sources below this folder are shown relative to it; None is the current one.

    Raises:
        SourceError: If a path does not exist, if a folder whose documents the collection holds is
            empty now, or if nothing can be indexed at all; nothing has changed then.
    """
    known = _known(held, failures)
    plan, barred = Plan(), _absolute(leave_out)
    base = Path.cwd() if shown_from is None else _absolute(shown_from)
    seen: set[str] = set()
    barren: list[str] = []
    for path in paths:
        refused: list[OSError] = []
        found = list(_walk(path, barred, refused))
        usable = [each for each in found if each.suffix.lower() in SUFFIXES]
        below = _held_below(path, known)
        if not usable:
            indexed = sum(1 for key in below if known[key])
            barren.append(_nothing_in(path, len(found), indexed, refused))
            if indexed:
                raise SourceError(barren[-1])
        for each in found:
            if _key(each) not in seen:
                seen.add(_key(each))
                _sort_in(each, known.get(_key(each), []), plan, base)
        plan.failed += [_refused_folder(error, base) for error in refused]
        plan.vanished |= {key: [info.document_id for info in known[key]] for key in below}
    if len(barren) == len(paths):
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


def _sort_in(path: Path, held: Sequence[DocumentInfo], plan: Plan, base: Path) -> None:
    source = _shown(path, base)
    if path.suffix.lower() not in SUFFIXES:
        plan.skipped.append(source)
        return
    try:
        digest = sha256_of(path) if path.is_file() else ""
    except OSError as error:
        reason = (error.strerror or str(error)) + (KEPT_VERSION if held else "")
        plan.failed.append(Failure(source, "read", reason, _key(path)))
        return
    file = SourceFile(path, source, digest)
    if not held:
        plan.new.append(file)
    elif digest and all(info.sha256 == digest for info in held):
        plan.unchanged.append(file)
    else:
        plan.changed.append(file)


def _walk(path: Path, leave_out: Path, refused: list[OSError]) -> Iterator[Path]:
    """Yield all files under a path, and links to folders, in a fixed order, as absolute paths."""
    start = _absolute(path)
    if start.is_relative_to(leave_out):
        return
    if not start.is_dir():
        if not os.path.lexists(start):
            raise SourceError(f"there is no file or folder `{path}`. Check the name.")
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


def _nothing_in(path: Path, files: int, indexed: int, refused: Sequence[OSError]) -> str:
    types = " ".join(sorted(SUFFIXES))
    what = f"`{path}` holds no document that can be indexed ({types}); files seen: {files}."
    if refused:
        what += f" The folder `{refused[0].filename}` cannot be read: {refused[0].strerror}."
    if indexed:
        what += (
            f" The {indexed} files indexed from it before are kept. If they are to go, run: "
            "rag collections delete"
        )
    return what


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - resolve() follows links


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
