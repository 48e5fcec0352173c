"""Blocks of an HTML page that are mostly links: menus, "related" lists, rows of buttons.

Lists of links in the marked content of a page stay, unless their name says menu.
"""

import re
from dataclasses import dataclass

from bs4 import Tag
from bs4.element import NavigableString, PreformattedString

# fmt: off
_BLOCKS = frozenset({
    "ul", "ol", "dl", "div", "section", "aside", "header", "footer", "p", "form", "center", "table",
})
# fmt: on
_CONTENT = frozenset({"main", "article"})
_HEADINGS = frozenset({"h2", "h3", "h4", "h5", "h6"})
_MENU = re.compile(
    r"(?:^|[\s_-])(?:nav(?:bar|igation)?|menu|breadcrumbs?|related|share|social|pag(?:er|ination)|"
    r"sidebar)(?:$|[\s_-])",
    re.IGNORECASE,
)
_FEWEST = 3  # links
_SHARE = 0.75  # of the characters that are links
_SHARE_OF_PARAGRAPH = 0.9  # a sentence has words between its links, a row of links signs
_LONGEST_LINK = 60  # characters of a link on average; titles of references are longer


@dataclass
class _Count:
    """Characters under an element, those of links among them, and the number of links."""

    characters: int = 0
    linked: int = 0
    links: int = 0


def cut_link_blocks(root: Tag) -> None:
    """Remove the blocks under an element that are mostly links, with the heading above them.

    Nothing is removed if hardly anything would be left: some pages are lists of links.
    """
    counts = _count(root)
    blocks = _find_blocks(root, counts)
    total = counts[id(root)].characters
    left = total - sum(counts[id(block)].characters for block in blocks)
    if left < 0.25 * total and left < 200:
        return
    for block in blocks:
        heading = _heading_alone(block)
        block.extract()
        if heading is not None:
            heading.extract()


def _count(root: Tag) -> dict[int, _Count]:
    counts = {id(root): _Count()}
    todo: list[tuple[Tag, bool, bool]] = [(root, False, False)]  # no recursion: pages nest deeply
    while todo:
        tag, linked, leaving = todo.pop()
        mine = counts[id(tag)]
        if leaving:
            if tag is not root and isinstance(tag.parent, Tag):
                above = counts[id(tag.parent)]
                above.characters += mine.characters
                above.linked += mine.linked
                above.links += mine.links
            continue
        todo.append((tag, linked, True))
        if tag.name == "a" and tag.get("href") is not None:
            linked, mine.links = True, 1
        for child in tag.contents:
            if isinstance(child, Tag):
                counts[id(child)] = _Count()
                todo.append((child, linked, False))
            elif isinstance(child, NavigableString) and not isinstance(child, PreformattedString):
                size = len(child.strip())
                mine.characters += size
                mine.linked += size if linked else 0
    return counts


def _find_blocks(root: Tag, counts: dict[int, _Count]) -> list[Tag]:
    marked = root.name in _CONTENT or root.get("role") == "main"
    found: list[Tag] = []
    todo: list[tuple[Tag, bool]] = [(root, marked)]
    while todo:
        parent, inside = todo.pop()
        for tag in parent.contents:
            if not isinstance(tag, Tag):
                continue
            within = inside or tag.name in _CONTENT or tag.get("role") == "main"
            if tag.name in _BLOCKS and _is_menu(tag, counts[id(tag)], inside=within):
                found.append(tag)
            else:
                todo.append((tag, within))
    return found


def _is_menu(tag: Tag, count: _Count, *, inside: bool) -> bool:
    if count.links < _FEWEST or count.linked < _SHARE * count.characters:
        return False
    if tag.name == "p" and count.linked < _SHARE_OF_PARAGRAPH * count.characters:
        return False
    if count.linked > _LONGEST_LINK * count.links or tag.find(["h1", "th", "pre"]):
        return False
    names = " ".join([*map(str, tag.get_attribute_list("class")), str(tag.get("id") or "")])
    if inside:
        return _MENU.search(names) is not None
    before = tag.find_previous_sibling()  # "You need:" and then a list
    return not (isinstance(before, Tag) and before.get_text().rstrip().endswith((":", "：")))


def _heading_alone(block: Tag) -> Tag | None:
    """Return the heading above a block if nothing else stands under it."""
    before, after = _neighbour(block, back=True), _neighbour(block, back=False)
    if not (isinstance(before, Tag) and before.name in _HEADINGS):
        return None
    alone = after is None or (isinstance(after, Tag) and after.name in _HEADINGS)
    return before if alone else None


def _neighbour(tag: Tag, *, back: bool) -> object:
    """Return the sibling before or after an element that holds words, or None."""
    near = tag.previous_siblings if back else tag.next_siblings
    return next((each for each in near if each.get_text().strip()), None)
