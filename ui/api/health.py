"""Routes for liveness and readiness."""

import logging
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from rag.errors import RagError
from ui.api.scope import ServicesOf
from ui.services.owners import LOCAL

log = logging.getLogger(__name__)

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """Whether the process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether questions can be answered; what is not well is in the server's log."""

    ready: bool
    models: bool = Field(description="The configured models are there.")
    store: bool = Field(description="The data folder can be read.")


@router.get("/health")
async def health() -> Health:
    """Tell that the process answers; needs no key."""
    return Health()


@router.get("/ready", response_model=Readiness, responses={503: {"model": Readiness}})
def ready(services: ServicesOf) -> JSONResponse:
    """Tell whether questions can be answered; needs no key."""
    models = store = True
    try:
        services.engines.warm_up()
    except RagError as error:
        models = False
        log.warning("not ready: %s", error)
    try:
        services.library.names(LOCAL)
    except (RagError, OSError) as error:
        store = False
        log.warning("not ready: %s", error)
    found = Readiness(ready=models and store, models=models, store=store)
    return JSONResponse(found.model_dump(), status_code=200 if found.ready else 503)
