"""Parts of every page: heading, and notices for empty states and errors."""

from collections.abc import Callable

import streamlit as st

from rag.errors import RagError
from ui.render import element, joined, plain


def heading(title: str, below: str = "", *, style: str = "") -> None:
    """Draw a page's heading and a line below it; both texts may be untrusted.

    Args:
        title: The heading.
        below: The line below it.
        style: `cw-small` for a conversation's title, `cw-unseen` where it is for screen readers
            alone, `cw-hello` for an empty page.
    """
    line = element("p", below, class_="cw-lead") if below else None
    st.html(element("div", element("h1", title, dir="auto"), line, class_=f"cw-heading {style}"))


def notice(title: object, text: object = "", *, kind: str = "info") -> None:
    """Draw a notice; both texts may be untrusted.

    Args:
        title: The first line.
        text: The text below it.
        kind: `info`, or `error`, which a screen reader speaks at once.
    """
    body = joined(element("strong", title), element("p", text) if text else None)
    role = "alert" if kind == "error" else "note"
    st.html(element("div", body, class_=f"cw-notice cw-{kind}", role=role))


def problem(title: str, error: RagError) -> None:
    """Draw an expected error, whose message says what to do."""
    notice(title, str(error), kind="error")


def tried(act: Callable[[], object]) -> bool:
    """Run an action; on an expected error show a toast and return False."""
    try:
        act()
    except RagError as error:
        st.toast(plain(str(error)), icon=":material/error:", duration="long")
        return False
    return True
