"""The result of `rag benchmark` as lines of text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def benchmark_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines that show a result.

    Args:
        found: The result as `rag benchmark --json` prints it.
    """
    machine = found["machine"]
    memory = f", {machine['memory_mb']:,} MB" if machine["memory_mb"] else ""
    features = " ".join(machine["features"]) or "features unknown"
    yield f"{machine['processor']}, {machine['threads']} threads ({features}){memory}"
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    yield f"{machine['system']}; {libraries}"
    rows: list[tuple[str, ...]] = [
        (each["command"], f"{each['seconds']:.2f}", _number(each["ratio"], 2))
        for each in found["commands"]
    ]
    yield from _table(("command, in a new process", "s", "x import torch"), rows)
    rows = [
        (each["name"], f"{each['p50']:.1f}", f"{each['p95']:.1f}", str(each["count"]))
        for each in found["questions"]
    ]
    yield from _table(("question, warm", "p50 ms", "p95 ms", "n"), rows)
    yield ""
    if found["indexing"]:
        each = found["indexing"]
        yield (
            f"indexing: {each['passages']} passages in {each['seconds']:.1f} s, "
            f"{each['passages'] / each['seconds']:.0f} a second; "
            f"{each['ratio']:.2f} times the bare embedder"
        )
    if found["memory_mb"]:
        yield "memory: {now:,} MB after the questions, {most:,} MB at most".format_map(
            found["memory_mb"]
        )
    if found["collection_mb"] is not None:
        yield f"collection `{found['collection']}`: {found['collection_mb']:,} MB on disk"
    rows = [
        (
            each["name"], each["role"], each["runtime"], f"{each['megabytes']:.0f}",
            _number(each["load"], 2), each["problem"] or _number(each["ms"], 0),
        )
        for each in found["models"]
    ]  # fmt: skip
    yield from _table(("model", "role", "runtime", "MB", "load s", "ms for 5 passages"), rows)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table in columns, the first left, numbers right; an empty line comes before it."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    yield ""
    for row in (head, *rows):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()
