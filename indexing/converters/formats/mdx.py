"""MDX files, which are Markdown with components: what a reader sees of them, as Markdown."""

import re
from collections.abc import Iterator

_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_MODULE = re.compile(r"(?:import|export)\b[ \t*{'\"]")
_COMMENT = re.compile(r"\{/\*.*?\*/\}", re.DOTALL)
_TAG = re.compile(r"[ \t]*</?[A-Z][\w.]*(?:\s[^<>]*)?>[ \t]*")
_WORDS = re.compile(r"\b(?:title|label|alt)=[\"']([^\"']+)[\"']")


def read_mdx(text: str) -> str:
    r"""Return MDX as Markdown: without imports, exports and comments, code left as it is.

    A component's tag that stands alone on a line becomes its title, label or alternative text.

    Example:
        >>> read_mdx("import Tab from 'x'\n\n<Tab label=\"Linux\">\nRun it.\n</Tab>\n")
        '\nLinux\nRun it.\n\n'
    """
    parts: list[str] = []
    prose: list[str] = []
    for line, is_code in _lines(text):
        if not is_code:
            prose.append(line)
            continue
        parts += [_read_prose("".join(prose)), line]
        prose.clear()
    return "".join([*parts, _read_prose("".join(prose))])


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each line that is no part of an import or export, and whether it is code."""
    fence, depth, in_module, before = "", 0, False, ""
    for line in text.splitlines(keepends=True):
        found = _FENCE.match(line)
        if fence or (found and not in_module):
            mark = found[1] if found else ""
            closes = bool(fence) and mark.startswith(fence) and not line.strip(" \t\n`~")
            yield line, True
            fence = "" if closes else fence or mark
            before = line
            continue
        starts = not before.strip() and _MODULE.match(line) is not None
        in_module = starts or (in_module and (depth > 0 or bool(line.strip())))
        if in_module:
            depth += sum(map(line.count, "{[(")) - sum(map(line.count, "}])"))
        else:
            depth = 0
            yield line, False
        before = line


def _read_prose(text: str) -> str:
    lines = _COMMENT.sub("", text).splitlines(keepends=True)
    return "".join(_words(line) if _TAG.fullmatch(line.rstrip("\n")) else line for line in lines)


def _words(tag: str) -> str:
    found = _WORDS.search(tag)
    return f"{found[1]}\n" if found else "\n"
