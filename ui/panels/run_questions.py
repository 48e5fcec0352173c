"""Questions of a run: question, answer, ranking, and cause of failure."""

from hashlib import blake2s

import streamlit as st

from evaluation.report.sections.failures import one_case
from evaluation.report.sections.funnel import cause_name
from evaluation.report.words import in_language
from evaluation.results.records import QueryResult
from evaluation.results.schema import SystemResult
from ui.panels.lists import one_page
from ui.panels.runs import RunSelection
from ui.render import element, plain
from ui.render.blocks import case_html
from ui.render.questions import because, citations, question_head, question_row, ranking

PAGE = 20  # questions on a page
QUESTION_PARAMETER = "question"  # in the address
ALL, FAILED, FINE = "all", "failed", "fine"


def draw_questions(selection: RunSelection) -> None:
    """Draw the questions of one system; the one in the address is open."""
    say = selection.say
    with st.container(key="sifting", horizontal=True, vertical_alignment="bottom"):
        system = _choose_system(selection)
        found, asked = _sift(selection, system)
    if not found:
        st.text(say("each.none"))
        return
    chosen = st.query_params.get(QUESTION_PARAMETER)
    places = [at for at, each in enumerate(found) if each.question_id == chosen]
    above = st.container()
    key = f"asked_{selection.info.run_id}_{_key(f'{system.name}{asked}')}"
    first, shown = one_page(found, PAGE, key=key, beginning=places[0] if places else 0)
    with above:
        counted = say("each.shown", first=first + 1, last=first + len(shown), count=len(found))
        st.html(element("p", counted, class_="cw-status", role="status"))
        st.html(question_head(say))
        with st.container(key="rows", gap=None):
            for query in shown:
                _draw_row(selection, system, query, is_open=query.question_id == chosen)


def _choose_system(selection: RunSelection) -> SystemResult:
    systems = {each.name: each for each in selection.results.systems}
    name = st.selectbox(
        selection.say("each.system"),
        list(systems),
        key=f"system_{selection.info.run_id}",
        width=180,
    )
    return systems[name] if name in systems else selection.results.systems[0]


def _sift(selection: RunSelection, system: SystemResult) -> tuple[list[QueryResult], str]:
    """Draw the filters of the questions; return the matches and the chosen filter."""
    say = selection.say
    named = dict.fromkeys(each.cause for each in system.queries if each.cause)
    which = st.selectbox(
        say("each.which"),
        [ALL, FAILED, FINE, *named],
        format_func=lambda each: (
            say(f"each.{each}")
            if each in (ALL, FAILED, FINE)
            else in_language(cause_name(each), selection.language)
        ),
        key=f"which_{selection.info.run_id}",
        width=220,
    )
    words = st.text_input(
        say("each.find"), key=f"sift_{selection.info.run_id}", icon=":material/search:"
    )
    wanted = (words or "").casefold().strip()
    found = [
        each
        for each in system.queries
        if _fits(each, which or ALL)
        and wanted in "\n".join((each.question, each.answer or "", *each.golds)).casefold()
    ]
    return found, f"{which}\0{wanted}"


def _fits(query: QueryResult, which: str) -> bool:
    if which in (ALL, FAILED, FINE):
        return which == ALL or (query.cause is None) == (which == FINE)
    return query.cause == which


def _draw_row(
    selection: RunSelection, system: SystemResult, query: QueryResult, *, is_open: bool
) -> None:
    key = _key(query.question_id)
    with st.container(key=f"row_q_{key}", horizontal=True, vertical_alignment="center"):
        st.button(
            plain(query.question, 200),
            key=f"q_{key}",
            type="tertiary",
            wrap=True,
            icon=":material/expand_more:" if is_open else ":material/chevron_right:",
            on_click=_open,
            args=(None if is_open else query.question_id,),
        )
        st.html(question_row(query, selection.say, selection.language))
    if is_open:
        with st.container(key=f"case_{key}", border=True):
            st.html(because(query, selection.say, selection.language))
            st.html(case_html(one_case(selection.results, system, query), selection.language))
            st.html(citations(query, selection.say))
            st.html(ranking(query, selection.say))


def _open(question_id: str | None) -> None:
    if question_id is None:
        st.query_params.pop(QUESTION_PARAMETER, None)
    else:
        st.query_params[QUESTION_PARAMETER] = question_id


def _key(text: str) -> str:
    return blake2s(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
