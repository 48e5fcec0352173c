"""Facts about a filter on a cluster: fields that no passage has, values of another type.

Everything is counted by the cluster, from the terms that filters use too.
"""

import json
from collections.abc import Iterator

from rag.stores.elasticsearch.client import Cluster
from rag.stores.elasticsearch.filters import MARK, Query, has_field, has_kind, like_a_date
from rag.stores.elasticsearch.rows import PASSAGE, visible
from rag.stores.elasticsearch.scanning import count_documents, count_each
from rag.stores.fields import (
    MOST_CHECKED,
    MOST_COUNTED,
    OWN_FIELDS,
    RESERVED,
    FilterFacts,
    OtherType,
    is_own,
    plain_name,
)
from rag.stores.filters import Filter, kinds_by_field

_MOST_NAMES = 200  # fields that are listed
_TERMS_AT_ONCE = 1000


def facts_of(cluster: Cluster, index: str, filters: Filter, generation: int) -> FilterFacts:
    """Return what one generation says to a checked filter."""
    wanted, among = kinds_by_field(filters), visible(PASSAGE, generation)
    names = [name for name in wanted if not is_own(name)][:MOST_CHECKED]
    counts, passages = count_each(cluster, index, among, [has_field(name) for name in names])
    unknown = tuple(name for name, count in zip(names, counts, strict=True) if not count)
    if unknown and passages:
        return FilterFacts(unknown, _names(cluster, index, among))
    asked: list[tuple[str, str, Query]] = []
    for name, kinds in [(name, kinds) for name, kinds in wanted.items() if kinds][:MOST_COUNTED]:
        texts = has_kind(name, "text")
        if "date" in kinds:
            texts = {"bool": {"filter": [texts], "must_not": [like_a_date(name)]}}
        asked += [(name, "text", texts)] if "text" not in kinds else []
        asked += [(name, "number", has_kind(name, "number"))] if "number" not in kinds else []
    found = count_documents(cluster, index, among, [query for _, _, query in asked])
    others = [
        OtherType(plain_name(name), kind, count)
        for (name, kind, _), count in zip(asked, found, strict=True)
        if count
    ]
    return FilterFacts(others=tuple(others))


def _names(cluster: Cluster, index: str, among: Query) -> tuple[str, ...]:
    """Return the names of the documents' fields."""
    listed = dict.fromkeys(_listed(cluster, index))
    counts, _ = count_each(cluster, index, among, [has_field(name) for name in listed])
    return tuple(sorted(name for name, count in zip(listed, counts, strict=True) if count))


def _listed(cluster: Cluster, index: str) -> Iterator[str]:
    """Yield the names of fields in the index's terms, those of removed passages among them."""
    after, names = "", 0
    while names < _MOST_NAMES:
        answer = cluster.read(
            lambda client, after=after: client.terms_enum(  # type: ignore[misc]
                index=index,
                field="facets",
                string="[",
                size=_TERMS_AT_ONCE,
                search_after=after or None,
            )
        )
        terms = answer["terms"]
        if not terms:
            return
        for field in dict.fromkeys(term.partition(MARK)[0] for term in terms):
            path = json.loads(field)
            if len(path) == 1 and path[0] not in RESERVED:
                yield path[0]
            elif len(path) == 2 and path[0] == OWN_FIELDS:
                yield path[1]
            names += 1
        after = terms[-1].partition(MARK)[0] + MARK + "t"  # behind the values of the last field
