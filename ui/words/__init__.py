"""The interface's own texts in English and Chinese, from the `*.toml` in this folder.

A file holds tables of `name = [English, Chinese]`; a table is in one file only. Text from
documents, people and models is the same in both languages and replaces `{placeholders}`.
"""

import tomllib
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
Say = Callable[..., str]


def words_in(language: Language) -> Say:
    """Return the function for the interface's texts in a language.

    Its first argument is `table.name`; the others replace the text's placeholders. It raises
    KeyError for a text that does not exist or a placeholder without a value.

    Example:
        >>> words_in("zh")("app.chat")
        '对话'
    """
    place = LANGUAGES.index(language)

    def say(key: str, /, **values: object) -> str:
        return all_words()[key][place].format_map(values)

    return say


def first_language(wanted: Iterable[object]) -> Language | None:
    """Return the first value that is a language of the interface, or None."""
    return next((each for name in wanted for each in LANGUAGES if name == each), None)


def language_of_browser(accepted: str) -> Language:
    """Return the interface language that an `Accept-Language` header prefers.

    Example:
        >>> language_of_browser("zh-CN,zh;q=0.9,en;q=0.8"), language_of_browser("fr, en;q=0.5")
        ('zh', 'en')
    """
    best: tuple[float, Language] = (0.0, "en")
    for entry in accepted.split(","):
        name, _, rest = entry.strip().partition(";")
        weight = _quality(rest)
        for language in LANGUAGES:
            if name.lower().split("-")[0] == language and weight > best[0]:
                best = (weight, language)
    return best[1]


@cache
def all_words() -> dict[str, tuple[str, str]]:
    """Return `table.name` -> the text in English and in Chinese."""
    found: dict[str, tuple[str, str]] = {}
    for file in sorted(files(__name__).iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".toml"):
            continue
        for table, entries in tomllib.loads(file.read_text(encoding="utf-8")).items():
            for name, (english, chinese) in entries.items():
                found[f"{table}.{name}"] = (english, chinese)
    return found


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
