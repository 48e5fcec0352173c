"""Preview of one document in the list: its passages, the original, and actions."""

from pathlib import Path

import streamlit as st

from rag.errors import RagError
from ui.panels.collection_picker import DOCUMENT, PickedCollection
from ui.panels.frame import problem, tried
from ui.panels.lists import one_page
from ui.render import element, plain
from ui.render.documents import passage_list
from ui.services.library import DocumentRow

PAGE = 10  # passages on a page


def draw_preview(picked: PickedCollection, row: DocumentRow) -> None:
    """Draw the actions on a document, and its passages."""
    try:
        original = picked.services.library.file(picked.owner, picked.collection, row.document_id)
        passages = picked.services.library.passages(
            picked.owner, picked.collection, row.document_id
        )
    except RagError as error:
        problem(picked.say("documents.damaged"), error)
        return
    say = picked.say
    st.html(element("p", element("bdi", row.source), class_="cw-where"))
    with st.container(key="preview_actions", horizontal=True, vertical_alignment="center"):
        st.page_link(
            "views/document.py",
            label=say("preview.open"),
            icon=":material/description:",
            query_params={"collection": picked.collection, "document": row.document_id},
        )
        _draw_original(picked, row, original)
        if row.path is not None:
            st.button(
                say("preview.again"),
                key="preview_again",
                icon=":material/refresh:",
                type="tertiary",
                on_click=_look_again,
                args=(picked, row.path),
            )
        _draw_remove(picked, row)
    if original is None and row.path is not None:
        st.text(say("preview.missing"))
    if original is not None and row.kind == "pdf" and st.toggle(say("preview.pdf"), key="pdf"):
        st.pdf(original, height=600, key="pdf_view", alt=plain(row.title or row.source))
    words = st.text_input(
        say("preview.find"), key=f"words_{row.document_id}", icon=":material/search:"
    )
    wanted = (words or "").casefold().strip()
    found = [each for each in passages if wanted in each.text.casefold()]
    if not found:
        st.text(say("preview.none"))
        return
    slot = st.container()
    _, shown = one_page(found, PAGE, key=f"passages_{row.document_id}_{wanted}")
    slot.html(passage_list(shown, wanted, say))


def _draw_original(picked: PickedCollection, row: DocumentRow, original: Path | None) -> None:
    if original is None:
        return
    st.download_button(
        picked.say("preview.download"),
        original.read_bytes,
        file_name=original.name,
        mime="application/octet-stream",  # browsers save any file of this type and never run it
        key="original",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


def _draw_remove(picked: PickedCollection, row: DocumentRow) -> None:
    say = picked.say
    with st.popover(
        say("preview.remove"), icon=":material/delete:", type="tertiary", key="remove_popover"
    ):
        st.text(say("preview.remove_upload" if row.uploaded else "preview.remove_indexed"))
        st.button(
            say("preview.remove_sure"),
            key="remove_sure",
            type="primary",
            on_click=_remove,
            args=(picked, row),
        )


def _look_again(picked: PickedCollection, path: str) -> None:
    tried(lambda: picked.services.uploads.update(picked.owner, picked.collection, [path]))


def _remove(picked: PickedCollection, row: DocumentRow) -> None:
    library = picked.services.library
    if tried(lambda: library.remove(picked.owner, picked.collection, [row.document_id])):
        st.query_params.pop(DOCUMENT, None)
        st.toast(plain(picked.say("preview.removed", title=row.title or row.source)))
