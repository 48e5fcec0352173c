"""Display names of documents and their sources, and the id of a marked span."""

from typing import Final

from rag.schema import Citation, Passage

MARK: Final = "marked"  # id of the span in the address


def title_of(source: Passage | Citation) -> str:
    """Return the display name of a source: its title, or the last parts of its path."""
    title = source.title if isinstance(source, Passage) else ""
    return title or short_source(source.source)


def short_source(source: str) -> str:
    """Return the last two parts of a path, which hide its location on the server.

    Example:
        >>> short_source("/home/ann/papers/2020/ice.pdf"), short_source("ice.pdf")
        ('2020/ice.pdf', 'ice.pdf')
    """
    return "/".join(source.replace("\\", "/").split("/")[-2:])
