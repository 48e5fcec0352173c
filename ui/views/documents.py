"""The page Documents: collections, their documents, and uploads."""

import shlex

import streamlit as st

from rag.errors import RagError
from ui import session
from ui.panels.collection_picker import PickedCollection, choose_collection, draw_facts
from ui.panels.document_list import draw_documents, draw_failures
from ui.panels.frame import heading, notice, problem
from ui.panels.uploading import draw_form, draw_jobs, draw_left_over, follow


def main() -> None:
    """Draw the page; unfinished uploads are followed at the end."""
    services, owner, say = session.services(), session.owner(), session.say()
    heading(say("app.documents"), say("documents.lead"))
    picked = choose_collection(services, owner, say)
    if not picked.collection:
        notice(say("documents.first"), say("documents.first_help"))
        st.code("rag index PATH", language=None)
        draw_form(picked)
        running = draw_jobs(picked)
    else:
        info = draw_facts(picked)
        draw_form(picked)
        running = draw_jobs(picked)
        if info is not None:
            _draw_content(picked)
    if running:
        follow(picked, running)


def _draw_content(picked: PickedCollection) -> None:
    library, say = picked.services.library, picked.say
    try:
        rows = library.documents(picked.owner, picked.collection)
        failures = library.failures(picked.owner, picked.collection)
    except RagError as error:
        problem(say("documents.damaged"), error)
        return
    draw_left_over(picked)
    draw_failures(picked, failures)
    if rows:
        draw_documents(picked, rows, failures)
        return
    notice(say("documents.empty", name=picked.collection), say("documents.empty_help"))
    option = (
        "" if picked.collection == "default" else f" --collection {shlex.quote(picked.collection)}"
    )
    st.code(f"rag index PATH{option}", language=None)


main()
