"""Filters in SQL choose just what their definition chooses; typed ones cannot do harm."""

import re
from datetime import UTC, datetime

import pytest
from haystack import Document
from haystack.errors import FilterError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.errors import QuestionError
from rag.stores.embedded.store import EmbeddedStore
from rag.stores.filters import join_filters, parse_filter

DATES = (
    "2024-01-31", "2024-01-31T10:00:00", "2024-01-31T10:00:00+02:00", "2023-12-31 00:00",
    "2024-01-31T08:00Z", "20240131", "20240131T100000Z",
)  # fmt: skip
NO_DATES = ("31.01.2024", "01/31/2024", "12", "May", "Monday", "2024", "2024-01", "2024-02-30", "")
KEYS = (
    "a",
    "b",
    "a b",
    "a-b",
    "x_1",
    "é",
    "日本",
    "it's",
    'q"q',
    "content",
    "id",
    "meta",
    "[0]",
    "",
    "page",
    "fields",
    "Unit Price",
    "a.b",
)
FIELDS = (
    *(f"meta.{key}" for key in KEYS),
    *(
        "meta.n.a",
        "meta.n.b",
        "meta.n.n.a",
        "meta.a.b",
        "a",
        "b",
        "x_1",
        "日本",
        "id",
        "content",
        "meta",
        "page",
        "passage.page",
        "passage.a",
    ),
)
ORDER = (">", ">=", "<", "<=")

texts = st.one_of(
    st.sampled_from(DATES),
    st.sampled_from(NO_DATES),
    st.sampled_from(["2024-01-31\0", "2024-01-31 ", "２０２４-01-31"]),
    st.sampled_from(
        ["", "a", "A", "b", "1", "1.0", "[1]", "{}", "true", "null", "naïve", "\0", "a\0b"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)
numbers = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([2**53, 2**53 + 1, -(2**53), 2**63 - 1, 2**63, 2**70, 0.1, -0.0, 1e300, 1.5]),
    st.floats(-3, 3, allow_nan=False),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts, st.just("2024-01-31\ud800"))
values = st.one_of(
    scalars,
    st.lists(scalars, max_size=3),
    st.dictionaries(st.sampled_from(["a", "b"]), scalars, max_size=2),
)
metas = st.dictionaries(st.sampled_from(KEYS), values, max_size=4).flatmap(
    lambda meta: st.one_of(
        st.just(meta),
        st.dictionaries(st.sampled_from(["page", "fields", "a"]), values, max_size=2).map(
            lambda own: {**meta, "fields": own}
        ),
        st.dictionaries(st.sampled_from(["a", "b", "n"]), values, max_size=3).map(
            lambda nested: {**meta, "n": nested}
        ),
    )
)
comparisons = st.one_of(
    st.builds(
        lambda field, operator, value: {"field": field, "operator": operator, "value": value},
        st.sampled_from(FIELDS),
        st.sampled_from(["==", "!="]),
        values,
    ),
    st.builds(
        lambda field, operator, value: {"field": field, "operator": operator, "value": value},
        st.sampled_from(FIELDS),
        st.sampled_from(ORDER),
        st.one_of(st.none(), st.booleans(), numbers, st.sampled_from(DATES)),
    ),
    st.builds(
        lambda field, operator, value: {"field": field, "operator": operator, "value": value},
        st.sampled_from(FIELDS),
        st.sampled_from(["in", "not in"]),
        st.lists(values, max_size=3),
    ),
)
filters = st.recursive(
    comparisons,
    lambda inner: st.builds(
        lambda operator, conditions: {"operator": operator, "conditions": conditions},
        st.sampled_from(["AND", "OR", "NOT"]),
        st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)


MOMENT = re.compile(r"\d{4}(-?)\d\d\1\d\d([T ]\d\d.*)?", re.ASCII)


def moment(value):
    """A date as a point in time, by Python's own reading."""
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def equal(value, wanted):
    if moment(value) and moment(wanted):
        return moment(value) == moment(wanted)
    return value == wanted


def less(value, wanted):
    if isinstance(value, int | float) and isinstance(wanted, int | float):
        return value < wanted
    return bool(moment(value) and moment(wanted)) and moment(value) < moment(wanted)


def looked_up(name, document):
    """The value of a field: the document's, else the passage's own."""
    if name in ("id", "content", "meta"):
        return getattr(document, name)
    name = name.removeprefix("meta.")
    own = document.meta.get("fields")
    if name in ("page", "fields") and isinstance(own, dict) and name in own:
        return own[name]
    name = "page" if name == "passage.page" else name
    if name in document.meta:
        return document.meta[name]
    value = document.meta
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def expected(condition, document):
    """Meaning of a filter, as the documentation says it."""
    if "conditions" in condition:
        found = [expected(each, document) for each in condition["conditions"]]
        return {"AND": all(found), "OR": any(found), "NOT": not all(found)}[condition["operator"]]
    value, wanted = looked_up(condition["field"], document), condition["value"]
    return {
        "==": lambda: equal(value, wanted),
        "!=": lambda: not equal(value, wanted),
        "in": lambda: any(equal(value, each) for each in wanted),
        "not in": lambda: not any(equal(value, each) for each in wanted),
        "<": lambda: less(value, wanted),
        ">": lambda: less(wanted, value),
        "<=": lambda: less(value, wanted) or (is_ordered(value, wanted) and equal(value, wanted)),
        ">=": lambda: less(wanted, value) or (is_ordered(value, wanted) and equal(value, wanted)),
    }[condition["operator"]]()


def is_ordered(value, wanted):
    numbers = all(isinstance(each, int | float) for each in (value, wanted))
    return numbers or bool(moment(value) and moment(wanted))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    opened = EmbeddedStore(tmp_path_factory.mktemp("filters") / "c")
    yield opened
    opened.close()


@settings(
    max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(documents=st.lists(st.tuples(texts, metas), min_size=1, max_size=4), condition=filters)
def test_a_filter_in_sql_chooses_what_its_definition_chooses(store, documents, condition):
    written = [
        Document(id=f"{number}", content=content, meta=meta)
        for number, (content, meta) in enumerate(documents)
    ]
    journal = store.journal
    journal.rows("BEGIN IMMEDIATE")  # undone below: only the filter is looked at
    try:
        for document in written:
            journal.add_passage(document, None, 0)
        found = journal.passages(journal.numbers(0, condition).tolist())
    finally:
        journal.rollback()
    assert [each.id for each in found] == [each.id for each in written if expected(condition, each)]


def ids(store, condition):
    return [document.id for document in store.filter_documents(condition)]


def test_a_thousand_conditions_side_by_side_are_no_problem(tmp_path):
    store = EmbeddedStore(tmp_path / "c")
    store.write_documents([Document(id=str(n), content="x", meta={"n": n}) for n in range(5)])
    many = [{"field": "meta.n", "operator": "==", "value": n} for n in range(3, 3000)]
    assert ids(store, {"operator": "OR", "conditions": many}) == ["3", "4"]
    store.close()


WHEN = ("2024-03-15", "20240315T1200Z", "15.03.2024", "03.04.2024", "Monday", "12", "20240315")


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ('when == "2024-03-15"', ["2024-03-15", "20240315"]),
        ('when >= "2024-03-15" and when <= "2024-03-15"', ["2024-03-15", "20240315"]),
        ('when > "2000-01-01"', ["2024-03-15", "20240315T1200Z", "20240315"]),
        ('when < "9999-12-31"', ["2024-03-15", "20240315T1200Z", "20240315"]),
        ('when == "20240315"', ["2024-03-15", "20240315"]),
        ('when in ["03.04.2024", "2024-03-15T12:00"]', ["20240315T1200Z", "03.04.2024"]),
        ('when not in ["2024-03-15", "20240315T1200Z"]', list(WHEN[2:6])),
    ],
)
def test_only_iso_dates_are_dates_for_every_operator(tmp_path, expression, found):
    store = EmbeddedStore(tmp_path / "c")
    store.write_documents([Document(id=each, content="x", meta={"when": each}) for each in WHEN])
    assert ids(store, parse_filter(expression)) == found
    store.close()


def nested(depth):
    condition = {"field": "meta.n", "operator": "==", "value": 1}
    for _ in range(depth):
        condition = {"operator": "NOT", "conditions": [condition]}
    return condition


@pytest.mark.parametrize(
    "condition",
    [
        {"operator": "XOR", "conditions": []},
        {"operator": "AND"},
        {"conditions": []},
        {"operator": "AND", "conditions": "x"},
        {"operator": "AND", "conditions": ["x"]},
        {"field": "meta.a", "operator": "==", "other": 1},
        {"field": "meta.a", "value": 1},
        {"field": 5, "operator": "==", "value": 1},
        {"field": "meta.a", "operator": "=", "value": 1},
        {"field": "meta.a", "operator": "in", "value": "abc"},
        {"field": "meta.a", "operator": ">", "value": "abc"},
        {"field": "meta.a", "operator": "<", "value": [1]},
        nested(60),
        nested(5000),
    ],
)
def test_a_malformed_filter_is_refused_before_anything_is_read(store, condition):
    with pytest.raises(FilterError) as error:
        store.filter_documents(condition)
    assert "\n" not in str(error.value)


def test_filters_are_joined_by_and():
    one, other = parse_filter("a == 1"), parse_filter("b == 2")
    assert join_filters() is None
    assert join_filters(None, one) == one
    assert join_filters(one, None, other) == {"operator": "AND", "conditions": [one, other]}


def compare(name, operator, value):
    return {"field": f"meta.{name}", "operator": operator, "value": value}


def combine(operator, *conditions):
    return {"operator": operator, "conditions": list(conditions)}


@pytest.mark.parametrize(
    ("expression", "meaning"),
    [
        ('format == "pdf"', compare("format", "==", "pdf")),
        ("meta.year >= 2020", compare("year", ">=", 2020)),
        ("year < -1.5", compare("year", "<", -1.5)),
        ('date > "2024-01-31"', compare("date", ">", "2024-01-31")),
        ("a.b.c != None", compare("a.b.c", "!=", None)),
        ("ok == True", compare("ok", "==", True)),
        ("x in [1, 2.5, 'a', None]", compare("x", "in", [1, 2.5, "a", None])),
        ("x not in ('a', 'b')", compare("x", "not in", ["a", "b"])),
        ("名前 == '猫'", compare("名前", "==", "猫")),
        ("a == 1 and b == 2", combine("AND", compare("a", "==", 1), compare("b", "==", 2))),
        (
            "not (a == 1 or b == 2)",
            combine("NOT", combine("OR", compare("a", "==", 1), compare("b", "==", 2))),
        ),
        ("  a == 1  ", compare("a", "==", 1)),
        ("tags == ['a']", compare("tags", "==", ["a"])),
        ('"Unit Price" > 20', compare("Unit Price", ">", 20)),
        ("'class' == 'B'", compare("class", "==", "B")),
        (
            "class == 'for' and from != 'is'",
            combine("AND", compare("class", "==", "for"), compare("from", "!=", "is")),
        ),
        ('meta.class in ["if"]', compare("class", "in", ["if"])),
        ('not "in" == 1', combine("NOT", compare("in", "==", 1))),
        ('"a\\"b" == 1', compare('a"b', "==", 1)),
        ("Ａ１ == 'ﬁ'", compare("Ａ１", "==", "ﬁ")),
    ],
)
def test_an_expression_means_a_filter(store, expression, meaning):
    assert parse_filter(expression) == meaning
    assert isinstance(store.filter_documents(meaning), list)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        " ",
        "a",
        "a = 1",
        "a == b",
        "1 == a",
        "1 < a < 5",
        "a ==",
        "a is None",
        '"" == 1',
        "'a' 'b' is 1",
        '"a" == "b" == "c"',
        "Unit Price > 20",
        "in == 1",
        "year > 'abc'",
        "year > [1]",
        "format in 'pdf'",
        "a == {1: 2}",
        "a == {[]: 1}",
        "a == {1}",
        "a == b'x'",
        "a == ...",
        "a == 1j",
        "a == [[1]]",
        "a == f'{b}'",
        "a[0] == 1",
        "a() == 1",
        "lambda: 1",
        "[a for a in b]",
        "a := 1",
        "a == 1; b == 2",
        "a == 1\nimport os",
        '__import__("os").system("id") == 0',
        '__import__("os")',
        "a == __import__('os')",
        "a == open('/etc/passwd')",
        "a == 'x' * 10**9",
        "a == 9**9**9",
        "\0",
        "a == '\ud800",
        "((" * 500 + "a == 1" + "))" * 500,
        "not " * 480 + "a == 1",
        "a == " + "[" * 300 + "]" * 300,
        "a == " + "-" * 1900 + "1",
        "x" * 10_000,
        "a == 1 or " * 5000,
        "a == " + "9" * 1990 + "e",
    ],
)
def test_anything_else_is_refused_in_one_line(expression):
    with pytest.raises(QuestionError) as error:
        parse_filter(expression)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("value", ["'\\ud800'", "9" * 400, "1e999", "'\\0'", "[1e999, '\\ud800']"])
def test_values_that_sqlite_cannot_hold_match_nothing(store, value):
    assert store.filter_documents(parse_filter(f"a == {value}")) == []
    if not value.startswith("["):
        assert store.filter_documents(parse_filter(f"a in [{value}]")) == []
