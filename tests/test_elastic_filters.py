"""Filters as Elasticsearch queries choose just what their definition chooses."""

import pytest
from haystack import Document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_engines import make_engine
from test_filters import expected, filters, metas, nested, texts

from rag.stores.elasticsearch.filters import facets, to_query
from rag.stores.filters import matches


def holds(query, document):
    """Elasticsearch's reading of a query: the few kinds that are used, by their definition."""
    ((kind, body),) = query.items()
    if kind in ("match_all", "match_none"):
        return kind == "match_all"
    if kind == "bool":
        must = all(holds(each, document) for each in body.get("filter", ()))
        should = any(holds(each, document) for each in body.get("should", ()))
        never = any(holds(each, document) for each in body.get("must_not", ()))
        return must and not never and (should or "should" not in body)
    ((field, wanted),) = body.items()
    terms = [document.id] if field == "id" else facets(document.meta)
    if kind == "range":
        return any(within(term, wanted) for term in terms)
    wanted = wanted if kind == "terms" else [wanted]
    return any(term in wanted for term in terms)


def within(term, limits):
    checks = {
        "gt": lambda value: term > value,
        "gte": lambda value: term >= value,
        "lt": lambda value: term < value,
        "lte": lambda value: term <= value,
    }
    return all(checks[name](value) for name, value in limits.items())


@settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(content=texts, meta=metas, condition=filters)
def test_a_query_bounds_a_filter_and_what_is_left_is_decided_in_python(content, meta, condition):
    document = Document(id="1", content=content, meta=meta)
    truth = expected(condition, document)
    bounds = to_query(condition)
    assert matches(condition, document) == truth
    assert not holds(bounds.sure, document) or truth
    assert holds(bounds.all_of, document) or not truth


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "meta.year", "operator": ">=", "value": 2020},
        {"field": "meta.kind", "operator": "in", "value": ["a", "b"]},
        {"field": "meta.x.y", "operator": "!=", "value": None},
        {"field": "id", "operator": "==", "value": "a"},
        nested(14),
    ],
)
def test_what_people_filter_by_is_left_to_the_cluster(condition):
    assert to_query(condition).is_exact


def test_conditions_deeper_than_a_server_takes_are_decided_here():
    condition = {"field": "meta.n", "operator": "==", "value": 1}
    for depth in range(40):
        operator = "AND" if depth % 2 else "OR"
        other = {"field": "meta.m", "operator": "==", "value": depth}
        condition = {"operator": operator, "conditions": [condition, other]}
    assert not to_query(condition).is_exact


# -- on a server


VALUES = (
    None, True, False, 0, 1, -1, 2.5, -0.0, 2**53, 2**70, -(2**70), 1e300, "", "a", "A", "naïve",
    "2024-01-31", "2024-01-31T10:00:00+02:00", "[1]", "x" * 600, "\0", "\ud800", [1], ["a"],
    {"a": 1}, {"a": None}, {"b": "2024-01-31"}, {}, [], "日本", "a\x1fsb",
)  # fmt: skip


@pytest.fixture(scope="module")
def stored(request, tmp_path_factory, elasticsearch_url):
    made = make_engine("elasticsearch", request)
    documents = [
        Document(id=f"{n}", content=f"text {n}", meta={"v": value, "n": n})
        for n, value in enumerate(VALUES)
    ]
    yield documents, made.filled(tmp_path_factory.mktemp("filters") / "c", passages=documents)
    made.end()


@pytest.mark.elasticsearch
@settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_a_server_chooses_what_the_definition_chooses(stored, data):
    documents, store = stored
    fields = st.sampled_from(["meta.v", "v", "meta.v.a", "meta.v.b", "id", "content", "meta.n"])
    ordered = [value for value in VALUES if isinstance(value, int | float | None)]
    comparison = st.one_of(
        st.tuples(fields, st.sampled_from(["==", "!="]), st.sampled_from(VALUES)),
        st.tuples(
            fields, st.sampled_from(["in", "not in"]), st.lists(st.sampled_from(VALUES), max_size=4)
        ),
        st.tuples(
            fields,
            st.sampled_from([">", ">=", "<", "<="]),
            st.sampled_from([*ordered, "2024-01-31"]),
        ),
    ).map(lambda parts: dict(zip(("field", "operator", "value"), parts, strict=True)))
    condition = data.draw(
        st.recursive(
            comparison,
            lambda inner: st.fixed_dictionaries(
                {
                    "operator": st.sampled_from(["AND", "OR", "NOT"]),
                    "conditions": st.lists(inner, max_size=3),
                }
            ),
            max_leaves=5,
        )
    )
    found = [document.id for document in store.filter_documents(condition)]
    assert found == [each.id for each in documents if expected(condition, each)]


def test_a_thousand_conditions_side_by_side_are_no_problem(tmp_path, engine):
    passages = [Document(id=str(n), content="x y", meta={"n": n}) for n in range(5)]
    store = engine.filled(tmp_path / "c", passages=passages)
    many = [{"field": "meta.n", "operator": "==", "value": n} for n in range(3, 3000)]
    condition = {"operator": "OR", "conditions": many}
    assert [each.id for each in store.filter_documents(condition)] == ["3", "4"]
    assert [each.id for each in store.bm25_retrieval("y", top_k=9, filters=condition)] == ["3", "4"]
