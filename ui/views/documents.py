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
    shelf = choose_collection(services, owner, say)
    if not shelf.collection:
        notice(say("documents.first"), say("documents.first_help"))
        st.code("rag index PATH", language=None)
        draw_form(shelf)
        running = draw_jobs(shelf)
    else:
        info = draw_facts(shelf)
        draw_form(shelf)
        running = draw_jobs(shelf)
        if info is not None:
            _draw_content(shelf)
    if running:
        follow(shelf, running)


def _draw_content(shelf: PickedCollection) -> None:
    library, say = shelf.services.library, shelf.say
    try:
        rows = library.documents(shelf.owner, shelf.collection)
        failures = library.failures(shelf.owner, shelf.collection)
    except RagError as error:
        problem(say("documents.damaged"), error)
        return
    draw_left_over(shelf)
    draw_failures(shelf, failures)
    if rows:
        draw_documents(shelf, rows, failures)
        return
    notice(say("documents.empty", name=shelf.collection), say("documents.empty_help"))
    option = (
        "" if shelf.collection == "default" else f" --collection {shlex.quote(shelf.collection)}"
    )
    st.code(f"rag index PATH{option}", language=None)


main()
