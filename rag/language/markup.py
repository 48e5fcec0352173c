"""Marks of Markdown and HTML inside a text, taken away for reading."""

import re

_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), put)
    for pattern, put in (
        (r"<math\b.*?</math>|<!--.*?-->|<(?:script|style)\b.*?</(?:script|style)>", ""),
        (r"!\[([^\]\[]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)", r"\1"),
        (r"\[((?:[^\]\[]|\[[^\]\[]*\])*)\]\((?:[^()\s]|\([^()]*\))*(?:\s+[\"'][^\"']*[\"'])?\)"
         r"(?:\{[^{}\n]*\})?", r"\1"),
        (r"\[([^\]\[]+)\]\[[^\]\[]*\]", r"\1"),
        (r"\[\^[^\]\s]{1,20}\]:?", ""),
        (r"\s*\{\s*[#.:][^{}\n]*\}", ""),
        (r"</?(?:a|abbr|b|big|br|center|cite|code|dfn|del|div|details|summary|em|font|i|img|ins|kbd"
         r"|mark|p|q|s|samp|small|span|strong|sub|sup|tt|u|var|dl|dt|dd|ul|ol|li)"
         r"(?:\s+[\w-]+=[^<>]*|\s*/)?>", ""),
        (r"(?<![\w*])\*{1,3}(?=[^\s*])([^*\n]+?)(?<=[^\s*])\*{1,3}(?![\w*])", r"\1"),
        (r"\*\*(?=[^\s*])([^*\n]+?)(?<=[^\s*])\*\*", r"\1"),
        (r"(?<![\w_])_(?=[^\s_])([^_\n]+?)(?<=[^\s_])_(?![\w_])", r"\1"),
        (r"~~(?=\S)(.+?)(?<=\S)~~", r"\1"),
        (r"\\([\\`*_{}\[\]()#+\-.!|<>~])", r"\1"),
    )
)  # fmt: skip
_MARK = re.compile(r"[*_\[\]<>{}&~\\]")


def without_markup(text: str) -> str:
    r"""Return a text without the marks of emphasis, links, anchors, notes and inline HTML.

    Code between backticks keeps every character, and its backticks.

    Example:
        >>> without_markup("Use [**pip**](https://pip.pypa.io) in `a *b* c` { #pip }.")
        'Use pip in `a *b* c`.'
    """
    if not _MARK.search(text):
        return text
    parts, last = [], 0
    for code in _CODE.finditer(text):
        parts += [text[last : code.start()], code[0]]
        last = code.end()
    parts.append(text[last:])
    # A link's words may be code: codes are set aside as single characters while rules are applied.
    codes = parts[1::2]
    bare = "".join(part if n % 2 == 0 else chr(0xE000 + n // 2) for n, part in enumerate(parts))
    if len(codes) > 6000:
        return text
    for rule, put in _RULES:
        bare = rule.sub(put, bare)
    return re.sub(r"[\ue000-\uf8ff]", lambda m: codes[ord(m[0]) - 0xE000]
                  if ord(m[0]) - 0xE000 < len(codes) else m[0], bare)  # fmt: skip


_PAIRS = (('"', '"'), ("“", "”"), ("「", "」"), ("(", ")"), ("（", "）"), ("[", "]"), ("`", "`"))


def whole_quotes(text: str) -> str:
    """Return a text without quotation marks and brackets at or near its ends that lack a partner.

    Example:
        >>> whole_quotes('FB"'), whole_quotes('complete "independent'), whole_quotes('("a" (b')
        ('FB', 'complete independent', '"a" b')
    """
    for left, right in _PAIRS:
        if left == right and text.count(left) % 2:
            text = _without_last(text, left)
        elif left != right:
            while text.count(left) > text.count(right):
                text = text.replace(left, "", 1)
            while text.count(right) > text.count(left):
                text = _without_last(text, right)
    return text.strip()


def _without_last(text: str, sign: str) -> str:
    place = text.rfind(sign)
    return text[:place] + text[place + 1 :]
