"""Welcome view of Chat before the first question: the collections, and example questions."""

from collections.abc import Callable, Sequence

import streamlit as st

from rag.errors import RagError
from rag.language.analysis import language_of
from ui.panels.frame import heading, problem
from ui.render import element, plain
from ui.services import Services
from ui.services.library import DocumentRow
from ui.words import Say, words_in

EXAMPLES = 3
LONGEST_TITLE = 60  # characters of a title in a question


def draw_welcome(
    services: Services,
    owner: str,
    say: Say,
    collections: Sequence[str],
    ask: Callable[[str], None],
) -> None:
    """Draw the welcome view; a click on an example asks it."""
    heading(say("chat.title"), say("chat.intro"), style="cw-hello")
    documents: list[DocumentRow] = []
    for name in collections:
        try:
            documents += services.library.documents(owner, name)
        except RagError as error:
            problem(say("search.failed"), error)
    if not documents:
        return
    passages = sum(document.passages for document in documents)
    sizes = say("collections.sizes", documents=len(documents), passages=passages)
    st.html(element("p", sizes, class_="cw-status"))
    for number, question in enumerate(example_questions(documents)):
        st.button(plain(question), key=f"example_{number}", on_click=ask, args=(question,))


def example_questions(documents: Sequence[DocumentRow]) -> list[str]:
    """Return questions about some of the documents, each in the language of its title."""
    titles = list(dict.fromkeys(each.title for each in documents if each.title))
    titles = [title for title in titles if len(title) <= LONGEST_TITLE]
    step = max(1, len(titles) // EXAMPLES)
    return [
        words_in("zh" if language_of(title) == "zh" else "en")("chat.example", title=title)
        for title in titles[::step][:EXAMPLES]
    ]
