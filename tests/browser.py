"""People who look at the real page in a real browser.

`conftest.py` makes the fixtures known. One browser runs for all tests of a session; `page_server`
has the page that it opens. Nothing is waited out, and little is done twice: people who look at the
page in the same way follow each other in one tab, which forgets the one before (a new tab compiles
all scripts of the page).
"""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
VIEWPORT = {"width": 1280, "height": 900}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


class Browser:
    """The system's Chromium, and the people who are gone and whose tabs can be used again."""

    def __init__(self):
        from playwright.sync_api import expect, sync_playwright

        expect.set_options(timeout=20_000)
        self._playwright = sync_playwright().start()
        self._chromium = self._playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        self._gone = {}

    def bring(self, url, **options):
        """Bring in a person whose context has some options."""
        gone = self._gone.setdefault(repr(sorted(options.items())), [])
        person = gone.pop() if gone else Person(self._chromium, options)
        person.arrive(url)
        return person

    def lead_out(self, person):
        """Say good-bye to a person; only one who could forget everything is used again."""
        try:
            person.forget()
        except BaseException:
            person.context.close()
            raise
        self._gone[repr(sorted(person.options.items()))].append(person)

    def close(self):
        self._chromium.close()
        self._playwright.stop()


class Running:
    """The one browser that runs, if one does."""

    browser = None


@pytest.fixture
def chromium():
    """The system's Chromium; without it these tests are skipped, but not where CI=true."""
    if not CHROMIUM.exists() and os.environ.get("CI") != "true":
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium, or set CHROMIUM")
    Running.browser = Running.browser or Browser()
    return Running.browser


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    """End the browser before other tests: while it is there, none could run an event loop."""
    is_next = nextitem is not None and nextitem.path.name.startswith("test_browser_")
    if Running.browser is not None and not is_next:
        Running.browser.close()
        Running.browser = None


class Person:
    """Somebody with a browser of their own: cookies, and a record of what should not happen."""

    def __init__(self, chromium, options):
        self.url, self.outside, self.problems, self.options = "", [], [], options
        self.context = chromium.new_context(**{"viewport": VIEWPORT} | options)
        self.context.on("request", self._note)
        self.open_tab()

    def arrive(self, url):
        self.url, self.outside, self.problems = url, [], []

    def forget(self):
        """Look at what went wrong, and become nobody in one empty tab."""
        found = [*self.outside, *self.problems]
        self.page, *others = self.context.pages
        for each in others:
            each.close()
        self.page.goto(f"{self.url}/health")
        self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        self.page.emulate_media(color_scheme=self.options.get("color_scheme", "light"))
        self.context.clear_cookies()
        assert not found, found

    def _note(self, request):
        ours = (self.url, self.url.replace("http", "ws", 1), "data:", "blob:")
        if not request.url.startswith(ours):
            self.outside.append(request.url)

    def open_tab(self):
        self.watch(self.context.new_page())
        return self.page

    def watch(self, page):
        self.page = page
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", self._dismiss)

    def _dismiss(self, dialog):
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def go(self, path="/"):
        self.page.goto(path if path.startswith("http") else self.url + path)
        self.idle()
        return self.page

    def idle(self):
        """Wait until the page's script has run to its end."""
        self.page.wait_for_selector("h1, [role=alert]", state="attached", timeout=30_000)
        self.page.wait_for_selector(
            '[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=60_000
        )

    def ask(self, question):
        self.page.get_by_test_id("stChatInputTextArea").fill(question)
        self.page.keyboard.press("Enter")

    def begin_anew(self):
        """Leave the conversation."""
        from playwright.sync_api import expect

        self.idle()
        self.page.get_by_role("button", name="New conversation").click()
        expect(self.page.get_by_role("heading", name="Ask your documents")).to_be_visible()
        self.idle()

    def answered(self, count=1):
        """Wait until that many answers are at their end."""
        again = '[class*="st-key-retry_"]'
        self.page.wait_for_selector(
            f":nth-match({again}, {count})", state="attached", timeout=40_000
        )
        self.idle()
        assert self.page.locator(again).count() == count


@pytest.fixture
def meet(chromium, page_server, told):
    """Give a function that brings in a person; at the end, nothing they saw has gone wrong."""
    people = []
    if not page_server.is_alive:  # a test has ended it
        page_server.start()

    def bring(url=page_server.url, **options):
        people.append(chromium.bring(url, **options))
        return people[-1]

    yield bring
    with ExitStack() as exits:
        for person in people:
            exits.callback(chromium.lead_out, person)


@pytest.fixture
def person(meet):
    """One person at a desk."""
    return meet()
