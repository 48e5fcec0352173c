"""Options of a question: collections, method, filter, and whether a model writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from rag.config import Config, Method
from rag.errors import QuestionError
from rag.schema import SearchOptions
from rag.stores.filters import Filter, parse_filter
from ui.panels.frame import notice
from ui.services import Services
from ui.words import Say

MOST_RELEVANCE = 90  # per cent
METHODS: tuple[Method, ...] = ("hybrid", "bm25", "dense")


@dataclass(frozen=True)
class QuestionOptions:
    """Options of the next question; `problem` says why it cannot be asked."""

    collections: tuple[str, ...]
    search: SearchOptions
    write: bool
    problem: str | None = None


def choose_method(say: Say, configured: Method, *, key: str, in_address: bool = False) -> Method:
    """Draw the choice of a method and return it.

    Streamlit would write the label into the address, which depends on the language; so the address
    is written here.
    """
    named = st.query_params.get(key) if in_address else None
    begin = next((method for method in METHODS if method == named), configured)

    def write() -> None:
        if in_address:
            st.query_params[key] = st.session_state[key] or configured

    chosen: Method | None = st.segmented_control(
        say("method.label"),
        METHODS,
        key=key,
        default=begin,
        format_func=lambda method: say(f"method.{method}"),
        on_change=write,
        persist_state=None if in_address else "session",
    )
    return chosen or configured


def choose_ranking(
    config: Config, say: Say, *, key: str, bind: Literal["query-params"] | None = None
) -> bool | None:
    """Draw the switch of the ranker; return False if it is off, None for the configuration."""
    there = config.ranker is not None
    on = st.toggle(
        say("search.ranker"),
        value=there,
        disabled=not there,
        key=key,
        bind=bind if there else None,
        persist_state=None if bind else "session",
    )
    if not there:
        st.text(say("search.no_ranker"))
    return False if there and not on else None


def choose_relevance(
    config: Config, say: Say, *, key: str, bind: Literal["query-params"] | None = None
) -> float | None:
    """Draw the choice of the least relevance and return it; None is the configured one."""
    configured = round(100 * config.retrieval.min_relevance)
    chosen = st.number_input(
        say("search.min_relevance"),
        min_value=0,
        max_value=max(MOST_RELEVANCE, configured),
        value=configured,
        step=1,
        required=True,
        key=key,
        bind=bind,
        persist_state=None if bind else "session",
    )
    return None if chosen == configured else chosen / 100


def draw_choices(
    services: Services, say: Say, names: list[str], collections: Sequence[str]
) -> QuestionOptions:
    """Draw the row of options above the conversation and return them.

    Args:
        services: The services.
        say: The interface's texts.
        names: Names of the collections that can be asked.
        collections: Those chosen at first; no choice stands for all.
    """
    config = services.config
    with st.container(key="choices", horizontal=True, vertical_alignment="center"):
        chosen = st.multiselect(
            say("search.collections"),
            names,
            default=list(collections),
            key=f"collections_{','.join(collections)}",
            placeholder=say("search.all"),
            label_visibility="collapsed",
            width=320,
        )
        with st.popover(say("chat.options"), icon=":material/tune:", key="options"):
            method = choose_method(say, config.retrieval.method, key="ask_method")
            has_model = config.generator is not None
            quote_only = st.toggle(
                say("chat.quote_only"),
                value=not has_model,
                disabled=not has_model,
                key="ask_quote_only",
                persist_state="session",
            )
            if not has_model:
                st.text(say("chat.no_model"))
            rank = choose_ranking(config, say, key="ask_ranker")
            least = choose_relevance(config, say, key="ask_min_relevance")
            expression = st.text_input(
                say("chat.filter"),
                key="ask_filter",
                placeholder=say("chat.filter_help"),
                max_chars=2000,
                persist_state="session",
            )
    filters, problem = parsed(expression)
    if problem:
        notice(say("search.failed"), problem, kind="error")
    write = has_model and not quote_only
    options = SearchOptions(method, None, filters, rank, least)
    return QuestionOptions(tuple(chosen or names), options, write, problem)


def parsed(expression: str) -> tuple[Filter | None, str | None]:
    """Return the typed filter, or the reason why it is invalid."""
    if not expression.strip():
        return None, None
    try:
        return parse_filter(expression), None
    except QuestionError as error:
        return None, str(error)
