"""The page for people who see, move or sit otherwise: axe-core, small screens, zoom, no motion."""

from pathlib import Path

import axe_playwright_python
from browser import PHONE
from page_server import QUESTION
from playwright.sync_api import expect

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}"
GROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 29)"}
PAGES = ["/search", "/search?q=heating cable&in=sample", "/documents", "/evaluation"]


def violations(page):
    """Problems that axe-core finds in the page as it is, in light and in dark colours."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = []
    for scheme, ground in GROUNDS.items():
        page.emulate_media(color_scheme=scheme)
        expect(page.locator(".stApp")).to_have_css("background-color", ground)
        for each in page.evaluate(f"axe.run(document, {RULES})")["violations"]:
            found.append((scheme, each["id"], [node["html"][:160] for node in each["nodes"]]))
    return found


def overflow(page):
    """How many pixels of the page lie beyond the right edge of the window."""
    return page.evaluate(
        "Math.max(...[...document.querySelectorAll('section.stMain *')]"
        ".filter(e => !e.closest('.cw-table, .cw-unseen, pre, [class*=stBottom] textarea'))"
        ".map(e => e.getBoundingClientRect()).filter(r => r.width).map(r => r.right))"
        " - innerWidth"
    )


def test_axe_finds_nothing(person):
    page = person.go("/")
    assert violations(page) == []
    person.ask(QUESTION)
    person.answered()
    for fold in page.locator("main details").all():
        fold.evaluate("each => each.open = true")
    page.get_by_role("radio", name="Thumbs up").click()
    expect(page.get_by_label("What was good")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Options").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    person.ask("Which team won the football league in 2019?")
    person.answered(2)
    assert violations(page) == []
    for path in PAGES:
        person.go(path)
        assert violations(page) == [], path
    person.go("/search?q=heating cable&in=sample")
    address = page.locator(".cw-foot a").first.get_attribute("href")
    person.go(f"/{address}")
    assert violations(page) == []


def test_the_theme_follows_the_reader(meet):
    for scheme, ground in GROUNDS.items():
        page = meet(color_scheme=scheme).go("/")
        style = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
        assert page.evaluate(style) == ground, scheme
    assert violations(page) == []  # dark from the beginning


def test_a_phone_needs_no_sideways_scrolling(meet):
    person = meet(**PHONE)
    page = person.go("/")
    assert overflow(page) <= 1
    person.ask(QUESTION)
    person.answered()
    assert overflow(page) <= 1
    page.locator('.stMarkdown a[href^="#src-"]').first.tap()
    expect(page.locator(".cw-card:target")).to_be_in_viewport()
    for path in PAGES:
        person.go(path)
        assert overflow(page) <= 1, path


def test_twice_the_size_needs_no_sideways_scrolling(meet):
    person = meet(viewport={"width": 640, "height": 450})  # 1280 by 900 at 200 %
    for path in ("/", *PAGES):
        person.go(path)
        assert overflow(person.page) <= 1, path


def test_who_wants_no_motion_gets_none(meet):
    person = meet(reduced_motion="reduce")
    page = person.go("/")
    person.ask(f"{QUESTION} Tell it at length.")
    expect(page.locator(".cw-status.cw-open")).to_be_visible()
    moving = "getComputedStyle(document.querySelector('.cw-open'), '::before').animationName"
    assert page.evaluate(moving) == "none"
    page.get_by_role("button", name="Stop").click()
    person.answered()
