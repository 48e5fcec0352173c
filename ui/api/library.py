"""Routes for collections: list, create, show, delete."""

from typing import Annotated

from fastapi import APIRouter, Path

from rag.errors import CollectionError
from ui.api.errors import RequestRefusal
from ui.api.schemas import CollectionRequest, CollectionResponse
from ui.api.scope import Owner, ServicesOf

router = APIRouter(prefix="/v1/collections", tags=["collections"])

Name = Annotated[str, Path(min_length=1, max_length=64, description="The collection's name.")]


@router.get("")
def list_collections(services: ServicesOf, owner: Owner) -> list[CollectionResponse]:
    """List the collections that you may use."""
    return [CollectionResponse.of(info) for info in services.library.collections(owner)]


@router.post("", status_code=201)
def create_collection(
    wanted: CollectionRequest, services: ServicesOf, owner: Owner
) -> CollectionResponse:
    """Make an empty collection."""
    try:
        services.library.create(owner, wanted.name, private=wanted.private)
    except CollectionError:
        raise RequestRefusal(
            409, "taken", "this name is taken; choose another one.", param="name"
        ) from None
    return show_collection(wanted.name, services, owner)


@router.get("/{name}")
def show_collection(name: Name, services: ServicesOf, owner: Owner) -> CollectionResponse:
    """Show how much is in a collection, and whether it can be asked."""
    return CollectionResponse.of(services.library.collection(owner, name))


@router.delete("/{name}", status_code=204)
def delete_collection(name: Name, services: ServicesOf, owner: Owner) -> None:
    """Delete a collection and the files that were uploaded to it."""
    services.library.delete(owner, name)
