"""Lists of files that failed or were left out, as the command line prints them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.console import show

if TYPE_CHECKING:
    from rag.stores.contract import Failure, Store

MOST_SHOWN = 20  # files of a kind


def failure_json(failure: "Failure") -> dict[str, str]:
    """Return what is said of a file as JSON."""
    return {"source": failure.source, "stage": failure.stage, "reason": failure.reason}


def missed_first(left_out: Sequence["Failure"]) -> list["Failure"]:
    """Return the files, those that look like documents before the others."""
    from indexing.left_out import missed

    first = missed(left_out)
    known = set(first)
    return [*first, *(each for each in left_out if each not in known)]


def show_bounded(word: str, files: Sequence["Failure"]) -> None:
    """Print what is said of some files, a line each, and how many more there are."""
    for each in files[:MOST_SHOWN]:
        show(f"{word}: {each.source}: {each.reason}")
    if len(files) > MOST_SHOWN:
        show(f"{word}: and {len(files) - MOST_SHOWN} more; --json lists all")


def split_failures(store: "Store") -> tuple[list["Failure"], list["Failure"]]:
    """Return what failed in a collection, and what was left out for its type."""
    from indexing.left_out import STAGE

    failures = store.failures()
    failed = [each for each in failures if each.stage != STAGE]
    return failed, [each for each in failures if each.stage == STAGE]
