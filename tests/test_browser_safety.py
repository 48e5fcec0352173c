"""Nothing that others wrote acts: not in a document, not from a model, not in a title or a name.

Each test ends by looking at what the browser did: no dialog, no error, no request to elsewhere.
"""

import re
import secrets
import urllib.request

import pytest
from page_server import QUESTION
from payloads import OUTSIDE, PAYLOADS
from playwright.sync_api import expect

from ui.headers import OWNER_COOKIE
from ui.services.database import PeopleDatabase
from ui.services.owners import owner_of

OURS = ":is(.stHtml, .stMarkdown, button)"  # where text of others is shown
ACTIVE = f"main {OURS} :is(script, iframe, object, embed, form, img, video, audio, base)"
UNSEEN = "\u200b\u2060\u202a-\u202e\u2066-\u2069"


def seen(text):
    """A text as the eye has it: blanks are one, and what has no width is not there."""
    return " ".join(re.sub(f"[{UNSEEN}]", "", text).split())


def test_headers_allow_nothing_from_elsewhere(page_server):
    with urllib.request.urlopen(page_server.url) as answer:  # noqa: S310 - our own server
        policy = answer.headers["content-security-policy"]
        cookie = answer.headers["set-cookie"]
    assert "script-src 'self' 'sha256-" in policy and "default-src 'self'" in policy
    script = re.search("script-src ([^;]*)", policy)[1]
    assert "unsafe" not in script and "http" not in policy and "*" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie


def test_the_policy_itself_stops_what_would_get_through(meet):
    person = meet(bypass_csp=False)
    page = person.go("/")
    page.evaluate(f"document.body.append(new Image().src = '{OUTSIDE}/x.png')")
    refused = page.evaluate(
        f"fetch('{OUTSIDE}/x').then(() => 'went out', () => 'refused')",
    )
    assert refused == "refused"
    ran = page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        " document.body.append(s); return window.ran }"
    )
    assert ran is None
    person.outside.clear()  # asked for, and refused before it left


@pytest.mark.parametrize("first", range(0, len(PAYLOADS), 20))
def test_documents_show_as_they_are(person, first):
    page_number = first // 20 + 1
    page = person.go(f"/search?q=zorblax stones&in=hostile&n=20&page={page_number}&method=bm25")
    cards = page.locator(".cw-card")
    expect(cards.first).to_be_visible()
    assert cards.count() >= 10
    for whole in page.locator(".cw-card details").all():
        whole.evaluate("each => each.open = true")
    shown = seen(page.locator("main").inner_text())
    names = [name for name in PAYLOADS if f"The zorblax of {name} is" in shown]
    assert len(names) >= 10
    for name in names:
        assert seen(PAYLOADS[name]) in shown, name
    assert page.locator(ACTIVE).count() == 0
    page.get_by_role("button", name="In context").first.click()
    expect(page.get_by_role("region", name="In context")).to_be_visible()


def test_a_models_words_show_as_they_are(person):
    page = person.go("/")
    person.ask(f"{QUESTION} Be hostile.")
    person.answered()
    answer = page.locator('[class*="st-key-answer_"] .stMarkdown')
    links = answer.locator("a").evaluate_all("each => each.map(a => a.getAttribute('href'))")
    assert links and all(link.startswith(("#src-", "#psg-")) for link in links)
    assert page.locator(ACTIVE).count() == 0
    assert answer.locator("h1, h2, h3, [id^=mermaid], .katex, .stMarkdownColoredText").count() == 0
    shown = seen(answer.inner_text())
    for name in ("script", "html image", "markdown image", "icon", "arrows", "colour"):
        assert seen(PAYLOADS[name]).split("(")[0] in shown, name


@pytest.fixture
def archive(person, page_home):
    """A person who has asked every payload: once in a conversation each, once all in one."""
    person.go("/")
    cookies = {each["name"]: each["value"] for each in person.context.cookies()}
    owner = owner_of(cookies[OWNER_COOKIE])
    database = PeopleDatabase(page_home / "people.db")
    with database.transaction():
        for number, text in enumerate(PAYLOADS.values()):
            conversation = _conversation(database, owner, f"{owner[:8]}-{number}", text)
            _exchange(database, conversation, text)
        everything = _conversation(database, owner, f"{owner[:8]}-all", "All of it")
        for text in PAYLOADS.values():
            _exchange(database, everything, text)
    database.close()
    return everything


def _conversation(database, owner, conversation_id, title):
    row = (conversation_id, owner, " ".join(title.split())[:80], "sample", 1.0, 1.0)
    database.rows("INSERT INTO conversations VALUES (?, ?, ?, ?, ?, ?)", *row)
    return conversation_id


def _exchange(database, conversation_id, text):
    database.rows(
        "INSERT INTO exchanges (id, conversation_id, question, options, state, text, error,"
        " comment, rating, asked) VALUES (?, ?, ?, '{}', 'failed', ?, ?, ?, 0, 1.0)",
        secrets.token_hex(16), conversation_id, text, text, text, text,
    )  # fmt: skip


def test_titles_questions_and_errors_show_as_they_are(person, archive):
    page = person.go(f"/?c={archive}")
    page.get_by_role("button", name=re.compile("Show .* earlier questions")).click()
    questions = page.locator(".cw-question")
    expect(questions).to_have_count(len(PAYLOADS))
    person.idle()
    assert [seen(each) for each in questions.all_inner_texts()] == list(
        map(seen, PAYLOADS.values())
    )
    titles = page.locator('[class*="st-key-open_"] button')
    expect(titles).to_have_count(len(PAYLOADS) + 1)
    shown = {seen(each).rstrip("…").strip() for each in titles.all_inner_texts()}
    for name, text in PAYLOADS.items():
        assert any(each and seen(text).startswith(each) for each in shown), name
    assert page.locator(ACTIVE).count() == 0
    assert page.locator(ACTIVE.replace("main ", "[data-testid=stSidebar] ")).count() == 0
    answers = page.locator('[class*="st-key-answer_"] .stMarkdown')
    assert answers.locator("a, h1, h2, h3, [id^=mermaid], .katex").count() == 0
    for name in ("script", "html image", "icon", "colour", "arrows", "emoji and Chinese"):
        assert seen(PAYLOADS[name]) in seen(answers.nth(list(PAYLOADS).index(name)).inner_text())


def test_addresses_with_payloads_do_no_harm(person):
    for text in list(PAYLOADS.values())[:12]:
        quoted = urllib.request.quote(text)
        person.go(f"/search?q={quoted}&in={quoted}&where={quoted}&method={quoted}&page={quoted}")
        assert person.page.locator(ACTIVE).count() == 0


def test_errors_say_nothing_from_inside(person):
    person.go("/?c=" + "x" * 300 + "&collection=../../etc")
    expect(person.page.get_by_text("does not exist, or it is not yours")).to_be_visible()
    person.go("/document?collection=../../etc&document=../../passwd&start=-5&end=99999999999999")
    assert "etc/collections" not in person.page.content()
