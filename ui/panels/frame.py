"""What every page has: its heading, and quiet boxes for what is empty or went wrong."""

import streamlit as st

from rag.errors import RagError
from ui.render import element, joined


def heading(title: str, below: str = "") -> None:
    """Draw a page's heading and a line below it; both may be untrusted."""
    line = element("p", below, class_="cw-lead") if below else None
    st.html(element("div", element("h1", title, dir="auto"), line, class_="cw-heading"))


def notice(title: object, text: object = "", *, kind: str = "info") -> None:
    """Draw a box that says something; both texts may be untrusted.

    Args:
        title: The first line.
        text: What stands below it.
        kind: `info`, or `error`, which a screen reader speaks at once.
    """
    body = joined(element("strong", title), element("p", text) if text else None)
    role = "alert" if kind == "error" else "note"
    st.html(element("div", body, class_=f"cw-notice cw-{kind}", role=role))


def problem(title: str, error: RagError) -> None:
    """Draw an expected failure; its message says what to do."""
    notice(title, str(error), kind="error")
