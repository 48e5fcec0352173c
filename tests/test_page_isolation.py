"""Twenty people on one server: nothing of one is shown to another."""

import re

import pytest
from page_runs import html, words
from service_runs import answer_end, opening, upload

from ui.services.errors import NotFoundError

PEOPLE = [f"{number:02d}" * 32 for number in range(20)]


def canary(owner):
    return f"canary-{owner[:2]}-{owner[:2]}"


def everything(app):
    """All that a page shows, and all that its widgets hold."""
    widgets = [
        "\n".join(str(getattr(each, name, "")) for name in ("value", "label", "options"))
        for kind in ("button", "selectbox", "multiselect", "text_input", "markdown", "expander")
        for each in app.get(kind)
    ]
    return "\n".join([html(app), words(app), *widgets])


@pytest.fixture(scope="module")
def crowd_home(tmp_path_factory):
    return tmp_path_factory.mktemp("crowd")


@pytest.fixture(scope="module")
def gathered(crowd_home, embedder):
    """Twenty people, each with a private collection and a conversation about their own word."""
    with opening(embedder) as make:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RAG_HOME", str(crowd_home))
            services = make()
            asked = gather(services)
        yield services, asked


@pytest.fixture
def crowd(gathered, crowd_home, monkeypatch):
    """The twenty, to be looked at alone."""
    monkeypatch.setenv("RAG_HOME", str(crowd_home))
    return gathered


def gather(services):
    asked = {}
    for owner in PEOPLE:
        name = f"private-{canary(owner)}"
        services.library.create(owner, name, private=True)
        text = f"The secret word of this person is {canary(owner)}."
        assert upload(services, owner, name, [(f"{canary(owner)}.txt", text.encode())]).done
        conversation = services.conversations.create(owner, name)
        question = f"What is the secret word of this person? {canary(owner)}"
        asked[owner] = (conversation.id, services.answers.ask(owner, conversation.id, question))
    for owner, (_, exchange) in asked.items():
        assert canary(owner) in answer_end(services, owner, exchange).text
    return asked


def test_what_twenty_people_see_is_theirs_alone(crowd, open_page):
    services, asked = crowd
    for owner in PEOPLE:
        visits = {"chat": {"c": asked[owner][0]}, "search": {"q": "secret word"}, "documents": {}}
        app = None
        for page, query in visits.items():
            app = open_page(services, page, owner=owner, app=app, **query)
            shown = everything(app)
            found = set(re.findall(r"canary-\d\d-\d\d", shown))
            assert found == {canary(owner)}, (page, owner)


def test_an_address_of_somebody_elses_conversation_or_document_opens_nothing(crowd, open_page):
    services, asked = crowd
    for owner, other in zip(PEOPLE[:5], PEOPLE[5:10], strict=True):
        theirs = f"private-{canary(other)}"
        (document,) = services.library.documents(other, theirs)
        visits = {
            "chat": {"c": asked[other][0]},
            "search": {"q": "secret word", "in": theirs},
            "document": {"collection": theirs, "document": document.document_id},
            "documents": {"collection": theirs},
        }
        app = None
        for page, query in visits.items():
            app = open_page(services, page, owner=owner, app=app, **query)
            shown = everything(app)
            hidden = shown.replace(theirs, "")  # the name stood in the address that was asked for
            assert canary(other) not in hidden, (page, owner)
        with pytest.raises(NotFoundError):
            services.answers.snapshot(owner, asked[other][1])
