"""The interface's words: complete in both languages, used, and the same in their placeholders."""

import re
import string

import pytest
from places import ROOT

from evaluation.report.words import known as in_report
from ui.words import all_words, language_of_browser, words_in

WORDS = all_words()
SOURCES = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted((ROOT / "ui").rglob("*.py"))
)


def placeholders(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", WORDS)
def test_a_text_is_there_in_both_languages(key):
    english, chinese = WORDS[key]
    assert english.strip() and chinese.strip()
    assert placeholders(english) == placeholders(chinese)


def test_every_text_that_is_asked_for_exists():
    asked = set(re.findall(r'(?:say|words)\(\s*"([a-z_]+\.[a-z_]+)"', SOURCES))
    assert len(asked) > 50
    assert [key for key in asked - set(WORDS) if not in_report(key)] == []


def test_every_text_is_used():
    named = set(re.findall(r"[\"']([a-z_]+(?:\.[a-z_]+)?)[\"']", SOURCES))
    built = set(re.findall(r"f[\"']([a-z_]+)\.\{", SOURCES))  # names put together in the program
    unused = [
        key
        for key in WORDS
        if not {key, key.split(".")[1]} & named and key.split(".")[0] not in built
    ]
    assert unused == []


def test_a_placeholder_that_is_left_over_is_an_error():
    with pytest.raises(KeyError):
        words_in("en")("source.page")


@pytest.mark.parametrize(
    "accepted, language",
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-Hans-CN", "zh"),
        ("en-GB,zh;q=0.9", "en"),
        ("fr-FR,zh;q=0.3,en;q=0.2", "zh"),
        ("en;q=0.1, zh;q=x", "en"),
        ("*", "en"),
    ],
)
def test_the_browser_chooses_the_language(accepted, language):
    assert language_of_browser(accepted) == language
