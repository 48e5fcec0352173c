"""Bytes become the characters that were written, or the file is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.converters.dispatch import convert_bytes
from indexing.converters.schema import ConversionProblem, ConvertedDocument, Unreadable
from indexing.converters.text.cleaning import clean, clean_marked
from indexing.converters.text.decoding import BINARY, decode

SIMPLIFIED = (
    "这台水泵的额定压力是一点五巴，安装之前必须检查所有的阀门和密封圈。如果压力低于规定的数值，"
    "请立即停止运行并且联系维修人员。每三个月需要更换一次过滤器，否则电动机可能因为过热而损坏。"
    "使用说明书的第二部分介绍了日常保养的方法，第三部分列出了常见的故障以及处理办法。"
)
TRADITIONAL = (
    "這台水泵的額定壓力是一點五巴，安裝之前必須檢查所有的閥門和密封圈。如果壓力低於規定的數值，"
    "請立即停止運行並且聯繫維修人員。每三個月需要更換一次過濾器，否則電動機可能因為過熱而損壞。"
    "使用說明書的第二部分介紹了日常保養的方法，第三部分列出了常見的故障以及處理辦法。"
)
JAPANESE = (
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所で"
    "ニャーニャー泣いていた事だけは記憶している。吾輩はここで始めて人間というものを見た。"
    "しかもあとで聞くとそれは書生という人間中で一番獰悪な種族であったそうだ。"
)
GERMAN = (
    "Die Pumpe läuft nur, wenn das Gehäuse völlig geschlossen ist. Überprüfen Sie vor der ersten "
    "Inbetriebnahme die Flüssigkeit im Behälter und füllen Sie sie gemäß der Tabelle auf."
)
FRENCH = (
    "La pompe s’arrête dès que la pression dépasse la limite réglée. Vérifiez le niveau d’huile "
    "après chaque démarrage ; le modèle à façade élevée coûte 120 € de plus."
)
RUSSIAN = (
    "Насос останавливается, когда давление превышает установленный предел. Перед первым запуском "
    "проверьте уровень масла и закройте крышку корпуса, как показано на рисунке."
)
POLISH = (
    "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni "
    "obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa. Każdy "
    "człowiek posiada wszystkie prawa i wolności zawarte w niniejszej Deklaracji bez względu na "
    "różnice rasy, koloru, płci, języka, wyznania."
)
EMOJI = "𠮷野家 𝔘𝔫𝔦 👩‍👩‍👧 ❤️ 🇫🇷 می‌خواهم שלום مرحبا"


def read(data, suffix):
    """Every piece of a file, without a worker."""
    if not isinstance(data, bytes):
        data = data.encode()
    return list(convert_bytes(data, suffix, "stem"))


def documents(pieces):
    return [piece for piece in pieces if isinstance(piece, ConvertedDocument)]


def problems(pieces):
    return [piece.reason for piece in pieces if isinstance(piece, ConversionProblem)]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", SIMPLIFIED),
        ("utf-8-sig", EMOJI),
        ("utf-16", EMOJI),
        ("utf-32", EMOJI),
        ("gb18030", SIMPLIFIED),
        ("gbk", SIMPLIFIED),
        ("big5", TRADITIONAL),
        ("shift_jis", JAPANESE),
        ("euc_jp", JAPANESE),
        ("iso2022_jp", JAPANESE),
        ("latin-1", GERMAN),
        ("cp1252", FRENCH),
        ("cp1251", RUSSIAN),
        ("koi8-r", RUSSIAN),
        ("cp1250", POLISH),
        ("cp850", GERMAN),
    ],
)
def test_a_text_file_comes_back_as_it_was_written_in_any_encoding(encoding, text):
    assert decode(text.encode(encoding)).text == text
    assert documents(read(text.encode(encoding), ".txt"))[0].text == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_byte_order_mark_of_either_order_is_obeyed_and_dropped(encoding):
    assert decode(("\ufeff" + GERMAN).encode(encoding)).text == GERMAN


@pytest.mark.parametrize(
    "data",
    [
        b"text\0with a NUL",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"%PDF-1.4\nnot really",
        bytes(range(1, 256)) * 8,
        b"\xff\xfe\x00\xd8\x00\xd8a",  # UTF-16 with lone surrogates
        "\ufeffa\0b".encode("utf-16-le"),
    ],
)
def test_binary_content_is_refused_and_never_becomes_mojibake(data):
    with pytest.raises(Unreadable, match=BINARY):
        decode(data)


def test_a_few_damaged_bytes_are_replaced_and_reported():
    data = SIMPLIFIED.encode()[:-1]  # cut inside the last character
    pieces = read(data, ".txt")
    assert documents(pieces)[0].text == SIMPLIFIED[:-1] + "\ufffd"
    assert problems(pieces) == ["not valid utf-8 in 1 place, marked by \ufffd"]


def test_a_file_in_two_encodings_is_refused():
    with pytest.raises(Unreadable, match="mixes UTF-8 with another encoding"):
        decode(GERMAN.encode("latin-1") + b"\n" + GERMAN.encode())


def test_characters_that_nobody_sees_are_removed_and_line_ends_become_newlines():
    hidden = (
        "pay\u200bto\u2060 \u202eBob\u202c\U000e0041\U000e0042\ufeff\x07\x1b\u200d\u00ad!\r\nA\rB"
    )
    assert clean(hidden) == "payto Bob!\nA\nB"


def test_runs_of_variation_selectors_are_removed_but_emoji_stay_whole():
    assert clean("😀\ufe01\U000e0110\U000e0111 " + EMOJI) == "😀 " + EMOJI


def test_lone_surrogates_become_replacement_characters():
    assert clean("a\ud800b") == "a\ufffdb"


@given(st.text(st.characters(), max_size=40))
def test_cleaned_text_is_valid_and_stays_as_it_is(text):
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert clean(cleaned) == cleaned


def test_marks_move_with_the_text_that_shrinks_before_them():
    text, marks = clean_marked("cafe\u0301\u200b\nNext\u200b\nLast", [7, 13])
    assert text == "café\nNext\nLast"
    assert [text[mark:][:4] for mark in marks] == ["Next", "Last"]
