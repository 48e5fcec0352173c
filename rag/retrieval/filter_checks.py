"""Checks of a filter before the search: unknown fields, values of another type."""

from haystack.errors import FilterError

from rag.clock import Stopwatch
from rag.errors import QuestionError, UnavailableError
from rag.schema import Stage
from rag.stores.contract import Store
from rag.stores.fields import unknown_field
from rag.stores.filters import Filter


def check_filter_fields(
    store: Store, filters: Filter | None, generation: int | None = None
) -> list[Stage]:
    """Return a step that tells of values of another type than the filter's, if there are any.

    Args:
        store: The collection.
        filters: The filter; None is none.
        generation: The generation to read; None is the published one.

    Raises:
        UnknownFieldError: If no passage has a field of it; names the fields there are.
        QuestionError: If it does not follow the syntax.
    """
    if not filters:
        return []
    watch = Stopwatch()
    try:
        facts = store.filter_facts(filters, generation)
    except UnavailableError:
        return []  # the retrievers say so
    except FilterError as error:
        raise QuestionError(f"the filter cannot be used: {error}.") from error
    if facts.unknown:
        raise unknown_field(facts.unknown, facts.known)
    if not facts.others:
        return []
    return [watch.stage("filter", note="; ".join(map(str, facts.others)))]
