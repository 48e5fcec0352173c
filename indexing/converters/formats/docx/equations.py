"""Equations of Office (OMML) as text on one line, such as `A=πr²` or `(a+b)/2`."""

from collections.abc import Callable

from indexing.converters.formats.docx.package import Element, find, name_of

_RAISED = str.maketrans("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ")
_LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_VALUE = name_of("m:val")
_PREFIX = name_of("m:t").removesuffix("t")
_TEXTS = frozenset({name_of("m:t"), name_of("w:t")})


def equation_text(equation: Element) -> str:
    """Return an equation on one line; powers and indices of digits are small, others after ^ or _.

    Args:
        equation: An element `m:oMath` or `m:oMathPara`, or anything within.
    """
    return " ".join(_below(equation).split())


def _below(element: Element) -> str:
    return "".join(_text(child) for child in element.iterchildren())


def _text(element: Element) -> str:
    tag = element.tag
    if not isinstance(tag, str):
        return ""
    if tag in _TEXTS:
        return element.text or ""
    if not tag.startswith(_PREFIX):
        return "" if tag.endswith(("Pr", "}del", "}moveFrom")) else _below(element)
    name = tag.removeprefix(_PREFIX)
    if name in _WRITERS:
        return _WRITERS[name](element)
    if (
        name == "oMath"
        and element.getnext() is not None
        and element.getparent().tag.endswith("Para")
    ):
        return _below(element) + " ; "
    return "" if name.endswith("Pr") else _below(element)


def _part(element: Element, name: str) -> str:
    found = find(element, f"m:{name}")
    return "" if found is None else _below(found).strip()


def _property(element: Element, path: str, default: str) -> str:
    found = find(element, path)
    if found is None:
        return default
    return str(found.get(_VALUE, "") or "")


def _grouped(text: str) -> str:
    """Return a term in parentheses unless it is a single name, number or group."""
    if len(text) < 2 or text.isalnum() or (text[0] in "([{" and text[-1] in ")]}"):
        return text
    return f"({text})"


def _raised(text: str) -> str:
    small = text.translate(_RAISED)
    apart = not any(a == b for a, b in zip(text, small, strict=True))
    return small if text and apart else f"^{_grouped(text)}" if text else ""


def _lowered(text: str) -> str:
    small = text.translate(_LOWERED)
    apart = not any(a == b for a, b in zip(text, small, strict=True))
    return small if text and apart else f"_{_grouped(text)}" if text else ""


def _fraction(element: Element) -> str:
    return f"{_grouped(_part(element, 'num'))}/{_grouped(_part(element, 'den'))}"


def _script(element: Element) -> str:
    lower, upper = _lowered(_part(element, "sub")), _raised(_part(element, "sup"))
    base = _part(element, "e")
    if element.tag.endswith("}sPre"):
        return lower + upper + base
    return (base if len(base) < 2 or base.isalnum() else _grouped(base)) + lower + upper


def _root(element: Element) -> str:
    return f"{_raised(_part(element, 'deg'))}√{_grouped(_part(element, 'e'))}"


def _nary(element: Element) -> str:
    sign = _property(element, "m:naryPr/m:chr", "∫")
    lower, upper = _lowered(_part(element, "sub")), _raised(_part(element, "sup"))
    return f"{sign}{lower}{upper} {_part(element, 'e')}"


def _delimited(element: Element) -> str:
    begin = _property(element, "m:dPr/m:begChr", "(")
    end = _property(element, "m:dPr/m:endChr", ")")
    between = _property(element, "m:dPr/m:sepChr", "|")
    parts = [_below(child).strip() for child in element.iterchildren(name_of("m:e"))]
    return begin + between.join(parts) + end


def _function(element: Element) -> str:
    argument = _part(element, "e")
    space = "" if argument.startswith(("(", "[")) else " "
    return f"{_part(element, 'fName')}{space}{argument}"


def _limit(element: Element) -> str:
    mark = "^" if element.tag.endswith("}limUpp") else "_"
    return f"{_part(element, 'e')}{mark}{_grouped(_part(element, 'lim'))} "


def _matrix(element: Element) -> str:
    rows = element.iterchildren(name_of("m:mr"))
    lines = [", ".join(_below(cell).strip() for cell in row.iterchildren()) for row in rows]
    return f"[{'; '.join(lines)}]"


def _array(element: Element) -> str:
    return "; ".join(_below(child).strip() for child in element.iterchildren(name_of("m:e")))


def _accented(element: Element) -> str:
    return _part(element, "e") + _property(element, "m:accPr/m:chr", "\u0302")


_WRITERS: dict[str, Callable[[Element], str]] = {
    "f": _fraction,
    "sSup": _script,
    "sSub": _script,
    "sSubSup": _script,
    "sPre": _script,
    "rad": _root,
    "nary": _nary,
    "d": _delimited,
    "func": _function,
    "limLow": _limit,
    "limUpp": _limit,
    "m": _matrix,
    "eqArr": _array,
    "acc": _accented,
}
