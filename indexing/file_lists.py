"""Lists of files that failed or were left out, as the command line prints them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.console import show

if TYPE_CHECKING:
    from rag.stores.contract import Failure, Store

MOST_SHOWN = 20  # files, or reasons if there are more files
MOST_OF_A_REASON = 3  # files, if there are more than those


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
    """Print what is said of some files, a line each; of many, a few for each reason.

    Every reason is printed with the number of files that it holds for, as long as there is room.
    """
    if len(files) <= MOST_SHOWN:
        for each in files:
            show(f"{word}: {each.source}: {each.reason}")
        return
    by_reason: dict[str, list[Failure]] = {}
    for each in files:
        by_reason.setdefault(each.reason, []).append(each)
    told = list(by_reason.items())[:MOST_SHOWN]
    for reason, some in told:
        for each in some[:MOST_OF_A_REASON]:
            show(f"{word}: {each.source}: {reason}")
        if len(some) > MOST_OF_A_REASON:
            show(f"{word}: and {len(some) - MOST_OF_A_REASON} more: {reason}; --json lists all")
    untold = len(files) - sum(len(some) for _, some in told)
    if untold:
        show(f"{word}: and {untold} more for other reasons; --json lists all")


def split_failures(
    store: "Store",
) -> tuple[list["Failure"], list["Failure"], list["Failure"]]:
    """Return what failed in a collection, what is empty, and what was left out for its type."""
    from indexing.left_out import EMPTY, STAGE

    failures = store.failures()
    failed = [each for each in failures if each.stage not in (EMPTY, STAGE)]
    empty, left_out = (
        [each for each in failures if each.stage == stage] for stage in (EMPTY, STAGE)
    )
    return failed, empty, left_out
