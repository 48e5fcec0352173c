"""Actions on an answer: stop, rate, copy, ask again."""

import streamlit as st

from ui.panels.answers import AnswerSlots, Reader
from ui.panels.frame import tried
from ui.render import plain
from ui.services.conversations import Exchange


def draw_actions(reader: Reader, slots: AnswerSlots) -> None:
    """Draw the row of buttons below an answer."""
    exchange = slots.exchange
    with st.container(key=f"actions_{exchange.id}", horizontal=True, vertical_alignment="center"):
        if slots.is_open:
            st.button(
                reader.say("answer.stop"),
                key=f"stop_{exchange.id}",
                icon=":material/stop_circle:",
                on_click=_stop,
                args=(reader, exchange.id),
            )
            return
        if exchange.state in ("done", "stopped"):
            _rating(reader, exchange)
        if exchange.text:
            _copy(reader, exchange)
        st.button(
            reader.say("answer.retry"),
            key=f"retry_{exchange.id}",
            icon=":material/refresh:",
            type="tertiary",
            on_click=_retry,
            args=(reader, exchange.id),
        )
    if exchange.rating is not None:
        _comment(reader, exchange)


def _copy(reader: Reader, exchange: Exchange) -> None:
    """Draw the text in a box with Streamlit's copy button, as no script of ours may run."""
    label, key = reader.say("answer.copy"), f"copy_{exchange.id}"
    with st.popover(label, icon=":material/content_copy:", key=key, type="tertiary"):
        st.code(exchange.text, language=None, wrap_lines=True)


def _rating(reader: Reader, exchange: Exchange) -> None:
    key = f"rating_{exchange.id}"

    def rate() -> None:
        rating = st.session_state[key]
        tried(lambda: reader.services.conversations.rate(reader.owner, exchange.id, rating))

    st.feedback("thumbs", key=key, default=exchange.rating, on_change=rate)


def _comment(reader: Reader, exchange: Exchange) -> None:
    key = f"comment_{exchange.id}"

    def keep() -> None:
        said = st.session_state[key]
        store = reader.services.conversations.rate
        if tried(lambda: store(reader.owner, exchange.id, exchange.rating, said)):
            st.toast(plain(reader.say("answer.thanks")))

    st.text_input(
        reader.say("answer.comment"),
        value=exchange.comment,
        key=key,
        max_chars=2000,
        on_change=keep,
    )


def _stop(reader: Reader, exchange_id: str) -> None:
    tried(lambda: reader.services.answers.stop(reader.owner, exchange_id))


def _retry(reader: Reader, exchange_id: str) -> None:
    tried(lambda: reader.services.answers.retry(reader.owner, exchange_id))
