"""Dates: only ISO 8601 is one, and people's own forms become ISO 8601 when they are indexed."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_runs import run, write

from indexing.converters import ConvertedDocument
from indexing.dates import DateCount, counts_to_tell, read_dates, with_forms
from rag.config import Config, load_config
from rag.errors import ConfigError, QuestionError
from rag.stores.dates import instant
from rag.stores.filters import compares, parse_filter

OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "in", "not in")

SAME = (
    ("2024-03-15", "20240315"),
    ("2024-03-15", "2024-03-15T00:00Z"),
    ("2024-03-15", "2024-03-15 00:00:00"),
    ("2024-03-15", "20240315T000000Z"),
    ("2024-03-15", "2024-03-15T02:00:00+02:00"),
    ("2024-03-15", "2024-03-14T22:00-0200"),
    ("2024-03-15", "2024-03-14T24:00"),
    ("2024-03-15T10:00:00.5Z", "2024-03-15t10:00:00,500z"),
    ("2016-12-31T23:59:60Z", "2017-01-01"),  # a leap second
    ("2016-12-31T23:59:60Z", "2017-01-01T05:29:60+05:30"),
    ("0001-01-01T00:00+14:00", "0001-01-01T00:00:00+14:00"),
    ("9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59-1200"),
)
NO_DATES = (
    "03.04.2024", "15.03.2024", "01/02/2024", "Monday", "12", "May", "March 2024", "now", "", " ",
    "2024", "2024-03", "2024-3-15", "2024-0315", "24-03-15", "2024-02-30", "2024-13-01",
    "0000-01-01", "10000-01-01", "+10000-01-01", "-0001-01-01", "2024-03-15Z", "2024-03-15x10:00",
    "2024-03-15T25:00", "2024-03-15T10:60", "2024-03-15T10:15:60", "2024-03-15T24:01",
    "2024-03-15T10:00+24:00", "2024-03-15T10:00+01:75", "2024-03-15 ", "２０２４-03-15", "10:00",
    "2024-03-15T10:00:00.", "99999999", "2024-03-15T10:00:00Z; x",
)  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_point_in_time_fits_every_operator_alike(one, other):
    for value, wanted in ((one, other), (other, one), (one, one)):
        fits = [symbol for symbol in OPERATORS[:6] if compares(value, symbol, wanted)]
        assert fits == ["==", "<=", ">="]
        assert compares(value, "in", [wanted])
        assert not compares(value, "not in", [wanted])


@pytest.mark.parametrize("text", NO_DATES)
def test_any_other_text_equals_itself_and_has_no_order(text):
    for other in ("2024-03-15", "0001-01-01", "9999-12-31T23:59:59Z", 12, text):
        fits = [symbol for symbol in OPERATORS[:6] if compares(text, symbol, other)]
        assert fits == (["=="] if other == text else ["!="])
    for symbol in (">", "<", ">=", "<="):
        with pytest.raises(QuestionError, match="ISO 8601 date such as 2024-03-15"):
            parse_filter(f"day {symbol} {text!r}")


def test_a_number_is_no_date():
    assert not any(compares(20240315, symbol, "20240315") for symbol in ("==", "<=", ">="))


zones = st.none() | st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda size: timezone(timedelta(minutes=size // timedelta(minutes=1)))
)


@settings(derandomize=True, deadline=None)
@given(st.datetimes(timezones=zones), st.datetimes(timezones=zones))
def test_what_python_writes_as_iso_is_ordered_as_points_in_time(one, other):
    first, second = (each if each.tzinfo else each.replace(tzinfo=UTC) for each in (one, other))
    assert (instant(one.isoformat()) < instant(other.isoformat())) == (first < second)
    assert instant(one.isoformat()) == instant(one)
    assert instant(one.isoformat(" ")) - instant(datetime.min) == (
        first - datetime.min.replace(tzinfo=UTC)
    ) // timedelta(microseconds=1)


# -- indexing


def documents(*metas):
    return [ConvertedDocument(str(n), "", "text", (), (), meta) for n, meta in enumerate(metas)]


def dates_of(forms, *values):
    read, counts = read_dates(documents(*({"when": value} for value in values)), forms)
    return [each.meta["when"] for each in read], counts["when"]


def test_a_form_makes_iso_of_what_fits_and_counts_the_rest():
    assert dates_of(["%d.%m.%Y"], "03.04.2024", "soon", None, "2024-03-15", "31.02.2024") == (
        ["2024-04-03", "soon", None, "2024-03-15", "31.02.2024"],
        DateCount(read=1, left=2),
    )
    assert dates_of(["%d.%m.%Y %H:%M"], "03.04.2024 17:30")[0] == ["2024-04-03T17:30:00"]
    assert dates_of(["%d %b %Y %z"], "3 Apr 2024 +0200")[0] == ["2024-04-03"]
    assert dates_of(["%d.%m.%Y", "%m/%d/%Y"], "04/03/2024", "3.4.2024")[0] == ["2024-04-03"] * 2
    assert dates_of(["%d.%m.%Y"], "1" * 100_000)[1] == DateCount(0, 1)


def test_a_field_of_numbers_holds_dates_only_if_all_fit():
    assert dates_of(["%Y%m%d"], 20240315, None)[0] == ["2024-03-15", None]
    assert dates_of(["%Y%m%d"], 20240315, 4712) == ([20240315, 4712], DateCount(0, 2))
    assert dates_of(["%Y%m%d"], 2024315, True, 1.5)[0] == [2024315, True, 1.5]


def test_a_form_for_one_field_leaves_the_others():
    (read,), counts = read_dates(
        documents({"when": "03.04.2024", "code": "03.04.2024", "format": "csv"}), ["when=%d.%m.%Y"]
    )
    assert read.meta == {"when": "2024-04-03", "code": "03.04.2024", "format": "csv"}
    assert counts_to_tell(counts, ["when=%d.%m.%Y", "gone=%Y"]) == {
        "gone": DateCount(),
        "when": DateCount(1, 0),
    }


def test_only_fields_with_dates_are_told():
    _, counts = read_dates(documents({"when": "03.04.2024", "who": "ann"}), ["%d.%m.%Y"])
    assert counts_to_tell(counts, ["%d.%m.%Y"]) == {"when": DateCount(1, 0)}


@pytest.mark.parametrize(
    "form", ["", "%d.%m", "%q", "%", "d.m.Y", "=%d.%m.%Y", "%H:%M", "\ud800%Y"]
)
def test_what_is_no_form_of_a_date_is_refused(tmp_path, form):
    with pytest.raises(ConfigError, match=r"--dates: expected the form of a date such as %d"):
        with_forms(Config(), [form])
    path = tmp_path / "rag.yaml"
    path.write_text(f"conversion: {{dates: [{json.dumps(form)}]}}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"conversion\.dates\.0: expected the form of a date"):
        load_config(path, environ={})


def test_one_form_needs_no_list(tmp_path):
    path = tmp_path / "rag.yaml"
    path.write_text("conversion: {dates: '%d.%m.%Y'}", encoding="utf-8")
    assert load_config(path, environ={}).conversion.dates == ("%d.%m.%Y",)
    assert with_forms(load_config(path, environ={}), ["%Y"]).conversion.dates == ("%Y", "%d.%m.%Y")


def test_dates_are_indexed_as_iso_and_the_text_stays(store, counted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("docs/a.csv", "when,page,note\n03.04.2024,9,first note\nsoon,10,second note\n")
    config = with_forms(Config(), ["%d.%m.%Y"])
    report = run(store, counted, config=config)
    assert report.dates == {"when": DateCount(1, 1)}
    wanted = parse_filter('when < "2025-01-01" and page == 9')
    (found,) = store.filter_documents(wanted)
    assert "when: 03.04.2024" in found.content
    assert (found.meta["when"], found.meta["page"]) == ("2024-04-03", None)
