"""The analyser of bm25: what matches what, and that no text makes it hang."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.language import analysis
from rag.language.analysis import (
    ANALYZER_VERSION,
    content_words,
    language_of,
    matched_spans,
    tokens,
)
from rag.language.forms import in_one_script


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("the of and what is", []),
        ("The cities' running stations", ["citi", "run", "station"]),
        ("station's station’s stations", ["station", "station", "station"]),
        ("don't don’t", ["dont", "dont"]),
        ("café CAFÉ cafe\u0301", ["cafe", "cafe", "cafe"]),
        ("Straße Øre Łódź", ["strass", "ore", "lodz"]),
        ("6,000 6000 1,234,567.5", ["6000", "6000", "1234567.5"]),
        ("3.5 v2.1 version 3.11.2", ["3.5", "2.1", "version", "3.11.2"]),
        ("U.S. US u.s.a. e.g.", ["us", "us", "usa", "eg"]),
        ("C++ c# C", ["c++", "c#", "c"]),
        ("GGML_NATIVE", ["ggml_native", "ggml", "nativ"]),
        ("foo_bar() __init__", ["foo_bar", "foo", "bar", "init"]),
        ("--top-k=5", ["top", "k", "5"]),
        ("e-mail email", ["email", "e", "mail", "email"]),
        ("infor\u00admation", ["inform"]),
        ("ＧＰＵ １２ ﬁle", ["gpu", "12", "file"]),
        ("Москва ΣΊΣΥΦΟΣ", ["москва", "σισυφοσ"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("北京大学", ["北京", "京大", "大学"]),
        ("我的书是什么?", ["我", "书"]),
        ("東京タワー", ["东京", "京タ", "タワ", "ワー"]),
        ("한국어 문장", ["한국", "국어", "문장"]),
        ("安装GPU驱动", ["安装", "gpu", "驱动"]),
    ],
)
def test_a_text_gives_these_tokens(text, expected):
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("email", "Send an e-mail."),
        ("native", "Set GGML_NATIVE=OFF."),
        ("GGML_NATIVE", "Set `GGML_NATIVE`."),
        ("6000 soldiers", "6,000 were there"),
        ("US president", "of the U.S. in 1990"),
        ("c++ compiler", "(C++)"),
        ("O'Neill", "O’Neill's book"),
        ("资料集有多少问题", "这个资料集包含三千个"),
    ],
)
def test_a_question_meets_its_passage(question, passage):
    assert set(tokens(question)) & set(tokens(passage))


@given(st.text())
def test_tokens_are_short_not_empty_and_have_no_white_space(text):
    for token in tokens(text):
        assert token.split() == [token]
        assert len(token) <= 128 * 3  # case folding can lengthen a character to three


@given(st.text())
def test_tokens_do_not_depend_on_what_was_analysed_before(text):
    first = tokens(text)
    analysis._terms.cache_clear()
    assert tokens(text) == first


@given(st.text(), st.text())
def test_a_line_break_separates_tokens(left, right):
    assert tokens(f"{left}\n{right}") == tokens(left) + tokens(right)


def test_eight_threads_get_the_tokens_that_one_gets():
    texts = [f"generalisations{n} of running stations {n} connected" for n in range(400)]
    expected = [tokens(text) for text in texts]
    analysis._terms.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(tokens, texts)) == expected


HOSTILE = [
    "a",
    "1",
    "1,000,",
    "1.",
    "a.",
    "a-",
    "a_",
    "a'",
    "'",
    "_",
    "中",
    "\u0301",
    "的",
    "C+",
    "é",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_twice_the_text_takes_less_than_four_times_as_long(piece):
    def seconds(length):
        text = piece * (length // len(piece))
        spent = []
        for _ in range(3):
            analysis._terms.cache_clear()
            start = time.process_time()
            tokens(text)
            spent.append(time.process_time() - start)
        return min(spent)

    assert seconds(100_000) < 4 * seconds(50_000) + 0.02


def test_the_version_is_a_word_that_a_manifest_can_hold():
    assert ANALYZER_VERSION.split() == [ANALYZER_VERSION]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("What is the capital of France?", ["capital", "France"]),
        (
            "How do I install GPU drivers on Ubuntu 22.04?",
            ["install", "GPU", "drivers", "Ubuntu", "22.04"],
        ),
        ("Paris, paris and PARIS", ["Paris"]),
        ("Who wrote Tolkien's letters?", ["wrote", "Tolkien", "letters"]),
        ("北京大学的校长是谁?", ["北京大学", "校长"]),
        ("请问 TensorFlow 怎么安装?", ["TensorFlow", "安装"]),
        ("研究生院的招生目的是什么", ["研究生院", "招生目的"]),
        ("台達閱讀理解資料集有多少個問題?", ["台達閱讀理解資料集", "問題"]),
        ("東京タワーの高さは?", ["東京タワー", "高"]),
    ],
)
def test_the_subject_of_a_question_is_kept_as_it_is_written(text, expected):
    assert content_words(text) == expected


@given(st.text())
def test_content_words_are_unique_and_not_empty(text):
    words = content_words(text)
    assert all(word.strip() for word in words)
    assert len({word.casefold() for word in words}) == len(words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("42 ?! 3.5", ""),
        ("What is this?", "en"),
        ("Où est la gare?", "en"),
        ("GPU 怎么安装?", "zh"),
        ("What does 你好 mean?", "en"),
        ("請問 TensorFlow 的 GPU 版本怎麼安裝", "zh"),
        ("東京タワーの高さは?", "ja"),
        ("コンピュータ", "ja"),
        ("这本关于日本的书一共有三百页の", "zh"),
        ("한국어 문장입니다", "ko"),
        ("Где находится музей?", "ru"),
        ("أين المتحف؟", "ar"),
        ("איפה המוזיאון?", "he"),
        ("Πού είναι;", "el"),
        ("พิพิธภัณฑ์อยู่ที่ไหน", "th"),
        ("संग्रहालय कहाँ है?", "hi"),
        ("ＧＰＵ", "en"),
    ],
)
def test_the_script_tells_the_language(text, expected):
    assert language_of(text) == expected


def test_models_read_chinese_in_one_script_and_japanese_as_it_is():
    assert in_one_script("數據庫何時備份？") == "数据库何时备份？"
    assert in_one_script("東京タワーの高さ") == "東京タワーの高さ"


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        ("數據", "数据库", ["数据"]),
        ("数据", "數據庫", ["數據"]),
        ("RTX4080", "an RTX 4080 card", ["RTX 4080"]),
        ("ABC 1234", "part ABC1234", ["ABC1234"]),
        ("2024-03-15", "a\non March 15, 2024.", ["March 15, 2024"]),
    ],
)
def test_words_are_marked_in_the_writing_of_the_text(question, text, expected):
    assert [text[start:end] for start, end in matched_spans(question, text)] == expected
