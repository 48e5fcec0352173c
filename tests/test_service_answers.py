"""Answers in the background: nothing asked is lost, and nobody sees what is somebody else's."""

import threading
import time

import pytest
from service_runs import ANNA, BERT, QUESTION, SlowGenerator, answer_end, upload

from rag.errors import QuestionError
from rag.schema import SearchOptions
from ui.services import jobs, open_services
from ui.services.errors import BusyError, NotFoundError


def asked(services, owner=ANNA, question=QUESTION, **options):
    conversation = services.conversations.create(owner, "station")
    return conversation, services.answers.ask(owner, conversation.id, question, **options)


@pytest.fixture
def slow(make_services):
    generator = SlowGenerator()
    made = make_services(generator)
    made.library.create(ANNA, "station")
    upload(made, ANNA, "station")
    return made, generator


def test_an_answer_is_stored_with_its_citations_before_it_is_shown_as_done(services):
    conversation, exchange = asked(services)
    end = answer_end(services, ANNA, exchange)
    (stored,) = services.conversations.exchanges(ANNA, conversation.id)
    assert (end.state, stored.state) == ("done", "done")
    assert stored.answer == end.answer
    assert end.text == "The pump of the station runs on diesel. [1]"
    text = services.library.text(ANNA, "station", stored.answer.citations[0].document_id)
    citation = stored.answer.citations[0]
    assert text[citation.start : citation.end] == citation.quote
    assert services.conversations.get(ANNA, conversation.id).title == QUESTION


def test_what_is_written_can_be_watched_while_it_grows(slow):
    made, generator = slow
    _, exchange = asked(made)
    generator.begun.wait(10)
    now = made.answers.snapshot(ANNA, exchange)
    assert (now.state, now.stage, now.text) == ("running", "writing", "The pump runs ")
    assert now.passages[0].source == "pump.txt"
    generator.go.release()
    later = made.answers.wait(ANNA, exchange, now.version, 10)
    assert later.text == "The pump runs on diesel "
    generator.go.release()
    assert answer_end(made, ANNA, exchange).text == "The pump runs on diesel. [1]"


def test_stopping_keeps_what_was_written(slow):
    made, generator = slow
    conversation, exchange = asked(made)
    generator.begun.wait(10)
    made.answers.stop(ANNA, exchange)
    end = answer_end(made, ANNA, exchange)
    (stored,) = made.conversations.exchanges(ANNA, conversation.id)
    assert end.state == stored.state == "stopped"
    assert stored.text.startswith("The pump runs")


def test_stopping_while_it_searches_ends_it_before_the_next_step(slow, monkeypatch):
    made, generator = slow
    parts = made.engines.rag("station").components
    search = parts.bm25.run

    def stop_and_search(*arguments):
        (exchange,) = made.answers._jobs
        made.answers.stop(ANNA, exchange)
        return search(*arguments)

    monkeypatch.setattr(parts.bm25, "run", stop_and_search)
    monkeypatch.setattr(parts.embed, "run", lambda _text: 1 / 0)
    _, exchange = asked(made)
    end = answer_end(made, ANNA, exchange)
    assert (end.state, end.answer, end.error) == ("stopped", None, None)
    assert not generator.begun.is_set()


def test_an_answer_in_the_making_is_interrupted_by_a_restart_and_keeps_its_text(slow, home):
    made, generator = slow
    conversation, exchange = asked(made)
    generator.begun.wait(10)
    deadline = time.monotonic() + 10
    generator.go.release()  # the second piece is saved: a second has passed since the last time
    while "diesel" not in made.conversations.exchange(ANNA, exchange).text:
        made.answers._jobs[exchange].saved = 0
        made.answers._save(made.answers._jobs[exchange])
        assert time.monotonic() < deadline
    beside = open_services(made.config)  # the API, say: it leaves the page's answers alone
    assert beside.conversations.exchange(ANNA, exchange).state == "running"
    beside.close()
    again = open_services(made.config, recover=True)  # as after a kill
    try:
        (stored,) = again.conversations.exchanges(ANNA, conversation.id)
        assert (stored.state, stored.text) == ("interrupted", "The pump runs on diesel ")
        assert again.answers.snapshot(ANNA, exchange).state == "interrupted"
    finally:
        again.close()


def test_the_text_is_saved_while_it_is_written(slow, monkeypatch):
    made, generator = slow
    monkeypatch.setattr(jobs, "SAVED_EVERY", 0)
    _, exchange = asked(made)
    generator.begun.wait(10)
    generator.go.release()
    deadline = time.monotonic() + 10
    while made.conversations.exchange(ANNA, exchange).text != "The pump runs on diesel ":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_answer_that_takes_too_long_ends(make_services):
    made = make_services(SlowGenerator(), answer_seconds=0.5)
    made.library.create(ANNA, "station")
    upload(made, ANNA, "station")
    _, exchange = asked(made)
    end = answer_end(made, ANNA, exchange)
    assert end.state == "done"
    assert end.answer.reason is not None


def test_evidence_can_be_quoted_though_there_is_a_generator(slow):
    made, generator = slow
    _, exchange = asked(made, write=False)
    assert answer_end(made, ANNA, exchange).text == "The pump of the station runs on diesel. [1]"
    assert not generator.begun.is_set()


def test_a_person_may_have_two_answers_open_and_no_more(slow):
    made, generator = slow
    first, second = asked(made)[1], asked(made)[1]
    conversation = made.conversations.create(ANNA, "station")
    with pytest.raises(BusyError, match="2 of your questions"):
        made.answers.ask(ANNA, conversation.id, QUESTION)
    assert not made.conversations.exchanges(ANNA, conversation.id)
    asked(made, BERT)  # another person may
    for _ in range(6):
        generator.go.release()
    for exchange in (first, second):
        assert answer_end(made, ANNA, exchange).state == "done"
    asked(made)


def test_twenty_people_who_ask_at_once_all_get_their_own_answer(services):
    owners = [f"{number:064d}" for number in range(20)]
    ids = {}

    def ask(owner):
        ids[owner] = asked(services, owner, f"{QUESTION} {owner}")[1]

    threads = [threading.Thread(target=ask, args=(owner,)) for owner in owners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for owner in owners:
        end = answer_end(services, owner, ids[owner])
        assert end.state == "done"
        assert end.answer.question.endswith(owner)


def test_nobody_can_watch_stop_rate_or_ask_again_what_is_not_theirs(services):
    conversation, exchange = asked(services)
    answer_end(services, ANNA, exchange)
    people = services.conversations
    for attempt in (
        lambda: services.answers.snapshot(BERT, exchange),
        lambda: services.answers.wait(BERT, exchange, 0, 0.01),
        lambda: services.answers.stop(BERT, exchange),
        lambda: services.answers.retry(BERT, exchange),
        lambda: services.answers.ask(BERT, conversation.id, QUESTION),
        lambda: people.rate(BERT, exchange, 1),
        lambda: people.get(BERT, conversation.id),
        lambda: people.rename(BERT, conversation.id, "mine now"),
        lambda: people.delete(BERT, conversation.id),
        lambda: people.move(BERT, conversation.id, "station"),
        lambda: services.export_markdown(BERT, conversation.id),
    ):
        with pytest.raises(NotFoundError):
            attempt()
    assert people.exchanges(BERT, conversation.id) == []
    assert people.recent(BERT) == []
    assert services.export_questions(BERT)["data"] == []


def test_a_collection_that_became_private_or_went_fails_the_answer_in_words(services):
    conversation = services.conversations.create(BERT, "station")
    services.library.delete(ANNA, "station")
    exchange = services.answers.ask(BERT, conversation.id, QUESTION)
    end = answer_end(services, BERT, exchange)
    assert (end.state, end.error) == ("failed", "there is no collection `station`.")


def test_an_error_of_ours_shows_a_number_and_nothing_from_inside(services, monkeypatch, caplog):
    def fail(*_, **__):
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(services.engines, "rag", fail)
    end = answer_end(services, ANNA, asked(services)[1])
    assert end.state == "failed"
    assert "hunter2" not in end.error
    number = end.error.split("error ")[1].rstrip(").")
    assert number in caplog.text and "hunter2" in caplog.text


@pytest.mark.parametrize("question", ["", "  \n ", "x" * 200_001])
def test_a_question_that_cannot_be_asked_is_refused_and_not_stored(services, question):
    conversation = services.conversations.create(ANNA, "station")
    with pytest.raises(QuestionError):
        services.answers.ask(ANNA, conversation.id, question)
    assert services.conversations.exchanges(ANNA, conversation.id) == []


def test_a_follow_up_knows_what_was_asked_before(services):
    conversation, exchange = asked(services, question="What is the dog of the station called?")
    answer_end(services, ANNA, exchange)
    follow = services.answers.ask(ANNA, conversation.id, "How old is she?")
    end = answer_end(services, ANNA, follow)
    assert "nine years old" in end.text
    assert any("carried over" in (stage.note or "") for stage in end.answer.trace.stages)


def test_asking_again_is_a_new_exchange_in_the_same_conversation(services):
    conversation, exchange = asked(services, options=SearchOptions(method="bm25"))
    answer_end(services, ANNA, exchange)
    again = services.answers.retry(ANNA, exchange)
    answer_end(services, ANNA, again)
    both = services.conversations.exchanges(ANNA, conversation.id)
    assert [each.id for each in both] == [exchange, again]
    assert both[1].options["method"] == "bm25"
