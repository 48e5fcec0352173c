"""The page Evaluation: runs of `rag evaluate`, to read, compare and download."""

import shlex

import streamlit as st

from ui import session
from ui.panels.frame import heading, notice
from ui.panels.run_exports import draw_exports, draw_feedback
from ui.panels.run_overview import draw_about, draw_comparison, draw_overview
from ui.panels.run_questions import draw_questions
from ui.panels.runs import RunSelection, choose_run, draw_run_facts
from ui.services import Services
from ui.words import Say

VIEW = "view"  # in the address
VIEWS = {
    "overview": draw_overview,
    "each": draw_questions,
    "compared": draw_comparison,
    "about": draw_about,
    "export": draw_exports,
}


def main() -> None:
    """Draw the page; its whole state is in the address."""
    services, owner, say = session.services(), session.owner(), session.say()
    heading(say("app.evaluation"), say("evaluation.lead"))
    selection = choose_run(services, say, session.language())
    if selection is None:
        _draw_first(services, owner, say)
    else:
        draw_run_facts(selection)
        _draw_view(selection)
    draw_feedback(services, owner, say)


def _draw_view(selection: RunSelection) -> None:
    say, named = selection.say, st.query_params.get(VIEW, "")
    view = st.segmented_control(
        say("evaluation.view"),
        list(VIEWS),
        default=named if named in VIEWS else next(iter(VIEWS)),
        required=True,
        format_func=lambda each: say(f"evaluation.{each}"),
        key=VIEW,
        on_change=lambda: st.query_params.update({VIEW: st.session_state[VIEW]}),
        label_visibility="collapsed",
    )
    VIEWS[view or next(iter(VIEWS))](selection)


def _draw_first(services: Services, owner: str, say: Say) -> None:
    """Draw the commands for a first run."""
    name = session.preferred_collection(services.library.names(owner)) or "default"
    option = f" --collection {shlex.quote(name)}"
    notice(say("evaluation.none"), say("evaluation.none_help"))
    st.code(
        f"rag evaluate questions --out questions.json{option}\n"
        f"rag evaluate questions.json{option} --out {services.config.server.runs}/first",
        language=None,
    )
    st.text(say("evaluation.some_help"))


main()
