"""The page Search: passages for a question or for keywords, and why each was found."""

from dataclasses import dataclass, replace

import streamlit as st

from rag.config import Method
from rag.errors import RagError
from rag.schema import SearchOptions
from ui import session
from ui.panels.frame import heading, notice, problem
from ui.panels.question_options import choose_method, choose_ranking, choose_relevance, parsed
from ui.panels.results import draw_results
from ui.services import Services
from ui.services.engines import CombinedResult
from ui.words import Say

COUNTS = (5, 10, 20)  # results per page
LAST_PAGE = 50
LONGEST_IN_ADDRESS = 4000  # characters of a question, which stands in the address


@dataclass(frozen=True)
class _SearchSettings:
    """Options of a search."""

    collections: list[str]
    method: Method
    expression: str
    count: int
    rank: bool | None
    min_relevance: float | None


def main() -> None:
    """Draw the page; its whole state is in the address."""
    services, owner, say = session.services(), session.owner(), session.say()
    names = services.library.names(owner)
    heading(say("search.title"))
    if not names:
        notice(say("collections.none"), say("collections.none_help"))
        return
    form = st.form("search", border=False)
    with form, st.container(horizontal=True, vertical_alignment="bottom"):
        question = st.text_input(
            say("search.label"),
            key="q",
            bind="query-params",
            placeholder=say("search.placeholder"),
            max_chars=min(services.config.retrieval.max_question, LONGEST_IN_ADDRESS),
        )
        st.form_submit_button(
            say("search.go"), type="primary", icon=":material/search:", on_click=_first_page
        )
    options = _options(services, say, names)
    if not question.strip():
        notice(say("search.title"), say("search.empty"))
        return
    filters, wrong = parsed(options.expression)
    if wrong:
        notice(say("search.failed"), wrong, kind="error")
        return
    page, count = _page(), options.count
    try:
        with st.spinner(say("answer.searching")):
            found = services.search(
                owner,
                question,
                options.collections,
                SearchOptions(
                    options.method,
                    page * count + 1,
                    filters,
                    options.rank,
                    options.min_relevance,
                ),
            )
    except RagError as error:
        problem(say("search.failed"), error)
        st.button(say("search.again"), key="again")
        return
    _draw(services, owner, say, found, question=question, page=page, count=count)


def _options(services: Services, say: Say, names: list[str]) -> _SearchSettings:
    """Draw the options of a search."""
    with st.popover(say("search.options"), icon=":material/tune:", key="search_options"):
        chosen = st.multiselect(
            say("search.collections"),
            names,
            key="in",
            bind="query-params",
            placeholder=say("search.all"),
        )
        method = choose_method(say, services.config.retrieval.method, key="method", in_address=True)
        expression = st.text_input(
            say("search.filter"),
            key="where",
            bind="query-params",
            placeholder=say("search.filter_help"),
            max_chars=2000,
        )
        count = st.segmented_control(
            say("search.count"), COUNTS, default=COUNTS[0], key="n", bind="query-params"
        )
        rank = choose_ranking(services.config, say, key="ranker", bind="query-params")
        least = choose_relevance(services.config, say, key="relevance", bind="query-params")
    return _SearchSettings(chosen or names, method, expression, count or COUNTS[0], rank, least)


def _draw(
    services: Services,
    owner: str,
    say: Say,
    found: CombinedResult,
    *,
    question: str,
    page: int,
    count: int,
) -> None:
    first = (page - 1) * count
    shown = replace(found, results=found.results[first : first + count])
    if not shown.results:
        notice(say("search.nothing"), say("search.nothing_help"))
    else:
        draw_results(services, owner, say, shown, question=question, first=first + 1)
    for note in found.notes:
        st.text(note)
    with st.container(key="pages", horizontal=True, horizontal_alignment="center"):
        if page > 1:
            st.button(say("search.previous"), key="previous", on_click=_turn, args=(page - 1,))
            st.text(say("search.page", page=page))
        if len(found.results) > first + count and page < LAST_PAGE:
            st.button(say("search.next"), key="next", on_click=_turn, args=(page + 1,))


def _page() -> int:
    """Return the page of results in the address, from 1."""
    named = st.query_params.get("page", "1")
    return min(max(int(named), 1), LAST_PAGE) if named.isdecimal() and len(named) < 4 else 1


def _turn(page: int) -> None:
    st.query_params["page"] = str(page)


def _first_page() -> None:
    st.query_params.pop("page", None)


main()
