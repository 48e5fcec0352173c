"""Tables of every format become pipe rows, merged cells counted wherever they span."""

import pytest
from conversions import make_docx
from docx.oxml import OxmlElement

from indexing.converters.formats.docx import convert_docx
from indexing.converters.formats.html import read_html
from indexing.converters.text.tables import GridCell, write_table


def html(page):
    return read_html(page, "stem")[0].text


def test_a_cell_that_spans_rows_stands_in_each_of_them():
    page = """<table><tr><th>Zone</th><th>Class</th><th>Fare</th></tr>
    <tr><td rowspan=2>Hill</td><td>first</td><td>22</td></tr><tr><td>second</td><td>17</td></tr>
    </table>"""
    assert html(page) == (
        "| Zone | Class | Fare |\n| --- | --- | --- |\n"
        "| Hill | first | 22 |\n| Hill | second | 17 |"
    )


def test_two_header_rows_become_one_and_a_caption_stands_above():
    page = """<table><caption>Fares of 2024</caption>
    <thead><tr><th rowspan=2>Zone</th><th colspan=2>Fare</th></tr>
    <tr><th>First</th><th>Second</th></tr></thead>
    <tr><td>Hill</td><td>22</td><td>17</td></tr><tr><td>Lake</td><td colspan=2>closed</td></tr>
    </table>"""
    assert html(page) == (
        "Fares of 2024\n| Zone | Fare First | Fare Second |\n| --- | --- | --- |\n"
        "| Hill | 22 | 17 |\n| Lake | closed | closed |"
    )


def test_a_title_row_stands_above_and_a_title_within_is_written_once():
    page = """<table><tr><th colspan=2>Pumps</th></tr><tr><th>Model</th><th>kg</th></tr>
    <tr><td colspan=2>Small ones</td></tr><tr><td>A1</td><td>3</td></tr></table>"""
    assert html(page) == ("Pumps\n| Model | kg |\n| --- | --- |\n| Small ones |  |\n| A1 | 3 |")


def test_bars_are_escaped_and_paragraphs_stay_on_the_row():
    page = (
        "<table><tr><th>A</th><th>B</th></tr><tr><td><p>x|y</p><p>z</p></td><td>1</td></tr></table>"
    )
    assert html(page).endswith("| x\\|y / z | 1 |")


@pytest.mark.parametrize(
    ("first", "second", "is_header"),
    [
        (("Name", "Bar"), ("P1", "1.5"), True),
        (("Name", "2021"), ("P1", "120"), True),
        (("P0", "1.1"), ("P1", "1.5"), False),
        (("Ada", "Berlin"), ("Bob", "Paris"), False),
        (("Model", "X300"), ("Weight", "27"), False),
        (("Ada", "Ada"), ("Bob", "3"), False),
    ],
)
def test_a_first_row_without_marks_is_a_header_only_if_it_is_clear(first, second, is_header):
    rows = [[GridCell(text, n) for n, text in enumerate(row)] for row in (first, second)]
    assert ("| --- | --- |" in write_table(rows)) is is_header


def test_a_bold_first_row_is_a_header():
    bold = "<tr><td><b>Who</b></td><td><b>Where</b></td></tr>"
    assert (
        html(f"<table>{bold}<tr><td>A</td><td>B</td></tr></table>")
        == "| Who | Where |\n| --- | --- |\n| A | B |"
    )


def test_a_nested_table_comes_once_below_its_parent():
    page = """<table><tr><th>Kit</th><th>Parts</th></tr><tr><td>K1</td>
    <td>see<table><tr><th>Part</th><th>No</th></tr><tr><td>bolt</td><td>4</td></tr></table></td></tr>
    </table>"""
    assert html(page) == (
        "| Kit | Parts |\n| --- | --- |\n| K1 | see |\n\n| Part | No |\n| --- | --- |\n| bolt | 4 |"
    )


def test_layout_tables_are_paragraphs():
    page = "<table><tr><td><ul><li>Home</li></ul></td><td><p>One</p><p>Two</p></td></tr></table>"
    assert html(page) == "- Home\n\nOne\n\nTwo"
    assert html("<table><tr><td>Only</td></tr></table>") == "Only"


@pytest.mark.parametrize("value", ["65534", "0", "99999999", "x", "-1"])
def test_spans_without_end_cost_nothing(value):
    cell = f"<td rowspan={value} colspan={value}>x</td>"
    page = f"<table><tr><th>A</th><th>B</th></tr>{f'<tr>{cell}<td>y</td></tr>' * 50}</table>"
    assert len(html(page)) < 100_000


def test_a_staircase_of_spans_does_not_fill_the_memory():
    rows = "".join(f"<tr><td colspan={n % 999 + 1}>a</td><td>b</td></tr>" for n in range(3_000))
    assert len(html(f"<table>{rows}</table>")) < 100_000


def test_a_million_cells_are_written_in_one_pass():
    rows = [[GridCell("a", 0), GridCell(str(n), 1)] for n in range(100_000)]
    assert write_table(rows).count("\n") == 99_999


def merged_docx(document):
    table = document.add_table(rows=3, cols=3)
    for cell, text in zip(table.rows[0].cells, ["Zone", "Class", "Fare"], strict=True):
        cell.text = text
    for row, words in ((1, ["", "first", "22"]), (2, ["", "second", "17"])):
        for cell, text in zip(table.rows[row].cells, words, strict=True):
            cell.text = text
    table.cell(1, 0).merge(table.cell(2, 0)).text = "Hill"


def test_merged_cells_of_docx_stand_in_each_row():
    assert convert_docx(make_docx(merged_docx), "stem").text == (
        "| Zone | Class | Fare |\n| --- | --- | --- |\n"
        "| Hill | first | 22 |\n| Hill | second | 17 |"
    )


def test_a_header_row_that_docx_marks_is_one():
    def build(document):
        table = document.add_table(rows=2, cols=2)
        for cell, text in zip(table._cells, ["Who", "Where", "Ada", "Wien"], strict=True):
            cell.text = text
        properties = table.rows[0]._tr.get_or_add_trPr()
        properties.append(OxmlElement("w:tblHeader"))

    text = convert_docx(make_docx(build), "stem").text
    assert text == "| Who | Where |\n| --- | --- |\n| Ada | Wien |"


def test_nested_tables_of_docx_come_once_and_paragraphs_stay_on_the_row():
    def build(document):
        table = document.add_table(rows=2, cols=2)
        for cell, text in zip(table._cells, ["Kit", "Parts", "K1", "see"], strict=True):
            cell.text = text
        table.cell(1, 0).add_paragraph("new")
        inner = table.cell(1, 1).add_table(rows=1, cols=2)
        inner.cell(0, 0).text, inner.cell(0, 1).text = "bolt", "4"

    text = convert_docx(make_docx(build), "stem").text
    assert text == "| Kit | Parts |\n| K1 / new | see |\n\n| bolt | 4 |"


def test_deleted_rows_and_one_column_are_no_table():
    def build(document):
        table = document.add_table(rows=2, cols=1)
        table.cell(0, 0).text, table.cell(1, 0).text = "Kept", "Gone"
        table.rows[1]._tr.get_or_add_trPr().append(OxmlElement("w:del"))

    assert convert_docx(make_docx(build), "stem").text == "Kept"
