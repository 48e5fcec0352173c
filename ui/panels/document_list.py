"""List of a collection's documents, searchable by name and opened in place; and failures."""

from collections.abc import Sequence
from hashlib import blake2s

import streamlit as st

from rag.stores.contract import Failure
from ui.panels.collection_picker import DOCUMENT, PickedCollection
from ui.panels.document_preview import draw_preview
from ui.panels.frame import notice, tried
from ui.panels.lists import one_page
from ui.render import element, plain
from ui.render.documents import document_facts, failed_file
from ui.services.library import DocumentRow

PAGE = 20  # documents on a page
MOST_FAILED = 20


def draw_documents(
    picked: PickedCollection, rows: Sequence[DocumentRow], failures: Sequence[Failure]
) -> None:
    """Draw the documents; the one in the address is open."""
    say = picked.say
    chosen = st.query_params.get(DOCUMENT)
    if chosen and all(row.document_id != chosen for row in rows):
        notice(say("preview.gone"), kind="error")
    st.html(element("h2", say("list.title"), class_="cw-section"))
    found, asked = _found(picked, rows)
    if not found:
        st.text(say("list.none"))
        return
    places = [at for at, row in enumerate(found) if row.document_id == chosen]
    key = f"list_{picked.collection}_{_key(asked)}"
    outdated = {failure.path for failure in failures}
    above = st.container()
    first, shown = one_page(found, PAGE, key=key, beginning=places[0] if places else 0)
    with above:
        last = first + len(shown)
        st.html(
            element(
                "p",
                say("list.shown", first=first + 1, last=last, count=len(found)),
                class_="cw-status",
                role="status",
            )
        )
        with st.container(key="rows", gap=None):
            for row in shown:
                is_open = row.document_id == chosen
                _draw_row(picked, row, is_open=is_open, is_outdated=row.path in outdated)


def draw_failures(picked: PickedCollection, failures: Sequence[Failure]) -> None:
    """Draw the files that could not be indexed, with reasons and actions."""
    if not failures:
        return
    say = picked.say
    paths = list(dict.fromkeys(each.path for each in failures if each.path is not None))
    with st.expander(
        say("failed.title", count=len(failures)), icon=":material/warning:", key="failures"
    ):
        if len(paths) > 1:
            st.button(
                say("failed.retry_all"),
                key="retry_all",
                icon=":material/refresh:",
                on_click=_retry,
                args=(picked, paths),
            )
        for number, failure in enumerate(failures[:MOST_FAILED]):
            _draw_failure(picked, failure, number)
        if len(failures) > MOST_FAILED:
            st.text(say("failed.more", count=len(failures) - MOST_FAILED))


def _found(picked: PickedCollection, rows: Sequence[DocumentRow]) -> tuple[list[DocumentRow], str]:
    """Draw the search field of the list; return the matches and the search text."""
    say = picked.say
    kinds = sorted({row.kind for row in rows})
    with st.container(key="finding", horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(
            say("list.find"), key=f"find_{picked.collection}", icon=":material/search:"
        )
        kind = st.selectbox(
            say("list.type"),
            ["", *kinds],
            format_func=lambda each: each or say("list.all_types"),
            key=f"type_{picked.collection}",
            width=160,
        )
    wanted = (words or "").casefold().strip()
    found = [
        row
        for row in rows
        if wanted in f"{row.title}\n{row.source}".casefold() and kind in ("", None, row.kind)
    ]
    return found, f"{wanted}\0{kind}"


def _draw_row(
    picked: PickedCollection, row: DocumentRow, *, is_open: bool, is_outdated: bool
) -> None:
    key = _key(row.document_id)
    title = row.title or row.source
    place = "/".join(row.source.split("/")[-2:])
    source = f" :small[{plain(place, 80)}]" if row.title and row.title != place else ""
    with st.container(key=f"row_{key}", horizontal=True, vertical_alignment="center"):
        st.button(
            f"{plain(title, 100)}{source}",
            key=f"doc_{key}",
            type="tertiary",
            wrap=True,
            icon=":material/expand_more:" if is_open else ":material/chevron_right:",
            on_click=_open,
            args=(None if is_open else row.document_id,),
        )
        st.html(document_facts(row, is_outdated=is_outdated, say=picked.say))
    if is_open:
        with st.container(key=f"preview_{key}", border=True):
            draw_preview(picked, row)


def _draw_failure(picked: PickedCollection, failure: Failure, number: int) -> None:
    say = picked.say
    with st.container(key=f"failure_{number}", horizontal=True, vertical_alignment="center"):
        st.html(failed_file(failure.source, failure.reason))
        if failure.path is None:
            return
        st.button(
            say("failed.retry"),
            key=f"failed_retry_{number}",
            icon=":material/refresh:",
            on_click=_retry,
            args=(picked, [failure.path]),
        )
        st.button(
            say("failed.forget"),
            key=f"failed_forget_{number}",
            type="tertiary",
            help=say("failed.forget_help"),
            on_click=_forget,
            args=(picked, failure.path),
        )


def _open(document_id: str | None) -> None:
    if document_id is None:
        st.query_params.pop(DOCUMENT, None)
    else:
        st.query_params[DOCUMENT] = document_id


def _retry(picked: PickedCollection, paths: Sequence[str]) -> None:
    tried(lambda: picked.services.uploads.update(picked.owner, picked.collection, paths))


def _forget(picked: PickedCollection, path: str) -> None:
    tried(lambda: picked.services.library.forget(picked.owner, picked.collection, [path]))


def _key(text: str) -> str:
    """Return a text encoded for a widget's key, as ids may hold any characters."""
    return blake2s(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
