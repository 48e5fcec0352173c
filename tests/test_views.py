"""Texts as people have them, made readable: lines, hyphens, pages, rows, characters."""

import json
import textwrap
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.converters import ConvertedDocument, Heading
from indexing.views import list_introductions, make_view
from rag.language.sentences import sentence_spans


def document(text, *, form="txt", sections=(), pages=(), key="", fields=()):
    meta = {"format": form, **dict.fromkeys(fields, "")}
    return ConvertedDocument(key, "T", text, tuple(sections), tuple(pages), meta)


def seen(text, **facts):
    return make_view(document(text, **facts)).text


def lines_of(text, **facts):
    return [line for line in seen(text, **facts).split("\n") if line.strip()]


ENGLISH = (
    "The cooling water of the second boiler must be kept at a temperature of eleven degrees. "
    "Dr. Kay writes it down every morning, as the station has done since 1975. If it rises, the "
    "supervisor opens the upper valve and informs the engineer who is on duty that night."
)
CHINESE = (
    "冷却水的温度必须保持在十一度。自一九七五年以来，站长每天早上都会把读数写进值班日志里，夜班的工程师再核对一遍。"
    "如果温度升高，主管先打开上面的阀门，再通知当天夜里值班的工程师，由他决定是否停机检修，并把原因写清楚。"
    "仪表每年校准两次，校准的结果保存在档案室里，任何人都可以查阅，但不得带走。"
)


def wrapped(text, width):
    return [text[start : start + width] for start in range(0, len(text), width)]


# -- line breaks


@pytest.mark.parametrize("width", [40, 55, 72, 100])
def test_english_lines_are_joined_with_a_space(width):
    assert seen("\n".join(textwrap.wrap(ENGLISH, width))) == ENGLISH


@pytest.mark.parametrize("width", [16, 20, 35])
@pytest.mark.parametrize("gap", ["\n", "\n\n", "\n \n　　"])
def test_chinese_lines_are_joined_without_one_also_over_blank_lines(width, gap):
    assert seen(gap.join(wrapped(CHINESE, width))) == CHINESE


def test_spaces_between_chinese_characters_go_and_those_beside_latin_words_stay():
    assert (
        seen("数 据 库 每 天 凌晨 备 份，用 PostgreSQL 存。")
        == "数据库每天凌晨备份，用 PostgreSQL 存。"
    )
    assert seen("第一章 总则") == "第一章 总则"
    assert seen("张三 李四 王五") == "张三 李四 王五"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "备用钥匙放在厨房的蓝色盒子\n里，每周一检查。",
            "备用钥匙放在厨房的蓝色盒子里，每周一检查。",
        ),
        ("这台机器每天早上由值班的\n工程师检查一次。", "这台机器每天早上由值班的工程师检查一次。"),
        ("关于备用钥匙保管的规定\n钥匙放在厨房，每周检查。", None),
    ],
)
def test_a_single_break_is_joined_where_the_words_leave_no_doubt(text, shown):
    assert seen(text) == (shown or text)


def test_english_lines_with_blank_ones_between_are_joined_too():
    assert seen("\n\n".join(textwrap.wrap(ENGLISH, 45))) == ENGLISH


KEPT = {
    "an address": "Lena Ortiz\n12 Main Street\nHalden 1750\nNorway",
    "contacts": "Phone: 555 0199\nMail: desk@example.org\nHours: nine to five on weekdays only",
    "an ini file": "[server]\nport = 8080\nhost = localhost\nworkers = 4",
    "a log": "2024-03-01 10:00:01 started the pump of the second boiler\n"
    "2024-03-01 10:00:09 the pump of the second boiler has stopped",
    "a list": "Bring these:\n- a rope\n- a lamp\n- two blankets of wool",
    "numbers": "1. Open the valve.\n2. Wait ten minutes.\n3. Close the valve.",
    "a Chinese list": "准备：\n1、绳子\n2、灯\n（3）毯子",
    "sentences": "The pump is red.\nThe valve is blue, and it is old.\nNobody knows why.",
    "verse": "床前明月光，\n疑是地上霜。\n举头望明月，\n低头思故乡。",
    "an English verse": "The woods are lovely, dark and deep,\nBut I have promises to keep,\n"
    "And miles to go before I sleep,\nAnd miles to go before I sleep.",
    "code": "```\nfor x in y:\n    print(x)\n```",
    "commands": "pip install -U 'client[all]' --quiet\nnpm install @example/client --save\n"
    "curl https://example.org/v1/things --header 'x: y'\npython -m venv .venv",
    "a program": "import pumps\nfrom pumps.client import Client\ndef start(client, number):\n"
    "print(client.start(number))",
    "a heading": "# The boiler\nIt is red.",
    "short words": "apples\npears\nplums\ncherries",
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
@pytest.mark.parametrize("around", [False, True], ids=["alone", "in wrapped text"])
def test_lines_that_stand_for_themselves_are_kept(text, around):
    prose = "\n".join(textwrap.wrap(ENGLISH, 70))
    whole = f"{prose}\n\n{text}\n\n{prose}" if around else text
    shown = lines_of(whole)
    assert [line for line in shown if line != ENGLISH] == text.split("\n")


def test_words_that_are_names_of_commands_begin_lines_of_sentences_too():
    lines = (
        "Whoever lives in the second house of the station has to",
        "make bread for all on Sundays, and whoever wants to",
        "go get some wood, or to look for the old",
        "cat of the station, which sleeps in the shed, tells the",
        "node keeper who is on duty; we",
        "import nothing but oil, and what we",
        "export is listed (see the list of goods in the hall).",
    )
    assert seen("\n".join(lines)) == " ".join(lines)


def test_a_line_break_in_markdown_means_nothing_unless_it_is_a_hard_one():
    text = "A sentence that\nGoes on here\nand ends.  \nAnother\\\nline.\n\n- an item\n  goes on"
    assert lines_of(text, form="md") == [
        "A sentence that Goes on here and ends.", "Another\\", "line.", "- an item goes on",
    ]  # fmt: skip


def test_the_lines_of_a_web_page_are_as_they_are():
    text = "Warning\nDo not open the valve\nwhile it is hot"
    assert seen(text, form="html") == text


def test_a_heading_is_never_part_of_a_sentence():
    text = "It was a long day at the station and nobody\nslept\nAllergens\nThe bread has nuts in it"
    place = text.index("Allergens")
    view = make_view(document(text, form="pdf", sections=[Heading(place, 2, "Allergens")]))
    sentences = [view.text[slice(*span)] for span in sentence_spans(view.text, lines_end=True)]
    assert "Allergens" in sentences
    assert view.text.startswith("It was a long day at the station and nobody slept\n")


# -- hyphens


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It must keep a steady tempera-\nture of eleven.", "temperature"),
        ("The regular super-\nvisor checks it daily.", "supervisor"),
        ("A most cost-\neffective plan was made.", "cost-effective"),
        ("Their well-\nknown plan. It is well-known.", "well-known"),
        ("Eine gute Wasser-\nversorgung. Die Wasserversorgung ist alt.", "Wasserversorgung"),
        ("A soft hyphen stays in tem\u00ad\nperature readings.", "temperature"),
        ("The range of 1990-\n1995 was covered here.", "1990-1995"),
    ],
)
def test_a_word_divided_at_the_end_of_a_line_is_joined_and_a_real_hyphen_stays(text, shown):
    assert shown in seen(text, form="pdf")


# -- pages


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2.1 Getting started . . . . . . . . 5\n2.2 Mentors .......12", None),
        ("序言 ……………… iv\n第一章 起点 ······· 1", "序言 iv\n第一章 起点 1"),
        (
            "Wait....\nName: ........\nIt went on ..... and on.",
            "Wait....\nName: ........\nIt went on ..... and on.",
        ),
    ],
)
def test_leaders_of_a_table_of_contents_are_one_space(text, shown):
    assert seen(text, form="pdf") == (shown or "2.1 Getting started 5\n2.2 Mentors 12")


def paged(*pages):
    text = "\n\f".join(pages)
    starts = [0]
    for page in pages[:-1]:
        starts.append(starts[-1] + len(page) + 2)
    return document(text, form="pdf", pages=starts)


def test_a_sentence_goes_on_over_a_page_break_without_header_and_footer():
    made = make_view(
        paged(
            "ACME Internal\nThe main bearing had become hot and the load went down to\n1 of 3",
            "ACME Internal\nforty megawatts for the night, which the crew had expected.\n2 of 3",
            "ACME Internal\nNobody was hurt.\n3 of 3",
        )
    )
    assert "the load went down to forty megawatts" in made.text
    assert made.text.count("ACME") == 1
    assert "of 3" not in made.text


def test_a_header_with_a_page_s_number_in_it_is_left_out_and_chapters_are_not():
    pages = [f"Report 2023 · {n}\nChapter {n}\nText {word} of the page." for n, word in
             enumerate(("one", "two", "three", "four"), start=7)]  # fmt: skip
    pages = [page.replace("Chapter 9", "The end") for page in pages]
    text = make_view(paged(*pages)).text
    assert text.count("Report") == 1
    assert all(f"Chapter {n}" in text for n in (7, 8, 10))


def test_pages_that_are_all_alike_are_kept():
    text = make_view(paged("The same line.", "The same line.", "The same line.")).text
    assert text.count("The same line.") == 3


# -- rows and records


def test_a_row_is_read_with_its_column_names_and_every_cell_keeps_its_place():
    rows = (
        "| Model | Weight (kg) | Power |\n|---|---|---|\n| A100 | 14 | 1.1 |\n| A300 | 27 | 3 |\n"
    )
    text = f"Motors:\n\n{rows}"
    view = make_view(document(text, form="md"))
    assert "The Weight (kg) of A300 is 27." in view.text
    assert "The Power of A100 is 1.1." in view.text
    assert "---" not in view.text
    place = view.text.index("27")
    assert text[slice(*view.to_source(place, place + 2))] == "27"
    assert view.to_source(place, place + 2)[0] == text.index("27")


def test_a_chinese_row_is_read_in_chinese():
    text = "| 型号 | 重量（千克） |\n| --- | --- |\n| 甲三 | 27 |"
    assert "甲三的重量（千克）是27。" in seen(text, form="md")


def test_rows_of_one_name_are_told_apart_by_the_next_names():
    rows = "| Zone | Class | Fare |\n|---|---|---|\n| Hill | first | 22 |\n| Hill | second | 17 |"
    shown = seen(rows, form="md")
    assert "The Fare of Hill, Class first is 22." in shown
    assert "The Fare of Hill, Class second is 17." in shown


def test_a_row_is_named_by_a_name_and_not_by_its_number():
    text = "| No | Model | Weight |\n|---|---|---|\n| 1 | A300 | 27 |"
    assert "The Weight of A300 is 27." in seen(text, form="md")
    assert "No: 1." in seen(text, form="md")


def test_a_table_of_names_and_values_is_read_as_such():
    text = "| Setting | Value |\n|---|---|\n| port | 8080 |"
    assert "The port is 8080." in seen(text, form="md")


def test_cells_that_are_texts_stay_texts_and_empty_ones_say_nothing():
    long = "It opens the valve and waits. " * 10
    text = f"| Step | Meaning | Note |\n|---|---|---|\n| Open | {long.strip()} |  |"
    shown = seen(text, form="md")
    assert f"Meaning: {long.strip()}" in shown
    assert "Note of" not in shown


def test_a_record_is_read_as_sentences_about_its_name():
    text = "He said: it pumps.\n\nModel: A300\nWeight (kg): 27\nNotes: none"
    fields = ["Model", "Weight (kg)", "Notes"]
    assert lines_of(text, form="csv", key="3", fields=fields) == [
        "He said: it pumps.", "Model: A300", "The Weight (kg) of A300 is 27.",
        "The Notes of A300 is none.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "row", ["| a |", "| a | b | c | d |", "||||", "| \\| | x |", "|a|b", "| a"]
)
def test_odd_rows_do_no_harm(row):
    text = f"| H | K |\n|---|---|\n{row}\nafter"
    view = make_view(document(text, form="md"))
    assert view.text.endswith("after")


# -- characters


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("The eﬃciency of the ﬁlter", "The efficiency of the filter"),
        ("型号ＡＢ１２的功率", "型号AB12的功率"),
        ("ｶﾀｶﾅ と ⼈", "カタカナ と 人"),
        ("\x1b[1mbold\x1b[0m text\x07", "bold text"),
        ("zero\u200bwidth \ufefftext", "zerowidth text"),
        ("a ![logo](data:image/png;base64," + "iVBORw0KGgo" * 40 + ") b", "a ![logo]([data]) b"),
        ("½ of it, 20 ℃，“是”", "½ of it, 20 ℃，“是”"),
    ],
)
def test_characters_are_read_in_their_usual_form_and_punctuation_stays(text, shown):
    assert seen(text) == shown


# -- any text


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=30),
            st.sampled_from(
                ["| a | b |", "|---|---|", "- item", "数据库每天", "备份，", "tempera-",
                 "ture of it", "# H", "```", "\f", "\n", "\n\n", "Name: x", "2. of it", "> a"]
            ),
        ),
        max_size=25,
    ),
    st.sampled_from(["txt", "md", "html", "pdf", "csv"]),
    st.booleans(),
)  # fmt: skip
def test_any_text_has_a_view_that_can_be_stored_and_loses_no_letter(parts, form, is_record):
    text = "\n".join(parts)
    made = make_view(document(text, form=form, key="1" if is_record else ""))
    assert json.loads(json.dumps(made.dump())) == made.dump()
    lost = "".join(text[edit.start : edit.end] for edit in made.edits if not edit.put)
    kept = [char for char in lost if char.isalnum()]
    assert len(kept) <= sum(len(part) for part in parts if "\x1b" in part)


@pytest.mark.parametrize(
    "unit",
    ["reportbugisatooldesignedtomakethereportingofbugsindebianeasy", "a ", "- ", "| ", "1. ", "。 ",
     "a: ", "a\n", "- a\n", "| a |\n", "a:\n", "据 ", "据\n\n"],
)  # fmt: skip
def test_time_grows_no_faster_than_the_text(unit):
    def seconds(count):
        made = document(unit * count)
        start = time.process_time()
        make_view(made)
        return time.process_time() - start

    seconds(100)
    assert min(seconds(8_000) for _ in range(2)) < 12 * max(seconds(2_000), 0.005)


# -- lists


NESTED = """It is old. Bring these:

- a rope
- a lamp:
  - red
- wool

Steps to start it:
1. Open it.

It may squeak.
```
- no item
```
2. Close it.

The end.
- alone"""


def test_an_item_is_introduced_by_the_sentences_above_it():
    found = {
        NESTED[at:].split("\n", maxsplit=1)[0]: words
        for at, words in list_introductions(NESTED).items()
    }
    assert found == {
        "- a rope": "Bring these:",
        "- a lamp:": "Bring these:",
        "- red": "Bring these: a lamp:",
        "- wool": "Bring these:",
        "1. Open it.": "Steps to start it:",
        "2. Close it.": "Steps to start it:",
    }


@pytest.mark.parametrize(
    "text", ["# Bring these:\n- a", "No colon.\n- a", "- a\n- b", f"{'long ' * 50}:\n- a", ""]
)
def test_a_heading_another_sentence_and_a_long_one_introduce_nothing(text):
    assert list_introductions(text) == {}


def test_a_chinese_list_is_introduced_too():
    found = list_introductions("准备以下物品：\n1、绳子\n（2）灯")
    assert {*found.values()} == {"准备以下物品："}
