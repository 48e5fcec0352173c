"""What places are called: a document by its title, a mark in it by its id."""

from typing import Final

from rag.schema import Citation, Passage

MARK: Final = "marked"  # id of the span that an address asks for


def title_of(source: Passage | Citation) -> str:
    """Return what a source is called: its title, or the last parts of where it came from."""
    title = source.title if isinstance(source, Passage) else ""
    return title or short_source(source.source)


def short_source(source: str) -> str:
    """Return the last two parts of a path; where on the server a file lies is nobody's business.

    Example:
        >>> short_source("/home/ann/papers/2020/ice.pdf"), short_source("ice.pdf")
        ('2020/ice.pdf', 'ice.pdf')
    """
    return "/".join(source.replace("\\", "/").split("/")[-2:])
