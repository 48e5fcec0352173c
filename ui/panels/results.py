"""Search results: a card for each passage, with actions."""

import streamlit as st

from rag.schema import SearchOptions
from ui.panels.frame import tried
from ui.render import context_passages, element, result_card, seconds
from ui.services import Services
from ui.services.engines import CombinedResult, Hit
from ui.words import Say


def draw_results(
    services: Services, owner: str, say: Say, found: CombinedResult, *, question: str, first: int
) -> None:
    """Draw results, numbered from `first`; `found` holds only those of this page."""
    last = first + len(found.results) - 1
    line = say("search.found", first=first, last=last, time=seconds(found.total_ms))
    st.html(element("p", line, class_="cw-status", role="status"))
    for number, hit in enumerate(found.results, start=first):
        with st.container(key=f"hit_{number}", gap="xsmall"):
            st.html(
                result_card(
                    number,
                    hit.passage,
                    marks=[hit.answer] if hit.answer else [],
                    terms=hit.terms,
                    collection=hit.collection,
                    stages=found.stages[hit.collection],
                    say=say,
                )
            )
            _draw_actions(services, owner, say, hit, question=question, number=number)


def _draw_actions(
    services: Services, owner: str, say: Say, hit: Hit, *, question: str, number: int
) -> None:
    passage = hit.passage
    seen = f"context_{hit.collection}_{passage.passage_id}"
    is_shown = bool(st.session_state.get(seen))
    with st.container(key=f"do_{number}", horizontal=True, vertical_alignment="center"):
        st.button(
            say("search.close" if is_shown else "search.context"),
            key=f"look_{number}",
            icon=":material/unfold_more:",
            type="tertiary",
            on_click=lambda: st.session_state.update({seen: not is_shown}),
        )
        asked = st.button(
            say("search.ask"), key=f"ask_{number}", icon=":material/forum:", type="tertiary"
        )
    if is_shown:
        before, after = services.library.neighbours(owner, hit.collection, passage)
        st.html(context_passages(before, passage, after, terms=hit.terms, say=say))
    if asked:
        tried(lambda: _ask_about(services, owner, hit, question))


def _ask_about(services: Services, owner: str, hit: Hit, question: str) -> None:
    """Ask the searched question about one document, in a new conversation."""
    services.library.check(owner, hit.collection)
    made = services.conversations.create(owner, hit.collection)
    only = {
        "field": "passage.document_id",
        "operator": "==",
        "value": hit.passage.document_id,
    }
    services.answers.ask(owner, made.id, question, SearchOptions(filters=only))
    st.switch_page("views/chat.py", query_params={"c": made.id})
