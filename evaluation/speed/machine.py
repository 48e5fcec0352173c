"""Facts about the machine and the libraries that a measurement depends on."""

import importlib.metadata
import os
import platform
from dataclasses import dataclass
from pathlib import Path

from rag.models.onnx_graphs import thread_count

FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
LIBRARIES = ("citewell", "onnxruntime", "torch", "faiss-cpu", "tantivy")
_PROCESSOR, _MEMORY = Path("/proc/cpuinfo"), Path("/proc/meminfo")  # Linux


@dataclass(frozen=True)
class Machine:
    """The machine of a measurement.

    Attributes:
        processor: Name of the processor.
        threads: Number of threads that one operation uses.
        processors: Number of processors.
        features: Instructions that matter for models, of `FEATURES`; empty if unknown.
        memory_mb: Memory in megabytes; None if unknown.
        system: Operating system, and the version of Python.
        libraries: Name -> version of the libraries that are installed, of `LIBRARIES`.
    """

    processor: str
    threads: int
    processors: int
    features: tuple[str, ...]
    memory_mb: int | None
    system: str
    libraries: dict[str, str]


def read_machine() -> Machine:
    """Return the facts about this machine."""
    facts = _fields(_PROCESSOR)
    flags = set(facts.get("flags", "").split())
    memory = _fields(_MEMORY).get("MemTotal", "").partition(" ")[0]
    return Machine(
        facts.get("model name") or platform.processor() or platform.machine(),
        thread_count(),
        os.cpu_count() or 1,
        tuple(name for name in FEATURES if name in flags),
        int(memory) // 1024 if memory.isdecimal() else None,
        f"{platform.system()}, Python {platform.python_version()}",
        {name: version for name in LIBRARIES if (version := version_of(name))},
    )


def version_of(library: str) -> str | None:
    """Return the version of an installed library; None if it is not installed."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def memory_used() -> tuple[int, int] | None:
    """Return the memory of this process now and at most, in megabytes; None if unknown."""
    facts = _fields(Path("/proc/self/status"))
    sizes = [facts.get(name, "").partition(" ")[0] for name in ("VmRSS", "VmHWM")]
    if not all(size.isdecimal() for size in sizes):
        return None
    now, most = (int(size) // 1024 for size in sizes)
    return now, most


def size_of(folder: Path) -> int:
    """Return the size of a folder's files in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _fields(path: Path) -> dict[str, str]:
    """Return the fields of a file of lines `name: value`, the first of each name."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        found.setdefault(name.strip(), value.strip())
    return found
