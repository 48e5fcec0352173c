"""Fields by name in both stores: the document's first, unknown ones told, other types counted."""

import pytest
from haystack import Document

from rag.errors import QuestionError
from rag.retrieval.filter_checks import check_filter_fields
from rag.stores.contract import StoredDocument
from rag.stores.fields import OtherType, placed, unknown_field
from rag.stores.filters import parse_filter

ROWS = (
    {"Unit Price": 12, "class": "A", "number": 4711, "page": 3, "title": "Alpha", "No.": 1},
    {"Unit Price": 30, "class": "B", "number": 4712, "page": 9, "title": "Beta", "No.": 2},
    {"Unit Price": 30, "class": "B", "number": None, "fields": "x", "source": "web"},
)
MANUAL = {"year": 2020, "when": "2024-03-15"}
LETTERS = (
    {"year": "2020", "when": "15.03.2024"},
    {"year": "about 2020", "when": "20240315T1200Z"},
    {"year": "2021", "when": 20240315, "価格": "高"},
)


def passage(name, number, given, **own):
    meta = {"document_id": name, "number": number, "source": f"{name}.csv", "title": "", **own}
    meta = placed(given, {**meta, "heading": None, "page": own.get("page"), "start": 0, "end": 4})
    return Document(id=f"{name}:{number}", content="text", meta=meta)


def written():
    """Document id -> its passages; the letters have two each."""
    found = {f"row{n}": [passage(f"row{n}", 0, row)] for n, row in enumerate(ROWS)}
    found["manual"] = [passage("manual", n, MANUAL, page=9, title="Beta") for n in (0, 1)]
    for n, each in enumerate(LETTERS):
        found[f"letter{n}"] = [passage(f"letter{n}", number, each) for number in (0, 1)]
    return found


@pytest.fixture
def filled(engine, tmp_path):
    store = engine.open(tmp_path / "c")
    with store.writer() as writer:
        for name, passages in written().items():
            writer.replace(StoredDocument(name, f"{name}.csv", "", "text", "0"), passages)
        writer.publish()
    return store


def test_filters_find_fields_by_name_and_tell_what_does_not_fit(filled):
    """One test, as making a collection on a server is slow."""
    found = {expression: chosen(filled, expression) for expression in CHOSEN}
    assert found == CHOSEN
    told = {expression: others(filled, expression) for expression in OTHERS}
    assert told == OTHERS
    for expression, message in UNKNOWN.items():
        with pytest.raises(QuestionError) as error:
            check_filter_fields(filled, parse_filter(expression))
        assert str(error.value) == message
    (stage,) = check_filter_fields(filled, parse_filter("year >= 2000"))
    assert (stage.name, stage.note) == ("filter", "3 documents have `year` as text")
    assert check_filter_fields(filled, parse_filter('when != "x"'))[0].note.startswith("1 document")
    assert check_filter_fields(filled, parse_filter("page == 9")) == []


def chosen(store, expression):
    found = store.filter_documents(parse_filter(expression))
    return " ".join(dict.fromkeys(each.meta["document_id"] for each in found))


def others(store, expression):
    return [(o.name, o.kind, o.documents) for o in facts(store, expression).others]


def facts(store, expression):
    return store.filter_facts(parse_filter(expression))


CHOSEN = {
    '"Unit Price" > 20': "row1 row2",
    'class == "B"': "row1 row2",
    'meta.class == "A"': "row0",
    "number == 4712": "row1",
    "number == None": "row2",  # its own field has no value, so the passage's number is not meant
    "number == 1": "manual letter0 letter1 letter2",
    "page == 9": "row1 manual",
    "passage.page == 9": "manual",
    "passage.number == 1": "manual letter0 letter1 letter2",
    'title == "Beta"': "row1 manual",
    'source == "web"': "row2",
    'passage.source == "row2.csv"': "row2",
    'fields == "x"': "row2",
    '"No." == 2': "row1",
    '価格 == "高"': "letter2",
    'passage.document_id == "row1"': "row1",
    'when == "2024-03-15"': "manual",
    'when == "20240315"': "manual",
    'when >= "2024-03-15T00:00Z" and when <= "2024-03-15"': "manual",
    'when > "2024-03-15"': "letter1",
    'when == "15.03.2024"': "letter0",
    'when in ["15.03.2024", "2024-03-15T12:00"]': "letter0 letter1",
    'when < "9999-12-31"': "manual letter1",
}
OTHERS = {
    "year >= 2000": [("year", "text", 3)],
    'year == "2020"': [("year", "number", 1)],
    'when >= "2024-01-01"': [("when", "text", 1), ("when", "number", 1)],
    'when in ["2024-01-01", "15.03.2024"]': [("when", "number", 1)],
    "page == 9": [],
    "page == None": [],
    "価格 > 5": [("価格", "text", 1)],
    'class != "A"': [],
}
THERE = (
    "There are: `No.`, `Unit Price`, `class`, `fields`, `number`, `page`, `source`, `title`, "
    "`when`, `year`, `価格`, `document_id`, `heading`, `start`, `end`."
)
UNKNOWN = {
    "nosuch == 1": f"the filter cannot be used: there is no field `nosuch`. {THERE}",
    "Clas == 1 or year == 1": (
        f"the filter cannot be used: there is no field `Clas`; did you mean `class`? {THERE}"
    ),
    "unit_price > 20": (
        "the filter cannot be used: there is no field `unit_price`; did you mean `Unit Price`? "
        + THERE
    ),
    "year.month == 3": f"the filter cannot be used: there is no field `year.month`. {THERE}",
}


def test_an_empty_collection_has_no_unknown_fields(tmp_path, engine):
    store = engine.open(tmp_path / "c")
    assert check_filter_fields(store, parse_filter("nosuch == 1")) == []


def test_the_list_of_fields_is_short_and_on_one_line():
    known = [f"field {n}\n" + "x" * 5000 for n in range(500)]
    message = str(unknown_field(["a\nb" * 5000], known))
    assert len(message) < 5000
    assert "\n" not in message
    assert "and 478 more." in message


def test_counts_are_said_in_words():
    assert str(OtherType("year", "text", 1)) == "1 document has `year` as text"
    assert str(OtherType("year", "number", 1200)) == "1,200 documents have `year` as number"
