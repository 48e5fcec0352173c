"""Search in a real browser: the address holds all of it, and every result says why it is there."""

import re

import pytest
from playwright.sync_api import expect

KEYWORDS = "heating cable summer pipe"


def search(person, words):
    person.page.get_by_label("Question or keywords").fill(words)
    person.page.keyboard.press("Enter")
    expect(person.page.locator(".cw-card").first).to_be_visible()
    person.idle()


def test_enter_searches_and_the_address_opens_the_same_elsewhere(person, meet):
    page = person.go("/search")
    search(person, KEYWORDS)
    page.get_by_role("button", name="Options").click()
    page.get_by_role("radio", name="Keywords").click()
    page.get_by_label("Collections").click()
    page.get_by_role("option", name="sample").click()
    page.keyboard.press("Escape")
    page.get_by_label("Only passages where").fill('format == "md"')
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"where=format"))
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_text("Results 6 to")).to_be_visible()
    person.idle()
    for part in ("q=heating+cable", "method=bm25", "in=sample", "page=2"):  # in any language
        assert part in page.url
    cards = page.locator(".cw-card").all_inner_texts()
    assert cards
    other = meet()
    other.go(page.url)
    expect(other.page.get_by_text("Results 6 to")).to_be_visible()
    assert other.page.locator(".cw-card").all_inner_texts() == cards


def test_a_result_says_why_it_was_found(person):
    page = person.go(f"/search?q={KEYWORDS}&in=sample")
    card = page.locator(".cw-card").first
    expect(card.locator("mark").first).to_contain_text("The heating cable had been working")
    assert {"heating", "cable"} <= set(card.locator("b").all_inner_texts())
    card.get_by_text("Why this result").click()
    for stage in ("bm25", "dense", "fused"):
        row = card.get_by_role("row", name=re.compile(stage))
        expect(row).to_have_text(re.compile(r"#\d+.*\d\.\d{3}.*m?s$"))
    expect(card.get_by_text("Words found:")).to_be_visible()


def test_the_passage_is_seen_in_context_and_in_its_document(person):
    page = person.go(f"/search?q={KEYWORDS}&in=sample")
    page.get_by_role("button", name="In context").first.click()
    context = page.get_by_role("region", name="In context")
    expect(context).to_contain_text("Showers are limited to three minutes")
    with person.context.expect_page() as opened:
        page.get_by_role("link", name="Open the document").first.click()
    person.watch(opened.value)
    person.idle()
    mark = person.page.locator(".cw-document mark")
    expect(mark).to_contain_text("The heating cable had been working")
    expect(mark).to_be_in_viewport()


def test_a_pdf_is_shown_as_it_is(person):
    page = person.go('/search?q=main building opened&in=sample&where=format == "pdf"')
    page.locator(".cw-card a").first.evaluate("each => each.removeAttribute('target')")
    page.get_by_role("link", name="Open the document").first.click()
    expect(page.locator(".cw-document mark")).to_be_in_viewport()
    page.get_by_text("The original (PDF)").click()
    frame = page.get_by_test_id("stBidiComponentRegular").or_(page.locator("iframe, canvas"))
    expect(frame.first).to_be_visible()


def test_a_result_can_be_asked_about(person):
    page = person.go(f"/search?q={KEYWORDS}&in=sample")
    page.get_by_role("button", name="Ask about this").first.click()
    person.answered()
    expect(page.locator(".cw-question")).to_have_text(KEYWORDS)
    page.get_by_text("passages read").click()
    titles = page.locator("details.cw-fold .cw-title").all_inner_texts()
    assert titles and set(titles) == {"Water supply"}


@pytest.mark.parametrize(
    "query, said",
    [
        ("q=zzqqxx&method=bm25", "Nothing was found"),
        ("q=ice&where=format", "is not understood"),
        ("q=the of and&method=bm25", "has only common words"),
        ("q=ice&page=40", "Nothing was found"),
        ("", "Finds passages by words"),
    ],
)
def test_nothing_found_and_what_cannot_be_searched_say_so(person, query, said):
    page = person.go(f"/search?{query}&in=sample")
    expect(page.get_by_text(said).first).to_be_visible()
    assert page.locator(".cw-card").count() == 0


def test_a_missing_document_says_so(person):
    person.go("/document?collection=sample&document=none")
    expect(person.page.get_by_text("There is no such document")).to_be_visible()
    person.go("/document")
    expect(person.page.get_by_text("There is no such document")).to_be_visible()


def test_a_chinese_question_has_its_words_marked(person):
    page = person.go("/search?q=“晚钟”是什么声音&in=sample")
    card = page.locator(".cw-card").first
    expect(card.locator("mark").first).to_contain_text("如今称为“晚钟”")
    assert "晚钟" in card.locator("b").all_inner_texts()
    expect(card.locator("[lang=zh]").first).to_be_visible()
