"""Words of charts and of diagrams (SmartArt): tables of their values, and nested lists."""

import datetime
import re
from collections.abc import Iterator

from indexing.converters.formats.docx.package import Element, find, name_of
from indexing.converters.text.tables import GridCell, write_table

CHART, DIAGRAM = name_of("c:chart"), name_of("dgm:relIds")
_MOST_ROWS = 1_000
_DEEPEST = 8
_FIRST_DAY = datetime.date(1899, 12, 30)  # day 0 of a spreadsheet's dates
_LAST_DAY = 2_958_465  # 31 December 9999
_CATEGORIES, _VALUES = ("c:cat", "c:xVal"), ("c:val", "c:yVal")
_QUOTED = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')


def chart_text(chart: Element) -> str:
    """Return a chart's title, and its values as a table: a row a category, a column a series.

    Args:
        chart: The root of the chart's part.

    Returns:
        Lines; "" if the chart keeps no values and has no title.
    """
    title = _title(chart, "c:chart")
    rows: dict[str, dict[int, str]] = {}
    names: list[str] = []
    for number, series in enumerate(chart.iter(name_of("c:ser"))):
        name = " ".join(each.text or "" for each in _under(series, "c:tx", "c:v"))
        names.append(" ".join(name.split()) or _title(chart, "c:valAx") or title or "value")
        categories = dict(_points(series, _CATEGORIES))
        for place, shown in _points(series, _VALUES):
            row = categories.get(place, str(place + 1))
            if len(rows) < _MOST_ROWS or row in rows:
                rows.setdefault(row, {})[number] = shown
    axes = ("c:catAx", "c:dateAx", "c:valAx" if chart.find(f".//{name_of('c:xVal')}") else "")
    axis = next(filter(None, (_title(chart, each) for each in axes if each)), "")
    table = [[axis, *names]]
    table += [[row, *(cells.get(n, "") for n in range(len(names)))] for row, cells in rows.items()]
    grid = [[GridCell(text, column) for column, text in enumerate(row)] for row in table]
    written = write_table(grid, header_rows=1) if rows else None
    return "\n".join(filter(None, (title, written)))


def diagram_text(data: Element) -> str:
    """Return the texts of a diagram as a list, each below the one that it belongs to.

    Args:
        data: The root of the diagram's data part.
    """
    points = {
        each.get("modelId"): each
        for each in data.iter(name_of("dgm:pt"))
        if each.get("type", "node") in {"node", "asst", "doc"}
    }
    below: dict[str | None, list[tuple[int, str]]] = {}
    for link in data.iter(name_of("dgm:cxn")):
        if link.get("type", "parOf") == "parOf":
            order = link.get("srcOrd", "")
            place = int(order) if order.isdigit() else 0
            below.setdefault(link.get("srcId"), []).append((place, link.get("destId", "")))
    roots = [name for name, point in points.items() if point.get("type") == "doc"]
    lines, todo, seen = [], [(name, -1) for name in reversed(roots)], set[str]()
    while todo:
        name, depth = todo.pop()
        if name in seen or name not in points:
            continue
        seen.add(name)
        words = _point_words(points[name])
        if words and depth >= 0:
            lines.append(f"{'  ' * min(depth, _DEEPEST)}- {words}")
        children = sorted(below.get(name, ()), reverse=True)
        todo += [(child, depth + 1) for _, child in children]
    return "\n".join(lines)


def _point_words(point: Element) -> str:
    settings = find(point, "dgm:prSet")
    if settings is not None and settings.get("phldr") in {"1", "true"}:
        return ""  # "[Text]", which nobody has written over
    return _words(find(point, "dgm:t"))


def _title(chart: Element, path: str) -> str:
    """Return the title of the first element of a kind, such as an axis."""
    owner = next(chart.iter(name_of(path)), None)
    return "" if owner is None else _words(find(owner, "c:title"))


def _words(element: Element) -> str:
    if element is None:
        return ""
    paragraphs = (
        "".join(each.text or "" for each in paragraph.iter(name_of("a:t")))
        for paragraph in element.iter(name_of("a:p"))
    )
    return " ".join(" ".join(paragraphs).split())


def _under(element: Element, path: str, name: str) -> Iterator[Element]:
    found = find(element, path)
    return iter(()) if found is None else found.iter(name_of(name))


def _points(series: Element, paths: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yield the place and the shown text of the points of a series; of several levels the first."""
    parent = next((found for each in paths if (found := find(series, each)) is not None), None)
    if parent is None:
        return
    form = next((each.text or "" for each in parent.iter(name_of("c:formatCode"))), "")
    levels = next(parent.iter(name_of("c:lvl")), parent)
    for point in levels.iter(name_of("c:pt")):
        found = find(point, "c:v")
        place = point.get("idx", "")
        if found is not None and found.text and place.isdigit():
            yield int(place), _shown(found.text, form)


def _shown(text: str, form: str) -> str:
    """Return a value as the chart shows it, as far as dates and percentages go."""
    words = " ".join(text.split())
    try:
        number = float(words)
    except ValueError:
        return words
    form = _QUOTED.sub("", form).casefold()
    if "y" in form and 0 < number <= _LAST_DAY:
        return (_FIRST_DAY + datetime.timedelta(days=int(number))).isoformat()
    return f"{100 * number:.10g}%" if "%" in form else f"{number:.10g}"
