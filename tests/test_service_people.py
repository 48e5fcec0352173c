"""Conversations kept, found, renamed, rated and taken away."""

import json
import re

import pytest
from markdown_it import MarkdownIt
from service_runs import ANNA, BERT, QUESTION, answer_end

from evaluation.datasets import load_dataset
from rag.errors import StoreError
from ui.services.database import PeopleDatabase
from ui.services.owners import owner_of


def ask(services, question, owner=ANNA):
    conversation = services.conversations.create(owner, "station")
    exchange = services.answers.ask(owner, conversation.id, question)
    answer_end(services, owner, exchange)
    return conversation, exchange


def test_conversations_are_found_by_title_question_and_answer(services):
    pump, _ = ask(services, QUESTION)
    dog, _ = ask(services, "What is the dog called?")
    found = services.conversations.recent
    assert [each.id for each in found(ANNA)] == [dog.id, pump.id]
    assert [each.id for each in found(ANNA, "DIESEL")] == [pump.id]
    assert [each.id for each in found(ANNA, "dog called")] == [dog.id]
    assert found(ANNA, "100%") == found(ANNA, "_") == []  # signs of LIKE are just signs
    services.conversations.rename(ANNA, dog.id, "  About\n  Juno 狗 ")
    assert found(ANNA, "狗")[0].title == "About Juno 狗"


def test_a_conversation_in_which_nothing_was_asked_is_not_listed(services):
    services.conversations.create(ANNA, "station")
    assert services.conversations.recent(ANNA) == []


def test_deleting_a_conversation_deletes_what_was_said(services):
    conversation, _ = ask(services, QUESTION)
    services.conversations.delete(ANNA, conversation.id)
    assert services.conversations.recent(ANNA) == []
    assert services.database.rows("SELECT count(*) FROM exchanges") == [(0,)]


def test_a_rating_keeps_its_comment_and_can_be_taken_back(services):
    _, exchange = ask(services, QUESTION)
    rate, read = services.conversations.rate, services.conversations.exchange
    rate(ANNA, exchange, 0, "too short")
    rate(ANNA, exchange, 1)
    assert (read(ANNA, exchange).rating, read(ANNA, exchange).comment) == (1, "too short")
    rate(ANNA, exchange, None)
    assert read(ANNA, exchange).rating is None
    with pytest.raises(ValueError, match="expected 0, 1 or None"):
        rate(ANNA, exchange, 5)


def test_an_export_names_the_exact_place_of_every_citation(services):
    conversation, _ = ask(services, QUESTION)
    text = services.export_markdown(ANNA, conversation.id)
    assert "[1] `pump.txt`, characters 0 to 39:\n\n    The pump of the station runs" in text


def test_an_export_lets_no_text_become_markup(services):
    conversation, _ = ask(services, "![x](http://evil.test/?q=1) <script>alert(1)</script>?")
    services.conversations.rename(ANNA, conversation.id, "# <img src=x> [a](b) `c`")
    text = services.export_markdown(ANNA, conversation.id)
    assert "evil.test" in text
    assert re.findall(r"<(?:a|img|script)\b", MarkdownIt("commonmark").render(text)) == []
    assert text.startswith("# \\# \\<img src=x\\> \\[a\\]\\(b\\) \\`c\\`\n")


def test_rated_answers_become_a_question_set_that_evaluation_reads(services, tmp_path):
    _, good = ask(services, QUESTION)
    _, bad = ask(services, "What is the dog of the station called?")
    _, declined = ask(services, "Which wine was served at the embassy in Ljubljana?")
    services.conversations.rate(ANNA, good, 1)
    services.conversations.rate(ANNA, bad, 0)
    services.conversations.rate(ANNA, declined, 1)
    path = tmp_path / "rated.json"
    path.write_text(json.dumps(services.export_questions(ANNA)), encoding="utf-8")
    questions = {each.question_id: each for each in load_dataset(path).questions}
    assert set(questions) == {good, declined}
    assert questions[good].answers == ("The pump of the station runs on diesel.",)
    assert not questions[declined].is_answerable


def test_an_owner_is_not_the_cookie_itself():
    assert owner_of("cookie") != "cookie" and len(owner_of("cookie")) == 64
    assert owner_of("cookie") != owner_of("cookie2")
    with pytest.raises(ValueError, match="names nobody"):
        owner_of("")


def test_a_database_of_a_newer_version_is_refused(tmp_path):
    PeopleDatabase(tmp_path / "p.db").rows("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
        PeopleDatabase(tmp_path / "p.db")


def test_a_database_that_is_none_is_refused_in_words(tmp_path):
    (tmp_path / "p.db").write_bytes(b"this is not SQLite at all" * 100)
    with pytest.raises(StoreError, match="only conversations and ratings"):
        PeopleDatabase(tmp_path / "p.db")


def test_conversations_can_be_read_by_their_owner_alone_on_the_disk(services, home):
    assert (home / "people.db").stat().st_mode & 0o077 == 0


def test_somebody_elses_conversation_is_not_found_by_its_words(services):
    ask(services, f"{QUESTION} canary-4711")
    assert services.conversations.recent(BERT, "canary-4711") == []
