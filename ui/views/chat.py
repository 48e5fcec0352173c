"""The page Chat: questions to one or several collections, answers with citations."""

import streamlit as st

from rag.errors import RagError
from ui import session
from ui.panels.actions import draw_actions
from ui.panels.answers import Reader, draw_exchange, follow
from ui.panels.conversations import CURRENT, draw_list, draw_menu, open_conversation
from ui.panels.frame import heading, notice, tried
from ui.panels.question_options import QuestionOptions, draw_choices
from ui.panels.welcome import draw_welcome
from ui.services import Services
from ui.services.conversations import JOINED, Conversation, Exchange
from ui.services.errors import NotFoundError
from ui.words import Say

UNASKED = "unasked"  # in the session: a refused question, so that it is not lost
SHOWN = 12  # exchanges; earlier ones on demand


def main() -> None:
    """Draw the page; unfinished answers are followed at the end."""
    services, owner, say = session.services(), session.owner(), session.say()
    current = _current(services, owner, say)
    draw_list(services, owner, say, current)
    names = services.library.names(owner)
    if not names:
        heading(say("chat.title"), say("chat.intro"))
        notice(say("collections.none"), say("collections.none_help"))
        st.page_link("views/documents.py", label=say("collections.add"), icon=":material/add:")
        return
    collections = _collections(names, current)
    with st.container(key="above", horizontal=True, vertical_alignment="center"):
        choice = draw_choices(services, say, names, collections)
        if current is not None:
            draw_menu(services, owner, say, current)
    for gone in [name for name in current.collections if name not in names] if current else ():
        notice(say("collections.gone", name=gone), kind="error")
    if unasked := st.session_state.pop(UNASKED, None):
        notice(say("chat.unasked"), unasked, kind="error")
    exchanges = services.conversations.exchanges(owner, current.id) if current else []

    def ask(question: str) -> None:
        if choice.problem is None and tried(
            lambda: _ask(services, owner, current, question, choice)
        ):
            return
        st.session_state[UNASKED] = question

    st.chat_input(
        say("chat.ask"),
        key="question",
        max_chars=services.config.retrieval.max_question,
        on_submit=lambda: ask(st.session_state["question"]),
    )
    if not exchanges:
        draw_welcome(services, owner, say, choice.collections, ask)
        return
    reader = Reader(services, owner, say, JOINED.join(choice.collections))
    _draw_conversation(reader, current, exchanges)


def _draw_conversation(
    reader: Reader, current: Conversation | None, exchanges: list[Exchange]
) -> None:
    if current is not None:
        is_repeated = current.title == " ".join(exchanges[0].question.split())
        heading(current.title, style="cw-unseen" if is_repeated else "cw-small")
    running = []
    for exchange in _recent(reader.say, exchanges):
        slots = draw_exchange(reader, exchange)
        draw_actions(reader, slots)
        if slots.is_open:
            running.append(slots)
    if running:
        follow(reader, running)


def _recent(say: Say, exchanges: list[Exchange]) -> list[Exchange]:
    """Return the exchanges to draw: the last ones, or all on demand."""
    hidden = len(exchanges) - SHOWN
    if hidden <= 0 or st.session_state.get("all_shown") == exchanges[0].conversation_id:
        return exchanges
    if st.button(say("chat.earlier_shown", count=hidden), key="show_all", type="tertiary"):
        st.session_state["all_shown"] = exchanges[0].conversation_id
        return exchanges
    return exchanges[-SHOWN:]


def _current(services: Services, owner: str, say: Say) -> Conversation | None:
    """Return the visitor's conversation in the address; None if there is none."""
    wanted = st.query_params.get(CURRENT)
    if not wanted:
        return None
    try:
        return services.conversations.get(owner, wanted)
    except NotFoundError:
        notice(say("chat.not_yours"), kind="error")
        return None


def _collections(names: list[str], current: Conversation | None) -> list[str]:
    """Return the collections chosen at first."""
    wanted = current.collections if current else st.query_params.get_all("collection")
    found = [name for name in wanted if name in names]
    return found or [session.preferred_collection(names) or names[0]]


def _ask(
    services: Services,
    owner: str,
    current: Conversation | None,
    question: str,
    choice: QuestionOptions,
) -> None:
    """Ask a question in the open conversation, or in a new one.

    Raises:
        RagError: If it cannot be asked; nothing is stored then.
    """
    conversations = services.conversations
    for name in choice.collections:
        services.library.check(owner, name)
    target = current or conversations.create(owner, *choice.collections)
    if target.collections != choice.collections:
        conversations.move(owner, target.id, *choice.collections)
    try:
        services.answers.ask(
            owner,
            target.id,
            question,
            choice.search,
            write=choice.write,
        )
    except RagError:
        if current is None:
            conversations.delete(owner, target.id)
        raise
    open_conversation(target.id)


main()
