"""The frame of all pages: navigation on top, the style sheet, the language switch."""

from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

from ui import session
from ui.design import icon, style_sheet
from ui.panels.frame import notice
from ui.render import element

VIEWS = Path(__file__).parent / "views"


def main() -> None:
    """Draw the page in the address."""
    say = session.say()
    st.set_page_config(page_title=say("app.name"), page_icon=str(icon()), layout="centered")
    pages = [
        st.Page(VIEWS / "chat.py", title=say("app.chat"), url_path="chat", default=True),
        st.Page(VIEWS / "search.py", title=say("app.search"), url_path="search"),
        st.Page(VIEWS / "documents.py", title=say("app.documents"), url_path="documents"),
        st.Page(VIEWS / "evaluation_runs.py", title=say("app.evaluation"), url_path="evaluation"),
        st.Page(
            VIEWS / "document.py",
            title=say("app.document"),
            url_path="document",
            visibility="hidden",
        ),
    ]
    page = st.navigation(pages, position="top")
    st.html(style_sheet())
    _language_switch()
    if session.services().database.is_read_only:
        notice(say("app.read_only"), say("app.read_only_help"))
    page.run()


def _language_switch() -> None:
    """Draw the link to the same page in the other language."""
    say, other = session.say(), "en" if session.language() == "zh" else "zh"
    kept = {name: st.query_params.get_all(name) for name in st.query_params}
    address = urlencode(kept | {session.LANGUAGE: [other]}, doseq=True)
    link = element("a", say("app.other_language"), href=f"?{address}", lang=other,
                   aria_label=say("app.switch"), class_="cw-language")  # fmt: skip
    with st.container(key="language"):
        st.html(link)


main()
