"""The part of an HTML page that a reader came for: what is hidden or navigation is cut out."""

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


def cut(soup: BeautifulSoup) -> None:
    """Remove from the tree what is hidden, and what surrounds the content of a page."""
    for tag in [tag for tag in soup.find_all(True) if _unwanted(tag)]:
        tag.extract()


def _unwanted(tag: Tag) -> bool:
    if tag.name in _DROPPED:
        return True
    if tag.name in _NEVER_DROPPED:
        return False
    if tag.attrs and _marked(tag):
        return True
    return tag.name in _FRAME and not any(
        parent.name in _CONTENT or parent.attrs.get("role") == "main" for parent in tag.parents
    )


def _marked(tag: Tag) -> bool:
    """Whether an attribute says: hidden, or navigation."""
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
    """The element that holds the main content, else the body, else the whole page."""
    body = soup.body or soup
    articles = soup.find_all("article", limit=2)
    only_article = articles[0] if len(articles) == 1 else None
    for found in (soup.find("main"), soup.find(True, {"role": "main"}), only_article):
        if isinstance(found, Tag) and found.get_text(strip=True):
            return found
    return body
