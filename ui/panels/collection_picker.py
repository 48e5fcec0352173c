"""Collection of the page Documents: choose, create, delete, show facts."""

from dataclasses import dataclass

import streamlit as st

from evaluation.report import numbers
from rag.errors import RagError
from ui import session
from ui.panels.frame import notice, tried
from ui.panels.lists import moment
from ui.render import plain
from ui.render.documents import facts
from ui.services import Services
from ui.services.library import CollectionInfo
from ui.services.owners import SHARED
from ui.words import Say

COLLECTION, DOCUMENT = "collection", "document"  # in the address


@dataclass(frozen=True)
class PickedCollection:
    """The visitor, language and chosen collection; an empty name is none."""

    services: Services
    owner: str
    say: Say
    collection: str


def choose_collection(services: Services, owner: str, say: Say) -> PickedCollection:
    """Draw the row with the collection and its actions; return the choice."""
    names = services.library.names(owner)
    wanted = st.query_params.get(COLLECTION)
    if wanted and wanted not in names:
        notice(say("collections.gone", name=wanted[:80]), kind="error")
    known = (wanted, st.session_state.get("shelf"), session.preferred_collection(names))
    current = next((name for name in known if name in names), None)
    st.session_state["shelf"] = current  # it stays selected when another one is sorted before it
    picked = PickedCollection(services, owner, say, current or "")
    with st.container(key="shelf", horizontal=True, vertical_alignment="bottom"):
        if current is not None:
            key = f"shelf_{current}"
            st.selectbox(
                say("collections.label"),
                names,
                index=names.index(current),
                key=key,
                on_change=lambda: show_collection(st.session_state[key]),
                width=320,
            )
        _draw_new(picked)
        if current is not None:
            _draw_manage(picked)
    return picked


def show_collection(name: str | None) -> None:
    """Put a collection into the address, so that this page shows it; None shows the first."""
    st.query_params.pop(DOCUMENT, None)
    if name is None:
        st.query_params.pop(COLLECTION, None)
    else:
        st.query_params[COLLECTION] = name


def draw_facts(picked: PickedCollection) -> CollectionInfo | None:
    """Draw a collection's facts and problems; return it if it can be read."""
    say = picked.say
    try:
        info = picked.services.library.collection(picked.owner, picked.collection)
    except RagError as error:
        notice(say("documents.damaged"), str(error), kind="error")
        return None
    is_shared = info.owner == SHARED
    pairs: list[tuple[str, object]] = [
        (say("documents.count"), numbers.count(info.documents)),
        (say("documents.passages"), numbers.count(info.passages)),
        (say("documents.size"), "–" if info.bytes is None else numbers.size(info.bytes)),
        (say("documents.updated"), "–" if info.updated is None else moment(info.updated)),
        (say("documents.embedder"), info.embedder or "–"),
        (say("documents.generation"), info.generation),
        (
            say("documents.access"),
            say("documents.shared_short" if is_shared else "documents.private_short"),
        ),
    ]
    st.html(facts(pairs))
    if info.problem is not None:
        notice(say("documents.damaged"), info.problem, kind="error")
    return info


def _draw_new(picked: PickedCollection) -> None:
    say = picked.say
    with (
        st.popover(say("documents.new"), icon=":material/create_new_folder:", key="new_popover"),
        st.form("new_form", border=False, clear_on_submit=True),
    ):
        st.text_input(
            say("documents.name"),
            key="new_name",
            max_chars=64,
            placeholder=say("documents.name_help"),
        )
        st.checkbox(say("documents.make_private"), key="new_private")
        st.form_submit_button(
            say("documents.create"), type="primary", on_click=_create, args=(picked,)
        )


def _create(picked: PickedCollection) -> None:
    name, private = st.session_state["new_name"].strip(), st.session_state["new_private"]
    library = picked.services.library
    if tried(lambda: library.create(picked.owner, name, private=private)):
        show_collection(name)
        st.toast(plain(picked.say("documents.created", name=name)))


def _draw_manage(picked: PickedCollection) -> None:
    say, name = picked.say, picked.collection
    with st.popover(say("documents.manage"), icon=":material/more_horiz:", key="manage_popover"):
        st.text(say("documents.again_help"))
        st.button(
            say("documents.again"),
            key="again",
            icon=":material/refresh:",
            on_click=_look_again,
            args=(picked,),
        )
        st.divider()
        with st.form(f"delete_{name}", border=False, clear_on_submit=True):
            st.text(say("documents.delete_help"))
            st.text(say("documents.delete_type", name=name))
            st.text_input(
                say("documents.name"),
                key="delete_name",
                autocomplete="off",
                label_visibility="collapsed",
            )
            st.form_submit_button(
                say("documents.delete"),
                icon=":material/delete:",
                on_click=_delete,
                args=(picked,),
            )


def _look_again(picked: PickedCollection) -> None:
    tried(lambda: picked.services.uploads.update(picked.owner, picked.collection))


def _delete(picked: PickedCollection) -> None:
    name = picked.collection
    if st.session_state["delete_name"].strip() != name:
        st.toast(plain(picked.say("documents.delete_differs")), icon=":material/error:")
        return
    if tried(lambda: picked.services.library.delete(picked.owner, name)):
        show_collection(None)
        st.toast(plain(picked.say("documents.deleted", name=name)))
