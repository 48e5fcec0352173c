"""Session state of a page: services of the process, owner and language of the visit.

Streamlit runs a page as a script without arguments, once for every click. The code that starts the
server provides the services of all pages; the facts of one visit come from its cookies.
"""

import uuid
from dataclasses import dataclass
from threading import Lock

import streamlit as st

from rag.config import load_config
from ui.headers import LANGUAGE_COOKIE, OWNER_COOKIE, is_secret
from ui.services import Services, open_services
from ui.services.owners import owner_of
from ui.words import Language, Say, first_language, language_of_browser, words_in

LANGUAGE = "lang"  # in the address: the language of the interface


@dataclass
class _ProcessServices:
    """The services of this process, and the collection given at its start."""

    services: Services | None = None
    collection: str | None = None


_shared = _ProcessServices()
_opening = Lock()


def provide(services: Services | None, *, collection: str | None = None) -> None:
    """Set the services of all pages of this process; None removes them."""
    _shared.services, _shared.collection = services, collection


def services() -> Services:
    """Return the services of this process, opened from the configuration if not provided."""
    with _opening:
        if _shared.services is None:
            _shared.services = open_services(load_config())
        return _shared.services


def preferred_collection(names: list[str]) -> str | None:
    """Return the initial collection: the one given at the start, or the first."""
    wanted = (_shared.collection, "default", *names)
    return next((name for name in wanted if name in names), None)


def owner() -> str:
    """Return the owner of this visit.

    A login (`st.login`) takes precedence over the cookie; a visit without either has an owner until
    the page is closed.
    """
    if st.user.get("is_logged_in"):
        return owner_of(f"{st.user.get('iss')}|{st.user.get('sub')}")
    cookie = st.context.cookies.get(OWNER_COOKIE)
    if is_secret(cookie):
        return owner_of(str(cookie))
    return owner_of(st.session_state.setdefault("_visit", uuid.uuid4().hex))


def language() -> Language:
    """Return the language of the interface: from the address, the cookie or the browser."""
    chosen = (st.query_params.get(LANGUAGE), st.context.cookies.get(LANGUAGE_COOKIE))
    accepted = st.context.headers.get("Accept-Language")
    known = first_language(chosen)
    return known or language_of_browser(accepted if isinstance(accepted, str) else "")


def say() -> Say:
    """Return the function for the interface's texts in this visit's language."""
    return words_in(language())
