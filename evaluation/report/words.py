"""The report's own texts in English and Chinese, from the `words*.toml` in this folder.

Metric names, ids and everything else that comes from the data are the same in both languages.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Language = Literal["en", "zh"]
WORD_FILES = (
    "words.toml",
    "words_difference.toml",
    "words_reading.toml",
)  # a table stands in one of them only


@dataclass(frozen=True)
class Words:
    """One text in both languages."""

    en: str
    zh: str


def say(key: str, **values: "str | int | Words") -> Words:
    """Return a text of `words*.toml`, its placeholders replaced.

    Args:
        key: Table and name, such as `verdict.alone`.
        values: Placeholder -> value; `Words` are inserted by language.

    Raises:
        KeyError: If there is no such text, or a placeholder has no value.

    Example:
        >>> say("title.funnel")
        Words(en='Where it is lost', zh='在哪一步丢失')
    """
    pair = _pairs()[key]
    return Words(*(_fill(text, place, values) for place, text in enumerate(pair)))


def known(key: str) -> bool:
    """Return whether `say` has a text."""
    return key in _pairs()


def joined(parts: "list[str | Words] | tuple[str | Words, ...]", separator: str = ", ") -> Words:
    """Return several texts as one, with a Chinese comma in the Chinese one.

    Example:
        >>> joined(["a", Words("b", "乙")])
        Words(en='a, b', zh='a、乙')
    """
    chinese = "、" if separator == ", " else separator
    return Words(
        separator.join(in_english(part) for part in parts),
        chinese.join(in_language(part, "zh") for part in parts),
    )


def in_language(text: "str | Words", language: Language) -> str:
    """Return a text in a language; data is the same in both languages."""
    if isinstance(text, Words):
        return text.zh if language == "zh" else text.en
    return text


def in_english(text: "str | Words") -> str:
    """Return the English form of a text."""
    return in_language(text, "en")


def _fill(text: str, place: int, values: "dict[str, str | int | Words]") -> str:
    chosen = {
        name: (value.en, value.zh)[place] if isinstance(value, Words) else value
        for name, value in values.items()
    }
    return text.format_map(chosen)


@cache
def _pairs() -> dict[str, tuple[str, str]]:
    folder = files("evaluation.report")
    return {
        f"{table}.{name}": (pair[0], pair[1])
        for file in WORD_FILES
        for table, entries in tomllib.loads(
            folder.joinpath(file).read_text(encoding="utf-8")
        ).items()
        for name, pair in entries.items()
    }
