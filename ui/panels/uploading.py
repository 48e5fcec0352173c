"""Uploads into a collection: the form, each file's stage, cancel, retry.

Indexing runs in the background whatever the page does; the page only watches.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from indexing.converters import SUFFIXES
from ui.panels.collection_picker import PickedCollection, show_collection
from ui.panels.frame import notice, tried
from ui.render import element, plain
from ui.render.documents import job_files, job_status
from ui.services.uploads import IndexSnapshot

WAIT = 0.25  # seconds between two looks of the browser's clicks, at most
PAINT = 0.08  # seconds between two paints, at least
MOST_NAMED = 10  # files listed by name
FIRST = "default"  # name of the collection of a first upload
DISMISSED = "dismissed_jobs"


@dataclass
class UploadSlots:
    """Placeholders of an upload on the page, and their current contents."""

    job: IndexSnapshot
    status: DeltaGenerator
    files: DeltaGenerator


def draw_form(picked: PickedCollection) -> None:
    """Draw the upload form."""
    say, limits = picked.say, picked.services.config.server
    types = " ".join(sorted(suffix.removeprefix(".") for suffix in SUFFIXES))
    label = say("upload.label", types=types, mb=limits.max_upload_mb, files=limits.max_files)
    with st.form("upload", clear_on_submit=True):
        st.file_uploader(
            label,
            accept_multiple_files=True,
            key="upload_files",
            max_upload_size=limits.max_upload_mb,
        )
        st.form_submit_button(
            plain(say("upload.go", name=picked.collection))
            if picked.collection
            else say("upload.to_default"),
            type="primary",
            icon=":material/upload:",
            on_click=_upload,
            args=(picked,),
        )


def draw_jobs(picked: PickedCollection) -> list[UploadSlots]:
    """Draw the visitor's uploads and return the placeholders of the unfinished ones."""
    dismissed = st.session_state.get(DISMISSED, ())
    jobs = picked.services.uploads.recent(picked.owner)
    running = []
    for job in [each for each in jobs if each.job_id not in dismissed]:
        slots = _draw_job(picked, job)
        if job.is_open:
            running.append(slots)
    return running


def draw_left_over(picked: PickedCollection) -> None:
    """Draw uploaded files that were never indexed, unless an upload above lists them."""
    say, uploads = picked.say, picked.services.uploads
    dismissed = st.session_state.get(DISMISSED, ())
    for job in uploads.recent(picked.owner, picked.collection):
        can_retry = any(file.can_retry for file in job.files) and job.job_id not in dismissed
        if job.is_open or can_retry:
            return
    paths = uploads.left_over(picked.owner, picked.collection)
    if not paths:
        return
    names = ", ".join(Path(path).name for path in paths[:MOST_NAMED])
    more = say("failed.more", count=len(paths) - MOST_NAMED) if len(paths) > MOST_NAMED else ""
    notice(say("left.title", count=len(paths)), say("left.help", names=f"{names} {more}"))
    with st.container(key="left", horizontal=True):
        st.button(
            say("left.index"),
            key="left_index",
            icon=":material/refresh:",
            on_click=_index,
            args=(picked, paths),
        )
        st.button(say("left.discard"), key="left_discard", type="tertiary",
                  on_click=_discard, args=(picked,))  # fmt: skip


def follow(picked: PickedCollection, running: Sequence[UploadSlots]) -> None:
    """Repaint uploads until one ends, and then rerun the page.

    A page calls it last. A click anywhere ends this loop, never the indexing.
    """
    uploads, say = picked.services.uploads, picked.say
    while True:
        for slots in running:
            seen = slots.job
            now = uploads.wait(picked.owner, seen.job_id, seen.version, WAIT / len(running))
            if now.version != seen.version:
                slots.status.html(job_status(now, say))
                slots.files.html(job_files(now, say))
                slots.job = now
            if not now.is_open:
                st.rerun()
        time.sleep(PAINT)


def _upload(picked: PickedCollection) -> None:
    files = [(each.name, each.getvalue()) for each in st.session_state["upload_files"]]
    collection = picked.collection or FIRST

    def begin() -> None:
        if not picked.collection and files:
            picked.services.library.create(picked.owner, collection)
        picked.services.uploads.upload(picked.owner, collection, files)

    if tried(begin) and not picked.collection:
        show_collection(collection)


def _draw_job(picked: PickedCollection, job: IndexSnapshot) -> UploadSlots:
    say = picked.say
    key, count = job.job_id[:12], len(job.files)
    title = say("upload.one_job" if count == 1 else "upload.job", count=count, name=job.collection)
    with st.container(key=f"job_{key}", border=True, gap="small"):
        st.html(element("h2", title, class_="cw-section"))
        slots = UploadSlots(job, st.html(job_status(job, say)), st.html(job_files(job, say)))
        with st.container(key=f"jobdo_{key}", horizontal=True):
            if job.is_open:
                st.button(
                    say("upload.cancel"),
                    key=f"cancel_{key}",
                    icon=":material/stop_circle:",
                    on_click=_cancel,
                    args=(picked, job.job_id),
                )
                return slots
            if any(file.can_retry for file in job.files):
                st.button(
                    say("upload.retry"),
                    key=f"retry_{key}",
                    icon=":material/refresh:",
                    on_click=_retry,
                    args=(picked, job.job_id),
                )
            st.button(
                say("upload.dismiss"),
                key=f"dismiss_{key}",
                type="tertiary",
                icon=":material/close:",
                on_click=_dismiss,
                args=(job.job_id,),
            )
    return slots


def _cancel(picked: PickedCollection, job_id: str) -> None:
    if tried(lambda: picked.services.uploads.cancel(picked.owner, job_id)):
        st.toast(plain(picked.say("upload.cancel_asked")))


def _retry(picked: PickedCollection, job_id: str) -> None:
    if tried(lambda: picked.services.uploads.retry(picked.owner, job_id)):
        _dismiss(job_id)


def _index(picked: PickedCollection, paths: Sequence[str]) -> None:
    tried(lambda: picked.services.uploads.update(picked.owner, picked.collection, paths))


def _discard(picked: PickedCollection) -> None:
    tried(lambda: picked.services.uploads.discard(picked.owner, picked.collection))


def _dismiss(job_id: str) -> None:
    st.session_state[DISMISSED] = {*st.session_state.get(DISMISSED, ()), job_id}
