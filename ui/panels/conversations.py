"""The sidebar of conversations: start, find, open, rename, export, delete."""

from datetime import date, datetime, timedelta

import streamlit as st

from ui.panels.frame import tried
from ui.render import element, plain
from ui.services import Services
from ui.services.conversations import Conversation
from ui.words import Say

SHOWN = 50  # titles shown without a search
CURRENT = "c"  # in the address: the conversation that is open


def draw_list(services: Services, owner: str, say: Say, current: Conversation | None) -> None:
    """Draw the sidebar: a button for a new conversation, a search field, the titles."""
    with st.sidebar:
        st.button(
            say("chat.new"),
            key="new",
            icon=":material/add:",
            width="stretch",
            on_click=_leave,
        )
        words = st.text_input(
            say("chat.find"),
            key="find",
            placeholder=say("chat.find"),
            label_visibility="collapsed",
            icon=":material/search:",
            persist_state="session",
        )
        found = services.conversations.recent(owner, words)
        if words and not found:
            st.text(say("chat.none_found"))
        day = ""
        for each in found if words else found[:SHOWN]:
            if (its := _day(each.updated)) != day:
                day = its
                st.html(element("p", say(f"chat.{day}"), class_="cw-day"))
            st.button(
                plain(each.title, 60),
                key=f"open_{each.id}",
                type="secondary" if current and each.id == current.id else "tertiary",
                width="stretch",
                on_click=open_conversation,
                args=(each.id,),
            )


def draw_menu(services: Services, owner: str, say: Say, current: Conversation) -> None:
    """Draw the actions on the open conversation."""
    with st.popover(say("chat.more"), icon=":material/more_horiz:", key="conversation"):
        title = st.text_input(
            say("chat.rename"), value=current.title, key=f"title_{current.id}", max_chars=80
        )
        st.button(
            say("chat.save"),
            key="rename",
            on_click=_rename,
            args=(services, owner, current.id, title),
        )
        st.download_button(
            say("chat.export"),
            lambda: services.export_markdown(owner, current.id),
            file_name=f"citewell-{current.id[:8]}.md",
            mime="text/markdown",
            icon=":material/download:",
            key="export",
            on_click="ignore",
        )
        sure = st.checkbox(say("chat.delete_sure"), key=f"sure_{current.id}")
        st.button(
            say("chat.delete"),
            key="delete",
            icon=":material/delete:",
            disabled=not sure,
            on_click=lambda: _delete(services, owner, current.id),
        )


def open_conversation(conversation_id: str) -> None:
    """Put a conversation into the address, so that this page shows it."""
    st.query_params[CURRENT] = conversation_id


def _leave() -> None:
    st.query_params.pop(CURRENT, None)


def _delete(services: Services, owner: str, conversation_id: str) -> None:
    if tried(lambda: services.conversations.delete(owner, conversation_id)):
        _leave()


def _rename(services: Services, owner: str, conversation_id: str, title: str) -> None:
    tried(lambda: services.conversations.rename(owner, conversation_id, title))


def _day(moment: float) -> str:
    day = datetime.fromtimestamp(moment).astimezone().date()
    today = date.today()
    if day >= today:
        return "today"
    return "yesterday" if day == today - timedelta(days=1) else "earlier"
