"""Pages run as scripts, without a browser: `AppTest` on the application, as one owner."""

import re

import pytest
from places import ROOT
from service_runs import ANNA


@pytest.fixture
def open_page(monkeypatch):
    """Give a function that opens a page of some services, as an owner and in a language.

    With an `app` that is open, the visit goes on there.
    """
    from streamlit.testing.v1 import AppTest

    from ui import session

    def open_(services, page, *, owner=ANNA, language="en", app=None, **query):
        monkeypatch.setattr(session, "owner", lambda: owner)
        monkeypatch.setattr(session, "language", lambda: language)
        session.provide(services)
        if app is None:
            app = AppTest.from_file(str(ROOT / "ui" / "streamlit_app.py"), default_timeout=120)
            app.run()  # only then are pages known by their files
        app.query_params.clear()
        app.switch_page(f"views/{page}.py")
        for name, value in query.items():
            app.query_params[name] = value
        return checked(app.run())

    yield open_
    session.provide(None)


def checked(app):
    assert not app.exception, [each.value for each in app.exception]
    return app


def html(app):
    """All HTML that a page shows."""
    return "\n".join(each.value for each in app.get("html"))


def words(app):
    """The text of all HTML that a page shows, and of its plain texts."""
    plain = "\n".join(each.value for each in [*app.text, *app.code])
    return re.sub("<[^>]+>", " ", html(app)) + plain


def click(app, label):
    (button,) = [each for each in app.button if each.label == label]
    return checked(button.click().run())


def key(app, prefix):
    """The only widget whose key begins so."""
    (found,) = [
        each
        for each in [*app.button, *app.selectbox, *app.text_input]
        if (each.key or "").startswith(prefix)
    ]
    return found
