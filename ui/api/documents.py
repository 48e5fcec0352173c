"""Routes for the documents of a collection: list, upload, read, delete; and indexing jobs."""

import time
from typing import Annotated

from fastapi import APIRouter, File, Path, Query, Request, UploadFile

from rag.schema import Passage
from ui.api.library import Name
from ui.api.schemas import DocumentResponse, DocumentsResponse, JobResponse, TextResponse
from ui.api.scope import Owner, ServicesOf, ThreadsOf
from ui.api.upload_names import UploadRoute
from ui.services import Services

router = APIRouter(prefix="/v1", tags=["documents"], route_class=UploadRoute)

LONGEST_WAIT = 30.0  # seconds
PAUSE = 1.0  # seconds from a watch's begin to its end while the job runs
NEVER = 2**63  # a version that no job reaches

DocumentId = Annotated[
    str, Path(min_length=1, max_length=200, description="Its id, `#` written as `%23`.")
]


@router.get("/collections/{name}/documents")
def list_documents(
    name: Name,
    services: ServicesOf,
    owner: Owner,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> DocumentsResponse:
    """List the documents of a collection, in the order they were added."""
    rows = services.library.documents(owner, name)
    shown = rows[offset : offset + limit]
    return DocumentsResponse(total=len(rows), documents=[DocumentResponse.of(row) for row in shown])


@router.post("/collections/{name}/documents", status_code=202)
async def upload_documents(
    name: Name,
    services: ServicesOf,
    threads: ThreadsOf,
    owner: Owner,
    files: Annotated[list[UploadFile], File(description="One or several files.")],
) -> JobResponse:
    """Upload files and begin to index them; ask for the job to see how far it is.

    A file of the same name takes the place of the one uploaded before.
    """
    return await threads.upload(_upload, services, owner, name, files)


def _upload(services: Services, owner: str, name: str, files: list[UploadFile]) -> JobResponse:
    services.library.check(owner, name)
    read = [(file.filename or "", file.file.read()) for file in files]
    job_id = services.uploads.upload(owner, name, read)
    return JobResponse.of(services.uploads.snapshot(owner, job_id))


@router.get("/jobs/{job_id}")
async def show_job(
    *,
    job_id: Annotated[str, Path(max_length=64)],
    services: ServicesOf,
    threads: ThreadsOf,
    owner: Owner,
    seen: Annotated[int, Query(ge=0, description="The version you know.")] = 0,
    wait: Annotated[
        float, Query(ge=0, le=LONGEST_WAIT, description="Seconds to wait for a newer one.")
    ] = 0.0,
    request: Request,
) -> JobResponse:
    """Show how far an upload has come.

    With `wait` the answer comes with the next change, at most once a second until the job ends;
    until then such requests do not count for the limit of requests a minute.
    """
    pause = min(wait, PAUSE)
    until = time.monotonic() + pause
    now = await threads.watch(services.uploads.wait, owner, job_id, seen, wait)
    if now.is_open and (left := until - time.monotonic()) > 0:
        now = await threads.watch(services.uploads.wait, owner, job_id, NEVER, left)
    if now.is_open and pause == PAUSE:
        request.state.uncount()
    return JobResponse.of(now)


@router.delete("/jobs/{job_id}", status_code=204)
def cancel_job(
    job_id: Annotated[str, Path(max_length=64)], services: ServicesOf, owner: Owner
) -> None:
    """End an upload after the batch in hand; what is done stays."""
    services.uploads.cancel(owner, job_id)


@router.get("/collections/{name}/documents/{document_id}/text")
def read_text(
    name: Name, document_id: DocumentId, services: ServicesOf, owner: Owner
) -> TextResponse:
    """Return a document's text, in which the offsets of passages and citations count."""
    text = services.library.text(owner, name, document_id)
    return TextResponse(document_id=document_id, text=text)


@router.get("/collections/{name}/passages/{passage_id}")
def read_passage(name: Name, passage_id: DocumentId, services: ServicesOf, owner: Owner) -> Passage:
    """Return a passage by its id."""
    return services.library.passage(owner, name, passage_id)


@router.delete("/collections/{name}/documents/{document_id}", status_code=204)
def delete_document(
    name: Name, document_id: DocumentId, services: ServicesOf, owner: Owner
) -> None:
    """Remove a document from a collection, and its file if it was uploaded."""
    services.library.remove(owner, name, [document_id])
