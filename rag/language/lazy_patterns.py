"""Regular expressions that are compiled when they are first used.

Those that tell questions apart take a third of a second to compile, and a command needs few.
"""

import re
from typing import Any, cast


class _LazyPattern:
    """A regular expression with the attributes of `re.Pattern`."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._source = pattern, flags

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a pattern has
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(re.compile(*self._source), name)  # `re` keeps what it compiled
        setattr(self, name, found)
        return found


def lazy_pattern(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return a regular expression that is compiled when it is first used.

    Args:
        pattern: The expression.
        flags: As of `re.compile`.

    Example:
        >>> lazy_pattern("a+").sub("b", "caat")
        'cbt'
    """
    return cast("re.Pattern[str]", _LazyPattern(pattern, flags))
