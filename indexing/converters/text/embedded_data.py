"""Data that text files carry for programs: a short mark takes the place of what nobody reads."""

import re

_SHORTEST_URI = 100  # characters of data; a shorter one is an icon or an example
# a slash is written `\\/` in some JSON; possessive, so that ten megabytes take no memory
_URI = re.compile(
    r"data:(?P<type>[\w.+-]{1,60}/[\w.+-]{1,80})?(?P<rest>(?:;[\w=.+-]{1,80}){0,5}),"
    r"(?P<data>(?:[\w+/=%.;:*!~$&@?#,-]++|\\/)++)",
    re.ASCII | re.IGNORECASE,
)
# 200 characters without a space: longer than any word, path or hash
_ENCODED = re.compile(r"(?<![\w+/=-])(?=[\w+/\\-]{200})(?:[A-Za-z0-9+/_-]++|\\/)++={0,2}", re.ASCII)
_WRAPPED = re.compile(
    r"^(?:[ \t>]{0,8}[A-Za-z0-9+/]{60,100}\n){3,}[ \t>]{0,8}"
    r"(?:[A-Za-z0-9+/]{60,100}|[A-Za-z0-9+/]{0,99}={1,2})$",
    re.MULTILINE,
)
_LINE = re.compile(r"^[ \t>]{0,8}[A-Za-z0-9+/]{60,100}$", re.MULTILINE)


def shorten_data(text: str) -> str:
    """Return the text with data URIs and base64 shortened to marks; all other text stays.

    Example:
        >>> shorten_data("![a pump](data:image/png;base64," + "iVBORw0KGgo" * 50 + ")")
        '![a pump](data:image/png;base64,...)'
    """
    if "data:" in text or "DATA:" in text:
        text = _URI.sub(_short_uri, text)
    text = _ENCODED.sub(_mark, text)
    return _WRAPPED.sub(_mark, text) if _LINE.search(text) else text


def _short_uri(uri: re.Match[str]) -> str:
    if len(uri["data"]) < _SHORTEST_URI:
        return uri[0]
    return f"data:{uri['type'] or ''}{uri['rest']},..."


def _mark(match: re.Match[str]) -> str:
    data = match[0]
    # letters of both kinds and digits: no line of dashes, no sequence of genes, no endless word
    mixed = re.search("[a-z]", data) and re.search("[A-Z]", data) and re.search("[0-9]", data)
    return f"[base64 data, {len(data):,} characters]" if mixed else data
