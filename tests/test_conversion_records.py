"""Records: rows of .csv, .json and .jsonl become documents, bad rows become problems."""

import csv
import json

import pytest
from places import SHARED

from indexing.converters.dispatch import convert_bytes
from indexing.converters.formats.csv_tables import convert_csv, find_delimiter, looks_like_header
from indexing.converters.formats.records import record_document
from indexing.converters.schema import ConversionProblem, ConvertedDocument, Unreadable

SUBJQA = SHARED / "data" / "subjqa" / "electronics" / "splits" / "dev.csv"


def read(text, suffix):
    """Documents and reasons of a file, without a worker."""
    pieces = list(convert_bytes(text.encode(), suffix, "stem"))
    found = [piece for piece in pieces if isinstance(piece, ConvertedDocument)]
    return found, [piece.reason for piece in pieces if isinstance(piece, ConversionProblem)]


def test_the_text_of_a_record_is_its_main_text_then_its_other_fields():
    record = {
        "id": 7,
        "Title": "A pump",
        "Review": "The best pump I ever had.",
        "stars": 5,
        "sold": True,
        "none": None,
        "tags": ["a", {"b": 1}],
    }
    document = record_document(record, 3, "json")
    assert document.key == "3"
    assert document.title == "A pump"
    assert document.text == (
        "The best pump I ever had.\n\n"
        'id: 7\nTitle: A pump\nstars: 5\nsold: true\ntags: ["a",{"b":1}]'
    )
    assert document.meta == {
        "id": 7,
        "Title": "A pump",
        "stars": 5,
        "sold": True,
        "none": None,
        "format": "json",
    }


def test_the_first_text_field_that_is_long_enough_is_the_main_text():
    record = {"text": "ok", "description": "A pump with a steel housing."}
    assert record_document(record, 1, "csv").text.startswith("A pump with a steel housing.")
    assert record_document({"text": "ok"}, 1, "csv").text == "text: ok"


def test_chinese_field_names_are_known():
    document = record_document(
        {"标题": "水泵", "正文": "这台水泵的额定压力是一点五巴。"}, 1, "json"
    )
    assert (document.title, document.text) == (
        "水泵",
        "这台水泵的额定压力是一点五巴。\n\n标题: 水泵",
    )


def test_values_that_stores_cannot_hold_become_strings_and_long_ones_stay_text():
    record = {"big": 2**70, "nan": float("nan"), "long": "x" * 2_000, "format": "paperback"}
    document = record_document(record, 1, "json")
    assert document.meta == {"big": str(2**70), "nan": "nan", "format": "json"}
    assert "x" * 2_000 in document.text


def test_lone_surrogates_in_json_escapes_are_replaced():
    documents, _ = read('{"text": "twenty characters \\ud800 here", "k\\udfff": "v"}', ".json")
    assert documents[0].text == "twenty characters \ufffd here\n\nk\ufffd: v"
    assert documents[0].meta == {"k\ufffd": "v", "format": "json"}


def test_bad_lines_are_named_and_good_ones_kept_with_their_numbers():
    lines = [
        '{"a": "one"}',
        "",
        "{oops",
        "[1]",
        '"A line that is only a string."',
        "{}",
        '{"a": 2}',
    ]
    documents, problems = read("\n".join(lines), ".jsonl")
    assert [document.key for document in documents] == ["1", "4", "6"]
    assert documents[1].text == "A line that is only a string."
    assert problems == [
        "line 3, column 2: not valid JSON (Expecting property name enclosed in double quotes)",
        "line 4: expected an object, not list",
    ]


def test_deep_nesting_is_a_problem_of_its_line():
    documents, problems = read('{"a": 1}\n' + "[" * 100_000 + "\n", ".jsonl")
    assert len(documents) == 1
    assert problems == ["line 2: not valid JSON (nested too deeply)"]


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ([{"a": 1}, {"a": 2}], ["a: 1", "a: 2"]),
        ({"version": 1, "data": [{"a": 1}]}, ["a: 1"]),
        ({"a": 1, "b": [1, 2]}, ["a: 1\nb: [1,2]"]),
        ({"a": [{"x": 1}], "b": [{"y": 1}]}, ['a: [{"x":1}]\nb: [{"y":1}]']),
    ],
)
def test_a_json_file_is_a_list_of_records_or_one(value, texts):
    documents, problems = read(json.dumps(value), ".json")
    assert [document.text for document in documents] == texts
    assert problems == []


def test_json_lines_under_the_name_json_are_read():
    documents, problems = read('{"a": 1}\n{"a": 2}\n{oops\n', ".json")
    assert [document.text for document in documents] == ["a: 1", "a: 2"]
    assert len(problems) == 1


@pytest.mark.parametrize("text", ["[]", "3", '{"a": ', "[" * 100_000])
def test_json_without_records_is_refused(text):
    with pytest.raises(Unreadable, match=r"not valid JSON|no records"):
        read(text, ".json")


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(mark):
    rows = [["name", "note"], ["pump", "small"], ["valve", "large"]]
    text = "\n".join(mark.join(row) for row in rows)
    assert find_delimiter(text) == mark
    documents, _ = read(text, ".csv")
    assert [document.title for document in documents] == ["pump", "valve"]


def test_rows_have_types_by_column_and_line_breaks_inside_quotes():
    text = 'name,bar,code,stars\r\n"P1, ""large""\nred",1.5,007,4\r\n\r\nP2,2,8,\r\n'
    documents, problems = read(text, ".csv")
    assert problems == []
    assert [document.key for document in documents] == ["1", "2"]
    assert documents[0].text == 'name: P1, "large"\nred\nbar: 1.5\ncode: 007\nstars: 4'
    assert documents[0].title == 'P1, "large" red'
    assert dict(documents[0].meta, name="") == {
        "name": "",
        "bar": 1.5,
        "code": "007",  # not all codes are numbers, so none is
        "stars": 4,
        "format": "csv",
    }
    assert documents[1].meta["bar"] == 2.0
    assert documents[1].meta["stars"] is None


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (["name", "bar"], True),
        (["", "name"], True),
        (["pump", "1.5"], False),
        (["a", "a"], True),
        (["a", ""], True),
        (["x" * 100, "b"], False),
        (["label", "steel"], False),
    ],
)
def test_a_first_row_that_looks_like_data_is_data(first, expected):
    assert looks_like_header([first, ["valve", "steel"], ["hose", "2"]]) is expected


def test_without_a_header_columns_are_numbered():
    documents, _ = read("pump,1\nvalve,2\n", ".csv")
    assert [document.text for document in documents] == [
        "col1: pump\ncol2: 1",
        "col1: valve\ncol2: 2",
    ]


def test_a_longer_row_has_numbered_columns_and_a_shorter_one_fewer():
    documents, _ = read("a,b\n1,2,3\n4\n", ".csv")
    assert [document.text for document in documents] == ["a: 1\nb: 2\ncol3: 3", "a: 4"]


def test_an_open_quote_costs_its_own_row_only():
    documents, problems = read('a,b\n1,x\n2,"open\n3,y\n4,z\n', ".csv")
    assert [document.meta["a"] for document in documents] == [1, 3, 4]
    assert [document.key for document in documents] == ["1", "3", "4"]
    assert problems == ["line 3: not valid CSV (unexpected end of data)"]


def test_cells_that_break_the_quoting_rules_cost_their_own_row_only():
    documents, problems = read('a,b\n1,"x"y\n2,z\n', ".csv")
    assert [document.meta["a"] for document in documents] == [2]
    assert problems == ["line 2: not valid CSV (',' expected after '\"')"]


def test_without_end_open_quotes_end_in_a_problem():
    rows = "".join(f'{number},"open\n' for number in range(0, 100, 2))
    _, problems = read("a,b\n" + rows.replace('"open\n', '"open x y\n'), ".csv")
    assert problems  # never silent


@pytest.mark.parametrize("text", ["a,b\n", "\n \n"])
def test_a_table_without_rows_is_refused(text):
    with pytest.raises(Unreadable, match=r"no rows|no text"):
        read(text, ".csv")


@pytest.mark.skipif(not SUBJQA.is_file(), reason=f"{SUBJQA} is not here")
def test_a_real_table_of_reviews_is_read():
    documents = [
        piece
        for piece in convert_bytes(SUBJQA.read_bytes(), ".csv", "dev")
        if isinstance(piece, ConvertedDocument)
    ]
    assert len(documents) > 200
    assert {document.meta["domain"] for document in documents} == {"electronics"}
    assert all(document.title for document in documents)


def test_reading_a_table_leaves_other_readers_of_csv_alone():
    before = csv.field_size_limit()
    csv.field_size_limit(131_072)
    try:
        list(convert_csv("a,b\n1,2\n"))
        assert csv.field_size_limit() == 131_072
    finally:
        csv.field_size_limit(before)


# -- headers, titles and delimiters of tables


def fields(text):
    """The fields of the last record of a table, and its text."""
    documents, problems = read(text, ".csv")
    assert problems == []
    return [name for name in documents[-1].meta if name != "format"], documents[-1].text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Region,2021,2022,2023\nNorth,120,130,155\n", ["Region", "2021", "2022", "2023"]),
        ("name,price,\npump,30,\nvalve,12,\n", ["name", "price"]),
        ("name,price,\npump,30,new\nvalve,12,\n", ["name", "price", "col3"]),
        (",price\npump,30\n", ["col1", "price"]),
        ("Name,Phone,Phone\nAda,111,222\n", ["Name", "Phone", "Phone 2"]),
        ("Phone,Phone 2,Phone\n111,222,333\n", ["Phone", "Phone 2", "Phone 3"]),
        ("sep=;\nname;price\nsaw;31\n", ["name", "price"]),
        ("sep=\t\nname\tprice\nsaw\t31\n", ["name", "price"]),
        ("Item,1,2,3\npump,10,30,20\n", ["Item", "1", "2", "3"]),
        ("1,2,3\n4,5,6\n", ["col1", "col2", "col3"]),
        ("2019,2020\n2020,2021\n", ["col1", "col2"]),
        ("Cups,,\nTeam,Location,Cups\nBlues,STL,1\n", ["Team", "Location", "Cups"]),
        ("Export\nMade;2024-03-01\n\nDate;Amount;To\na;1;x\nb;2;y\n", ["Date", "Amount", "To"]),
    ],
)
def test_names_of_columns_are_found(text, names):
    assert fields(text)[0] == names


def test_title_lines_are_a_document_and_the_title_of_their_rows():
    documents, _ = read("Monthly export\nMade;2024-03-01\n\nDate;Payee;Sum\na;b;1\nc;d;2\n", ".csv")
    assert [document.key for document in documents] == ["0", "1", "2"]
    assert documents[0].text == "Monthly export\nMade: 2024-03-01"
    assert [document.title for document in documents] == ["Monthly export"] * 3


def test_a_decimal_comma_is_one_value_and_a_number():
    documents, _ = read("To;Sum\nGarage;310,00\nBank;1.250,50\nTax;7\n", ".csv")
    assert [document.meta["Sum"] for document in documents] == [310.0, 1250.5, 7.0]
    assert documents[0].text == "To: Garage\nSum: 310,00"
    documents, _ = read('To,Sum\nGarage,"310,00"\n', ".csv")
    assert documents[0].meta["Sum"] == "310,00"  # it may be a thousand or not
    documents, _ = read("To;Sum\na;1,5\nb;2.5\n", ".csv")
    assert [document.meta["Sum"] for document in documents] == ["1,5", "2.5"]


def test_the_last_column_may_be_empty_in_a_row_that_is_longer_than_the_header():
    documents, problems = read("a,b\n1,2,,\n3,4\n", ".csv")
    assert (problems, [document.text for document in documents]) == (
        [],
        ["a: 1\nb: 2", "a: 3\nb: 4"],
    )


# -- records in objects


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ({"A3": {"kg": 27}, "A4": {"kg": 33}}, ["key: A3\nkg: 27", "key: A4\nkg: 33"]),
        (
            {"A3": {"key": "x", "kg": 1}, "A4": {"kg": 2}},
            ["id: A3\nkey: x\nkg: 1", "key: A4\nkg: 2"],
        ),
        ({"A3": {"id": "A3", "kg": 1}, "A4": {"kg": 2}}, ["id: A3\nkg: 1", "key: A4\nkg: 2"]),
        (
            {"server": {"host": "x"}, "log": {"level": 1}},
            ['server: {"host":"x"}\nlog: {"level":1}'],
        ),
        ({"a": {"b": {"items": [{"x": 1}, {"x": 2}]}}}, ["x: 1", "x: 2"]),
        (
            {"n": 1, "pumps": {"A3": {"kg": 1}, "A4": {"kg": 2}}},
            ["key: A3\nkg: 1", "key: A4\nkg: 2"],
        ),
        (
            {"title": "Catalogue", "pumps": [{"a": 1}, {"a": 2}], "fans": [{"b": 1}, {"b": 2}]},
            ["title: Catalogue", "a: 1", "a: 2", "b: 1", "b: 2"],
        ),
    ],
)
def test_records_are_found_at_any_depth_and_under_keys(value, texts):
    documents, problems = read(json.dumps(value), ".json")
    assert ([document.text for document in documents], problems) == (texts, [])


def test_a_record_without_a_title_has_its_key():
    documents, _ = read('{"A3": {"kg": 27}, "A4": {"kg": 33, "name": "Big"}}', ".json")
    assert [document.title for document in documents] == ["A3", "Big"]


def test_an_error_in_json_names_line_and_column():
    with pytest.raises(Unreadable, match=r"^line 3, column 1: not valid JSON") as caught:
        read('{\n  "a": 1,\n}', ".json")
    assert "\n" not in str(caught.value)
