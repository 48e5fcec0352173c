"""The page as an ASGI application: Streamlit with headers, health and one screen for errors."""

import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event, Thread

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from rag.errors import RagError
from ui import session
from ui.headers import Headers
from ui.render import plain

log = logging.getLogger(__name__)

SCRIPT = Path(__file__).with_name("streamlit_app.py")


class ModelLoading:
    """Loading of the models in the background, and its state."""

    def __init__(self) -> None:
        self._ready, self.problem = Event(), ""

    def start(self) -> None:
        """Start loading, and return at once."""
        Thread(target=self._warm_up, daemon=True, name="warm-up").start()

    @property
    def is_ready(self) -> bool:
        """Whether the models are loaded."""
        return self._ready.is_set()

    def _warm_up(self) -> None:
        try:
            session.services().engines.warm_up()
        except RagError as error:
            self.problem = "a model cannot be loaded; the server's log says which"
            log.warning("not ready: %s", error)
        else:
            self._ready.set()


def build_app() -> st.App:
    """Return the application; `ui.session.provide` has set its services."""
    readiness = ModelLoading()

    @asynccontextmanager
    async def lifespan(_app: st.App) -> AsyncIterator[None]:
        readiness.start()
        yield
        session.services().close()

    async def health(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def ready(_request: Request) -> JSONResponse:
        status = "ready" if readiness.is_ready else readiness.problem or "loading"
        return JSONResponse({"status": status}, status_code=200 if readiness.is_ready else 503)

    async def report(request: Request) -> Response:
        return await run_in_threadpool(_report, request.path_params["run_id"])

    return st.App(
        SCRIPT,
        lifespan=lifespan,
        routes=[
            Route("/health", health),
            Route("/ready", ready),
            Route("/runs/{run_id}/report.html", report),
        ],
        middleware=[Middleware(Headers)],
        on_script_error=show_error,
    )


def _report(run_id: str) -> Response:
    """Return the report of a run, in a sandbox with an origin of its own."""
    from evaluation.report.rendering.html import report_policy

    try:
        text = session.services().runs.report(run_id)
    except RagError as error:
        return PlainTextResponse(f"Error: {error}\n", status_code=404)
    policy = f"sandbox allow-scripts; {report_policy()}; frame-ancestors 'none'"
    return HTMLResponse(text, headers={"content-security-policy": policy})


def show_error(error: Exception) -> bool:
    """Log an unexpected error under a number, and show only the number."""
    if isinstance(error, RagError):
        st.error(plain(str(error)))
        return True
    number = uuid.uuid4().hex[:8]
    log.error("error %s on a page", number, exc_info=error)
    st.error(session.say()("app.error", number=number))
    return True
