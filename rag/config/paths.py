"""Paths that people wrote: in the configuration, in the environment, as options."""

import os
from pathlib import Path


def expanded(path: str | Path) -> Path:
    """Return a path with the home folder in place of a `~` at its start.

    Shells do that only at the start of a word: not after `=` in `--out=~/run`, nor in a file. A `~`
    followed by a name that nobody has on this machine stays.

    Example:
        >>> expanded("~/run") == Path.home() / "run", str(expanded("./~"))
        (True, '~')
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111 - `Path.expanduser` fails on unknown names
