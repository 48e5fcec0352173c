"""Chat in a real browser: what is written is seen as it comes, proven, and never lost."""

import re

import pytest
from page_server import QUESTION, until
from playwright.sync_api import expect
from proxy import cut_off

from ui.services.database import PeopleDatabase

ANSWER = '[class*="st-key-answer_"] .stMarkdown'
CITE = f'{ANSWER} a[href^="#src-"]'
PASSAGE = f'{ANSWER} a[href^="#psg-"]'
LONG = f"{QUESTION} Tell it at length."
SILENT = f"{QUESTION} Tell it without a word."
CURSOR = "▍"


def begun(person, count=1):
    """Wait until an answer is being written."""
    expect(person.page.locator(ANSWER).last).to_contain_text(CURSOR)
    return person.page.locator(ANSWER).last


def text_of(person):
    return person.page.locator(ANSWER).last.inner_text()


def goes_on(telling, words=10):
    """Wait until some more words are written."""
    before = telling.words
    until(lambda: telling.words >= before + words)


def test_a_citation_opens_its_card_while_the_answer_is_written_and_after(person, told):
    page = person.go("/")
    person.ask(f"{QUESTION} Tell it in full.")
    expect(page.locator(PASSAGE).first).to_be_visible()
    page.locator(PASSAGE).first.click()
    card = page.locator(".cw-card:target")
    expect(card).to_be_in_viewport()
    expect(card).to_be_focused()
    assert CURSOR in text_of(person)  # still being written
    told().go_on()
    person.answered()
    expect(card).to_be_focused()
    expect(card).to_be_in_viewport()
    assert page.locator("details.cw-fold").first.evaluate("each => each.open")


def test_an_answer_is_proven_by_cards_that_mark_what_is_cited(person, told):
    page = person.go("/")
    person.ask(SILENT)
    expect(page.locator(".cw-status.cw-open")).to_have_text(re.compile("Searching|Reading|Writing"))
    told().go_on()
    person.answered()
    assert "[9?]" not in text_of(person) and "9" not in page.locator(CITE).all_inner_texts()
    page.locator(CITE).first.click()
    card = page.locator(".cw-card:target")
    expect(card).to_be_focused()
    expect(card.locator("mark")).to_have_text(
        "A radar survey in 2015 found that the ice is 168 metres thick at its deepest point, "
        "under the middle basin."
    )
    card.get_by_text("Why this result").click()
    expect(card.get_by_role("row", name=re.compile("bm25.*#1.*ms"))).to_be_visible()
    card.get_by_role("link", name="answer").click()
    expect(page.locator("[role=status]:target")).to_be_in_viewport()
    page.locator(CITE).first.focus()
    page.keyboard.press("Enter")
    expect(card).to_be_focused()


def test_stop_keeps_what_was_written(person, told):
    page = person.go("/")
    person.ask(LONG)
    begun(person)
    expect(page.locator(ANSWER).last).to_contain_text("168 metres")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped by you")).to_be_visible()
    person.answered()
    kept = text_of(person)
    assert "168 metres" in kept and CURSOR not in kept
    until(lambda: told().is_over)
    person.idle()
    assert text_of(person) == kept


def test_a_silent_model_does_not_keep_a_click_waiting(person, told):
    page = person.go("/")
    person.ask(SILENT)
    begun(person)
    expect(page.locator(ANSWER).last).to_contain_text("deepest point")
    until(lambda: told().is_silent)
    page.wait_for_timeout(500)  # by now the page itself waits for news
    page.get_by_role("button", name="New conversation").click()
    start = page.get_by_role("heading", name="Ask your documents")
    expect(start).to_be_visible(timeout=5000)
    expect(page.locator(".cw-question")).to_have_count(0, timeout=5000)
    assert told().is_silent


def test_clicks_and_a_second_question_lose_no_answer(person):
    page = person.go("/")
    person.ask(QUESTION)
    person.answered()
    person.ask(LONG)
    begun(person)
    page.get_by_role("radio", name="Thumbs up").first.click()
    page.get_by_label("What was good").fill("the number")
    page.keyboard.press("Enter")
    person.ask("How long can the repeater on Kettle Peak work without sunshine?")
    expect(page.locator(".cw-question")).to_have_count(3)
    page.get_by_role("button", name="Stop").first.click()
    person.answered(3)
    texts = page.locator(ANSWER).all_inner_texts()
    assert len(texts) == 3 and all("168 metres" in text for text in texts)
    page.reload()
    person.answered(3)
    assert page.locator(ANSWER).all_inner_texts() == texts
    expect(page.get_by_role("radio", name="Thumbs up").first).to_be_checked()
    expect(page.get_by_label("What was good")).to_have_value("the number")


def test_a_closed_tab_loses_nothing_and_is_nobody_elses(person, meet, told):
    page = person.go("/")
    person.ask(LONG)
    begun(person)
    address, before = page.url, len(text_of(person))
    assert "?c=" in address
    page.close()
    goes_on(told())
    person.open_tab().goto(address)
    begun(person)
    assert len(text_of(person)) > before
    other = meet()
    other.go(address)
    expect(other.page.get_by_text("does not exist, or it is not yours")).to_be_visible()
    assert other.page.locator(".cw-question").count() == 0
    assert QUESTION not in other.page.content()
    person.page.reload()
    begun(person)
    person.page.get_by_role("button", name="Stop").click()
    person.answered()


@pytest.fixture
def line(page_server):
    """A line to the page that can be cut."""
    with cut_off(page_server.port) as line:
        yield line


def test_a_cut_connection_is_taken_up_again(line, meet, told):
    person = meet(url=f"http://127.0.0.1:{line.port}")
    page = person.go("/")
    person.ask(LONG)
    begun(person)
    before = len(text_of(person))
    line.cut()
    until(lambda: line.refused)
    goes_on(told())
    line.mend()
    until(lambda: len(text_of(person)) > before, seconds=30)
    page.get_by_role("button", name="Stop").click()
    person.answered()


def test_a_restarted_server_keeps_what_was_written_and_asks_again(person, page_server):
    page = person.go("/")
    person.ask(LONG)
    begun(person)
    people = PeopleDatabase(page_server.home / "people.db")
    stored = "SELECT text FROM exchanges WHERE state = 'running'"
    until(lambda: "168 metres" in people.rows(stored)[0][0])
    people.close()
    page_server.stop(kill=True)
    page_server.start()
    page.reload()
    person.answered()
    expect(page.get_by_text("The server was restarted")).to_be_visible()
    assert "168 metres" in text_of(person)
    page.get_by_role("button", name="Ask again").click()
    begun(person)
    page.get_by_role("button", name="Stop").click()
    person.answered(2)


def test_what_the_documents_do_not_say_is_not_answered(person):
    page = person.go("/")
    person.ask("Which team won the football league in 2019?")
    person.answered()
    expect(page.get_by_text("The documents do not answer this.")).to_be_visible()
    expect(page.get_by_text("The nearest passages")).to_be_visible()
    assert page.locator(".cw-sources .cw-card").count() == 3


def test_conversations_are_named_found_exported_and_deleted(person):
    page = person.go("/")
    person.ask(QUESTION)
    person.answered()
    page.get_by_role("button", name="Conversation", exact=True).click()
    page.get_by_label("Title").fill("Ice, how thick")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Ice, how thick")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as Markdown").click()
    exported = download.value.path().read_text(encoding="utf-8")
    assert "A radar survey in 2015" in exported and "characters" in exported
    page.keyboard.press("Escape")
    page.get_by_role("button", name="New conversation").click()
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
    page.get_by_label("Search conversations").fill("nobody wrote this")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No conversation has these words.")).to_be_visible()
    page.get_by_label("Search conversations").fill("radar")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Ice, how thick").click()
    expect(page.locator(".cw-question")).to_have_text(QUESTION)
    page.get_by_role("button", name="Conversation", exact=True).click()
    page.get_by_text("Delete this conversation").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
    expect(page.get_by_role("button", name="Ice, how thick")).to_have_count(0)


def test_quotes_without_a_model_and_the_answer_can_be_copied(person):
    page = person.go("/")
    page.get_by_role("button", name="Options").click()
    page.get_by_text("Quote only").click()
    page.keyboard.press("Escape")
    person.ask(QUESTION)
    person.answered()
    assert "under the middle basin." in text_of(person)  # the document's words, not the model's
    page.locator(CITE).first.click()
    expect(page.locator(".cw-card:target mark")).to_contain_text("under the middle basin.")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_test_id("stCode")).to_contain_text("under the middle basin. [1]")


def test_everything_can_be_reached_by_keyboard(person):
    page = person.go("/")

    def press_to(locator, most=60):
        for _ in range(most):
            page.keyboard.press("Tab")
            if locator.evaluate("each => each === document.activeElement"):
                return
        raise AssertionError(f"{locator} is not reached by Tab")

    press_to(page.get_by_test_id("stChatInputTextArea"))
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    person.answered()
    page.locator("[role=status]").last.focus()
    press_to(page.locator(CITE).first)
    page.keyboard.press("Enter")
    expect(page.locator(".cw-card:target")).to_be_focused()
    press_to(page.locator(".cw-why summary").first)
    page.keyboard.press("Enter")
    expect(page.locator(".cw-why table").first).to_be_visible()
    press_to(page.get_by_role("radio", name="Thumbs up"))
    page.keyboard.press("Space")
    expect(page.get_by_label("What was good")).to_be_visible()


def test_the_interface_speaks_two_languages(person, meet):
    page = person.go("/")
    page.get_by_role("link", name="中文").click()
    expect(page.get_by_role("heading", name="向您的文档提问")).to_be_visible()
    page.get_by_role("link", name="搜索").click()
    expect(page.get_by_role("heading", name="搜索")).to_be_visible()
    page.goto(person.url)
    expect(page.get_by_role("heading", name="向您的文档提问")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "zh"
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
    chinese = meet(locale="zh-CN")
    chinese.go("/")
    chinese.ask("“晚钟”是什么声音？")
    chinese.answered()
    expect(chinese.page.locator("[role=status]").last).to_contain_text("没有回答")
