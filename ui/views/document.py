"""The page of one document: its text with a passage marked, and the original if it is a PDF."""

import streamlit as st

from rag.errors import RagError
from ui import session
from ui.panels.frame import heading, notice
from ui.render import element
from ui.render.places import MARK, short_source
from ui.render.reader import DocumentExcerpt, document_text, view_around
from ui.services import Services
from ui.services.library import DocumentRow
from ui.words import Say


def main() -> None:
    """Draw the document in the address."""
    services, owner, say = session.services(), session.owner(), session.say()
    collection, wanted = (st.query_params.get(name, "") for name in ("collection", "document"))
    try:
        rows = services.library.documents(owner, collection)
        row = next((each for each in rows if each.document_id == wanted), None)
        text = services.library.text(owner, collection, wanted)
    except RagError:
        row, text = None, ""
    if row is None:
        notice(say("document.missing"), say("document.missing_help"), kind="error")
        return
    heading(row.title or short_source(row.source), f"{short_source(row.source)} · {collection}")
    start, end = _place("start", len(text)), _place("end", len(text))
    view = view_around(len(text), _place("at", len(text)) or start)
    if end > start:
        st.html(element("p", element("a", say("document.jump"), href=f"#{MARK}"), class_="cw-foot"))
    if view.end - view.start < view.length:
        _parts(say, view)
    st.html(document_text(text, view, start, max(start, end), say("document.text")))
    _preview(services, owner, say, collection, row)


def _parts(say: Say, view: DocumentExcerpt) -> None:
    """Draw the links to the parts before and after the one shown."""
    size = view.end - view.start
    with st.container(key="parts", horizontal=True, vertical_alignment="center"):
        if view.start > 0:
            st.button(
                say("document.before"),
                key="before",
                on_click=_show,
                args=(max(1, view.start - size // 2),),
            )
        st.text(
            say(
                "document.part",
                start=f"{view.start + 1:,}",
                end=f"{view.end:,}",
                length=f"{view.length:,}",
            )
        )
        if view.end < view.length:
            st.button(
                say("document.after"), key="after", on_click=_show, args=(view.end + size // 2,)
            )


def _preview(services: Services, owner: str, say: Say, collection: str, row: DocumentRow) -> None:
    """Draw the original below the text, if it is a PDF that still exists."""
    if row.kind != "pdf":
        return
    path = services.library.file(owner, collection, row.document_id)
    if path is None:
        return
    if st.toggle(say("document.preview"), key="preview"):
        st.pdf(path, height=800, key="original")


def _place(name: str, length: int) -> int:
    named = st.query_params.get(name, "0")
    return min(int(named), length) if named.isdecimal() and len(named) < 12 else 0


def _show(place: int) -> None:
    st.query_params["at"] = str(place)


main()
