"""Limits that the worker process sets on itself, where the operating system supports them."""

import contextlib
import signal
import sys
from pathlib import Path


def limit_memory(memory_mb: int) -> None:
    """Limit the address space and forbid core dumps; on Windows this does nothing."""
    try:
        import resource
    except ImportError:
        return
    size = memory_mb * 2**20
    # macOS refuses the first limit; only the calling process's clock protects there
    for kind, limit in ((resource.RLIMIT_AS, size), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))


def limit_seconds(seconds: float) -> None:
    """End this process after `seconds` unless called again; 0 lifts the limit.

    The calling process kills a late worker; this limit is for a caller that has died itself.
    """
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def used_memory_mb() -> int:
    """Return the address space used by this process in MiB; 0 where it is unknown."""
    if sys.platform != "linux":
        return 0
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize() // 2**20
