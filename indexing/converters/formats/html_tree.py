"""Removal of hidden elements and navigation from an HTML page, leaving its main content."""

import re

from bs4 import BeautifulSoup, Tag

# fmt: off
_DROPPED = frozenset({
    "script", "style", "template", "noscript", "svg", "nav", "iframe", "object", "embed", "button",
    "select", "textarea", "input", "canvas", "audio", "video", "dialog",
})
# fmt: on
_DROPPED_ROLES = frozenset({"navigation", "contentinfo", "banner", "search"})
# permalinks of Sphinx and others, navigation and contents of DocBook, text for screen readers only
# fmt: off
_DROPPED_CLASSES = frozenset({
    "headerlink", "anchorjs-link", "navheader", "navfooter", "toc", "list-of-tables",
    "list-of-figures", "sr-only", "visually-hidden", "skip-link", "linenos",
})
# fmt: on
_NEVER_DROPPED = frozenset({"html", "head", "body", "main"})
_INVISIBLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)"
    r"|(?:font-size|opacity)\s*:\s*\+?(?:0+(?:\.0*)?|\.0+)(?![\d.])",
    re.IGNORECASE,
)
_FRAME = frozenset({"header", "footer", "aside"})
_CONTENT = frozenset({"main", "article", "section"})
_LAYOUT = frozenset(
    {"table", "pre", "ul", "ol", "dl", "blockquote", *(f"h{n}" for n in range(1, 7))}
)


def cut(soup: BeautifulSoup) -> None:
    """Remove hidden elements, and everything around the page's content, from the tree."""
    unwanted: list[Tag] = []
    todo: list[tuple[Tag, bool]] = [(soup, False)]  # no recursion: pages can nest without end
    while todo:
        parent, inside = todo.pop()
        for tag in parent.contents:
            if not isinstance(tag, Tag):
                continue
            if _is_unwanted(tag, inside):
                unwanted.append(tag)
            else:
                is_content = tag.name in _CONTENT or tag.attrs.get("role") == "main"
                todo.append((tag, inside or is_content))
    for tag in unwanted:
        tag.extract()


def _is_unwanted(tag: Tag, inside: bool) -> bool:
    """Return whether to cut the element; `inside` the content, headers and footers stay."""
    if tag.name in _NEVER_DROPPED:
        return False
    if tag.name in _DROPPED or (tag.name in _FRAME and not inside):
        return True
    return bool(tag.attrs) and _marked(tag)


def _marked(tag: Tag) -> bool:
    """Return whether an attribute marks the element as hidden or as navigation."""
    attributes = tag.attrs
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    if attributes.get("role") in _DROPPED_ROLES:
        return True
    if not _DROPPED_CLASSES.isdisjoint(tag.get_attribute_list("class")):
        return True
    style = attributes.get("style")
    return isinstance(style, str) and _INVISIBLE.search(style) is not None


def find_content(soup: BeautifulSoup) -> Tag:
    """Return the element that holds the main content, else the body, else the whole page."""
    body = soup.body or soup
    articles = soup.find_all("article", limit=2)
    only_article = articles[0] if len(articles) == 1 else None
    for found in (soup.find("main"), soup.find(True, {"role": "main"}), only_article):
        if isinstance(found, Tag) and found.get_text(strip=True):
            return found
    return body


def find_layout_tables(root: Tag) -> set[int]:
    """Return the `id()` of each table that holds blocks other than cells: layout, not data."""
    found: set[int] = set()
    todo: list[tuple[Tag, int]] = [(root, 0)]  # with the id of the table around it
    while todo:
        tag, table = todo.pop()
        if table and tag.name in _LAYOUT:
            found.add(table)
        inner = id(tag) if tag.name == "table" else table
        todo.extend((child, inner) for child in tag.contents if isinstance(child, Tag))
    return found
