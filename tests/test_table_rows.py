"""The row of a table that a question names is read by itself, and no other one answers."""

import pytest
from haystack import Document

from indexing.converters import ConvertedDocument
from indexing.views import make_view
from rag.config import Config
from rag.language.analysis import tokens
from rag.models.selection import open_roles, serving
from rag.reading.span_reader import SpanReader
from rag.reading.table_rows import named_row, row_spans
from rag.view import EDITS

TABLE = """\
# Motors

These motors are sold:

| Model | Power (kW) | Weight (kg) |
|---|---|---|
| A100 | 1.1 | 14 |
| A200 | 2.2 | 21 |
| A300 | 3.0 | 27 |
"""
CHINESE = "| 姓名 | 电话 |\n|---|---|\n| 李海燕 | 6218 |\n| 王小明 | 6201 |\n"


def view_of_text(text):
    return make_view(ConvertedDocument("", "T", text, (), (), {"format": "md"}))


@pytest.mark.parametrize(
    ("text", "question", "row"),
    [
        (TABLE, "What is the power of the A200?", "A200"),
        (TABLE, "Which model weighs 27 kg?", "A300"),
        (TABLE, "What is the weight?", None),
        (TABLE, "How do A100 and A200 differ?", None),
        (CHINESE, "王小明的电话是多少？", "王小明"),
        ("Nothing but words.", "What is the power of the A200?", None),
    ],
)
def test_a_row_is_named_by_words_that_the_others_lack(text, question, row):
    view = view_of_text(text)
    found = named_row(tokens(question), view, row_spans(view))
    assert (found is None) is (row is None)
    if found is not None:
        assert row in view.text[slice(*found)].split(".")[0].split("。")[0]


def test_rows_are_lines_with_column_names_put_in_and_nothing_else():
    view = view_of_text(TABLE)
    lines = [view.text[slice(*span)] for span in row_spans(view)]
    assert [line[:11] for line in lines] == ["Model: A100", "Model: A200", "Model: A300"]
    assert row_spans(view_of_text("Plain words.\n\nAnd more.")) == []


def test_the_reader_looks_for_no_answer_in_the_other_rows():
    reader = SpanReader(serving(open_roles(Config()).readers, "en"))
    view = view_of_text(TABLE)
    document = Document(
        id="d:0", content=TABLE, meta={"title": "Motors", "start": 0, EDITS: view.dump()}
    )
    read = reader.run("What is the power of the A200?", [document])["evidence"]
    assert read[0].short == "2.2"
    start, end = read[0].start, read[0].end
    assert TABLE[start:end] == "| A200 | 2.2 | 21 |"
    assert TABLE[slice(*read[0].span)] == "2.2"
    assert read[0].wording == "The Power (kW) of A200 is 2.2."
    others = ("A100", "A300")
    assert not any(name in TABLE[each.start : each.end] for each in read for name in others)
