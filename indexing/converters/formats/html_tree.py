"""Removal of hidden elements and navigation from an HTML page, leaving its main content."""

import re
from collections.abc import Mapping

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString

# fmt: off
_DROPPED = frozenset({
    "script", "style", "template", "noscript", "svg", "nav", "iframe", "object", "embed", "button",
    "select", "textarea", "input", "canvas", "audio", "video", "dialog",
})
# fmt: on
_DROPPED_ROLES = frozenset({"navigation", "search"})
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
    r"|(?:font-size|opacity)\s*:\s*\+?(?:0+(?:\.0*)?|\.0+)(?![\d.])"
    r"|(?:left|top|text-indent)\s*:\s*-\d{4,}",
    re.IGNORECASE,
)
_FRAME = frozenset({"header", "footer"})
_FRAME_ROLES = frozenset({"banner", "contentinfo"})
_CONTENT = frozenset({"main", "article", "section"})
_FOOTER = re.compile(r"(?:^|[\s_-])(?:footer|colophon|copyright)(?:$|[\s_-])", re.IGNORECASE)
_RIGHTS = re.compile(
    r"©|\(c\)\s*(?:19|20)\d\d|copyright\s+(?:19|20)\d\d|all rights reserved|tous droits réservés"
    r"|alle rechte vorbehalten|todos los derechos|版[权權]所有|保留所有?[权權]利|ICP[备備证證]",
    re.IGNORECASE,
)
_SMALL_BLOCKS = ["p", "div", "ul", "ol", "dl", "table", "address", "section"]
_LONGEST_RIGHTS = 300  # characters
# names of what asks for consent, and is no part of the page
_CONSENT = re.compile(
    r"\b(?:cookies?|gdpr)[-_]?(?:banner|bar|consent|dialog|info|law|message|modal|notice|popup)"
    r"|\bconsent[-_]?(?:banner|dialog|modal|notice|popup)|\bonetrust|\bcookiebot",
    re.IGNORECASE,
)
_LONGEST_CONSENT = 2_000  # characters; a longer one may be a whole page on the subject
_FILE_NAME = re.compile(r"\S+\.(?:png|jpe?g|gif|svg|webp|bmp|tiff?|avif)", re.IGNORECASE)
_QUOTED = re.compile(r"['\"][#.]?([\w:.-]{1,100})['\"]")
# attributes that name the panel which a control opens
_CONTROLS = ("aria-controls", "data-target", "data-bs-target", "popovertarget", "commandfor")
_TOGGLES = frozenset({"collapse", "tab", "pill", "accordion", "dropdown"})
_PANELS = frozenset({"collapse", "accordion-collapse", "panel-collapse", "tab-pane"})


def alternative_text(image: Tag) -> str:
    """Return the words that stand for an image; "" where there are none, or only its file's name.

    A sign in brackets, such as `[Tip]`, is an icon whose words stand beside it.
    """
    words = image.get("alt")
    words = " ".join(words.split()) if isinstance(words, str) else ""
    if _FILE_NAME.fullmatch(words) or re.fullmatch(r"\[[^\]]{0,30}\]", words):
        return ""
    figure = image.find_parent("figure")
    caption = figure.find("figcaption") if figure else None
    return "" if caption and words in " ".join(caption.get_text().split()) else words


def is_number(tag: Tag) -> bool:
    """Return whether an element holds nothing but digits."""
    only = tag.contents[0] if len(tag.contents) == 1 else None
    return isinstance(only, NavigableString) and only.strip().isdigit()


def cut(soup: BeautifulSoup) -> int:
    """Remove hidden elements, and everything around the page's content, from the tree.

    Collapsed panels stay if something on the page opens them: a control that names them, a tab, or
    `<details>`. Headers and footers stay where no element is marked as the content, but for what a
    footer says of rights, which stands on every page.

    Returns:
        The number of elements with words that were hidden, and that nothing opens.
    """
    opened, headed = _find_opened(soup)
    framed = soup.find(["main", "article"]) or soup.find(True, {"role": "main"})
    unwanted: list[Tag] = []
    hidden = 0
    todo: list[tuple[Tag, bool, bool]] = [(soup, False, False)]  # no recursion: pages nest deeply
    while todo:
        parent, inside, in_footer = todo.pop()
        for tag in parent.contents:
            if not isinstance(tag, Tag):
                continue
            unseen = _is_hidden(tag) and not _can_open(tag, opened)
            around = _is_around(tag, framed=bool(framed)) and not inside
            ends = not inside and (in_footer or _is_footer(tag))
            around |= ends and _states_rights(tag)
            if unseen or around or _is_unwanted(tag, opened, headed):
                unwanted.append(tag)
                hidden += unseen and _has_words(tag)
            else:
                is_content = tag.name in _CONTENT or tag.attrs.get("role") == "main"
                todo.append((tag, inside or is_content, ends))
    for tag in unwanted:
        tag.extract()
    return hidden


def _find_opened(soup: BeautifulSoup) -> tuple[frozenset[str], frozenset[int]]:
    """Return the ids and classes of panels that controls open, and the `id()` of their headings.

    A button is a heading if it opens and closes a panel that is no menu.
    """
    found: set[str] = set()
    panels: dict[str, Tag] = {}
    buttons: list[tuple[Tag, str]] = []
    for tag in soup.find_all(True):
        attributes = tag.attrs
        if len(attributes) == 0:
            continue
        if isinstance(name := attributes.get("id"), str):
            panels.setdefault(name, tag)
        named = _named(attributes)
        found |= named
        toggle = attributes.get("data-toggle") or attributes.get("data-bs-toggle")
        opens = toggle in _TOGGLES or "aria-expanded" in attributes
        if opens and named and tag.name == "button":
            buttons.append((tag, min(named)))
        if (opens or attributes.get("role") == "tab") and isinstance(attributes.get("href"), str):
            found.add(str(attributes["href"]).rpartition("#")[2])
        if isinstance(script := attributes.get("onclick"), str):
            found |= set(_QUOTED.findall(script[:1_000]))
    menus = {id(up) for nav in soup.find_all("nav", limit=1_000) for up in [nav, *nav.parents]}
    headed = (id(tag) for tag, name in buttons if name in panels and id(panels[name]) not in menus)
    return frozenset(found), frozenset(headed)


def _named(attributes: Mapping[str, object]) -> set[str]:
    """Return the ids and classes that a control names."""
    values = (attributes.get(name) for name in _CONTROLS)
    return {each.lstrip("#.") for value in values if isinstance(value, str)
            for each in value.split()}  # fmt: skip


def _is_hidden(tag: Tag) -> bool:
    if not tag.attrs or tag.name in _NEVER_DROPPED or tag.name in _DROPPED:
        return False
    style = tag.attrs.get("style")
    styled = isinstance(style, str) and _INVISIBLE.search(style) is not None
    return styled or ("hidden" in tag.attrs and tag.attrs["hidden"] != "until-found")


def _can_open(tag: Tag, opened: frozenset[str]) -> bool:
    if tag.attrs.get("role") == "tabpanel" or tag.attrs.get("id") in opened:
        return True
    classes = tag.get_attribute_list("class")
    return not (_PANELS.isdisjoint(classes) and opened.isdisjoint(classes))


def _has_words(tag: Tag) -> bool:
    return any(map(str.isalnum, tag.get_text()))


def _is_around(tag: Tag, *, framed: bool) -> bool:
    """Return whether the element stands around the content, where the page is so divided."""
    if tag.name == "aside":
        return True
    return framed and (tag.name in _FRAME or tag.attrs.get("role") in _FRAME_ROLES)


def _is_footer(tag: Tag) -> bool:
    """Return whether the element is the page's footer, by its kind or its name."""
    if tag.name == "footer" or tag.attrs.get("role") == "contentinfo":
        return True
    names = " ".join(_names(tag)) if tag.attrs and tag.name not in _NEVER_DROPPED else ""
    return _FOOTER.search(names) is not None


def _states_rights(tag: Tag) -> bool:
    """Return whether an element is the smallest block that says whose the page is."""
    if tag.find(_SMALL_BLOCKS):
        return False
    words = tag.get_text()
    return len(words) <= _LONGEST_RIGHTS and _RIGHTS.search(words) is not None


def _is_unwanted(tag: Tag, opened: frozenset[str], headed: frozenset[int]) -> bool:
    if tag.name in _NEVER_DROPPED:
        return False
    if id(tag) in headed:
        return False
    if tag.name == "dialog" and ("open" in tag.attrs or tag.attrs.get("id") in opened):
        return _marked(tag)
    return tag.name in _DROPPED or (bool(tag.attrs) and _marked(tag))


def _marked(tag: Tag) -> bool:
    """Return whether an attribute marks the element as navigation or as no part of the page."""
    attributes = tag.attrs
    if attributes.get("aria-hidden") == "true" or attributes.get("role") in _DROPPED_ROLES:
        return True
    if not _DROPPED_CLASSES.isdisjoint(tag.get_attribute_list("class")):
        return True
    names = " ".join(_names(tag))
    return bool(_CONSENT.search(names)) and len(tag.get_text()) <= _LONGEST_CONSENT


def _names(tag: Tag) -> list[str]:
    """Return the classes of an element, and its id."""
    classes = (str(each) for each in tag.get_attribute_list("class") if each)
    return [*classes, str(tag.attrs.get("id") or "")]


def find_content(soup: BeautifulSoup) -> Tag:
    """Return the element that holds the main content, else the body, else the whole page."""
    body = soup.body or soup
    articles = soup.find_all("article", limit=2)
    only_article = articles[0] if len(articles) == 1 else None
    for found in (soup.find("main"), soup.find(True, {"role": "main"}), only_article):
        if isinstance(found, Tag) and found.get_text(strip=True):
            return found
    return body
