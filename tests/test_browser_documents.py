"""The page Documents in a real browser: uploads on their way, what they become, whose they are."""

import re
import urllib.request
from pathlib import Path

from browser import PHONE
from payloads import PAYLOADS
from playwright.sync_api import expect
from test_browser_access import overflow, violations
from test_browser_safety import ACTIVE, seen

from indexing.pipeline import index_paths
from rag.config import Config
from rag.stores.embedded.store import EmbeddedStore

SENTENCE = "The boiler of hut {n} was replaced by a heat pump in the spring of the year {n}. "


def file(name, content, kind="text/plain"):
    return {"name": name, "mimeType": kind, "buffer": content}


def long(name, sentences):
    text = "".join(SENTENCE.format(n=n) for n in range(sentences))
    return file(name, f"# {name}\n\n{text}".encode())


def create(person, name, *, private=False):
    page = person.page
    page.get_by_role("button", name="New collection").click()
    page.get_by_label("Name", exact=True).fill(name)
    if private:
        page.get_by_text("Private: only for me").click()
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("button", name=f"Add to {name}")).to_be_visible()
    person.idle()


def add(person, name, *files):
    page = person.page
    page.locator("input[type=file]").set_input_files(list(files))
    expect(page.get_by_test_id("stFileChip")).to_have_count(len(files))
    page.get_by_role("button", name=f"Add to {name}").click()
    expect(page.locator("[class*='st-key-job_']").first).to_be_visible()


def ended(person, text):
    expect(person.page.locator(".cw-status").filter(has_text=text).first).to_be_visible(
        timeout=150_000
    )
    person.idle()


def cancel(person):
    person.page.get_by_role("button", name="Cancel").click()
    expect(person.page.get_by_test_id("stToast").last).to_contain_text("in hand")


def rows(page):
    return page.locator('[class*="st-key-row_"]')


def hits(person, question, collection, method="bm25"):
    person.go(f"/search?q={urllib.request.quote(question)}&in={collection}&method={method}")
    return [each.inner_text() for each in person.page.locator(".cw-card").all()]


def test_each_file_says_what_became_of_it_and_search_finds_the_text_at_once(person):
    page = person.go("/documents")
    create(person, "mixed")
    chinese = "晚钟是用雾号在傍晚敲响的声音。".encode("gb18030")
    add(
        person,
        "mixed",
        file("pump.txt", b"The zephyrine pump runs on wood gas."),
        file("<img src=x onerror=alert(1)>.md", b"# <b>Bold</b>\n\nA hostile name is a name."),
        file("chinese.txt", chinese),
        file("empty.txt", b""),
        file("fake.pdf", b"hello", "application/pdf"),
        file("tool.exe", b"MZ\x90"),
        file("broken.pdf", b"%PDF-1.7 broken", "application/pdf"),
    )
    ended(person, "Done: 3 ready, 4 failed")
    shown = page.locator(".cw-files").first.inner_text()
    for reason in (
        "the file is empty",
        "the content is not that of a .pdf file",
        "files of this type are not indexed",
        "the PDF is damaged",
    ):
        assert reason in shown
    assert "zephyrine" in hits(person, "zephyrine wood gas", "mixed")[0]
    assert "晚钟" in hits(person, "晚钟", "mixed")[0]
    page = person.go("/documents?collection=mixed")
    add(person, "mixed", file("pump.txt", b"The zephyrine pump runs on wood gas."))
    ended(person, "Done: 1 unchanged")
    expect(rows(page)).to_have_count(3)
    assert page.locator(ACTIVE).count() == 0


def test_a_file_that_is_too_large_is_refused_in_its_place(person, tmp_path):
    page = person.go("/documents?collection=sample")
    with (tmp_path / "big.txt").open("wb") as large:
        large.truncate(21 * 2**20)
    page.locator("input[type=file]").set_input_files([tmp_path / "big.txt"])
    chip = page.get_by_test_id("stFileChip")
    expect(chip).to_have_attribute("aria-invalid", "true")
    expect(chip).to_contain_text("must be 20.0MB or smaller")


def test_progress_outlives_a_click_another_page_and_a_reload_and_cancel_ends_it(
    person, page_server
):
    page = person.go("/documents")
    create(person, "slow", private=True)
    with page_server.held():
        add(person, "slow", *(long(f"part {n}.md", 60) for n in range(12)))
        expect(page.locator(".cw-status.cw-open")).to_contain_text("of 12 files done")
        expect(page.locator(".cw-stage", has_text="embedding").first).to_be_visible()
        page.reload()
        expect(page.locator(".cw-status.cw-open")).to_contain_text("of 12 files done")
        person.page.get_by_role("link", name="Search").first.click()
        expect(page.get_by_role("heading", name="Search")).to_be_attached()
        page.get_by_role("link", name="Documents").first.click()
        expect(page.locator(".cw-status.cw-open")).to_contain_text("of 12 files done")
        cancel(person)
    ended(person, "Cancelled: ")
    done = page.locator(".cw-status", has_text="Cancelled").inner_text()
    left = int(re.search(r"(\d+) cancelled", done)[1])
    assert 0 < left <= 12
    with page_server.held():
        page.get_by_role("button", name="Retry what failed").click()
        waiting = re.compile(rf"{left} files")
        expect(page.get_by_role("heading", name=waiting)).to_be_visible()
        cancel(person)
    ended(person, "Cancelled: ")


def test_what_is_removed_is_gone_from_both_indexes(person):
    page = person.go("/documents")
    create(person, "short")
    add(person, "short", file("kept.txt", b"Marmots whistle."), file("gone.txt", b"Quokkas smile."))
    ended(person, "Done: 2 ready")
    for method in ("bm25", "dense"):
        assert "Quokkas" in hits(person, "Quokkas smile", "short", method)[0]
    page = person.go("/documents?collection=short")
    page.get_by_role("button", name="gone").click()
    expect(page.locator(".cw-passages")).to_contain_text("Quokkas smile.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the original").click()
    assert Path(download.value.path()).read_bytes() == b"Quokkas smile."
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Yes, remove it").click()
    expect(rows(page)).to_have_count(1)
    for method in ("bm25", "dense"):
        assert "Quokkas" not in "".join(hits(person, "Quokkas smile", "short", method))


def test_the_command_line_and_the_page_see_the_same(person, page_home, embedder, tmp_path):
    page = person.go("/documents")
    tmp_path.joinpath("hay.txt").write_text("The hay was cut by hand.", encoding="utf-8")
    store = EmbeddedStore(page_home / "collections" / "byhand")
    index_paths([tmp_path / "hay.txt"], store, embedder, Config(), leave_out=Path("nowhere"))
    page = person.go("/documents?collection=byhand")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("command line")
    add(person, "byhand", file("straw.txt", b"The straw was baled."))
    ended(person, "Done: 1 ready")
    assert [each.source for each in store.documents()][1:] == ["straw.txt"]
    store.close()


def test_a_private_collection_is_not_there_for_anybody_else(meet):
    anna, bert = meet(), meet()
    anna.go("/documents")
    create(anna, "diary", private=True)
    add(anna, "diary", file("canary.txt", b"The canary code is 4711-zebra."))
    ended(anna, "Done: 1 ready")
    page = bert.go("/documents?collection=diary")
    expect(page.get_by_role("alert").first).to_contain_text("diary is not there any more")
    page.get_by_label("Collection").click()
    expect(page.get_by_role("option", name="sample")).to_be_visible()
    assert page.get_by_role("option", name="diary").count() == 0
    assert "zebra" not in page.content() and page.get_by_text("canary").count() == 0


def test_a_collection_deleted_in_another_window_is_said(meet):
    anna, bert = meet(), meet()
    anna.go("/documents")
    create(anna, "brief")
    bert.go("/documents?collection=brief")
    page = anna.page
    page.get_by_role("button", name="Manage").click()
    page.get_by_role("textbox", name="Name").fill("brie")
    page.get_by_role("button", name="Delete the collection").click()
    expect(page.get_by_test_id("stToast").first).to_contain_text("nothing was deleted")
    page.get_by_role("textbox", name="Name").fill("brief")
    page.get_by_role("button", name="Delete the collection").click()
    expect(page.get_by_test_id("stToast").last).to_contain_text("brief was deleted")
    page = bert.page
    page.locator("input[type=file]").set_input_files([file("late.txt", b"Too late.")])
    expect(page.get_by_test_id("stFileChip")).to_have_count(1)
    page.get_by_role("button", name="Add to brief").click()
    expect(page.get_by_role("alert").first).to_contain_text("brief is not there any more")


def test_hostile_documents_are_listed_and_shown_as_they_are(person, page_home):
    page = person.go("/documents?collection=hostile")
    store = EmbeddedStore(page_home / "collections" / "hostile", create=False)
    listed = list(store.documents())[:20]
    store.close()
    expect(rows(page)).to_have_count(20)
    for row, info in zip(rows(page).all(), listed, strict=True):
        expect(row.locator("button p")).to_be_visible()
        assert seen(info.title)[:80] in seen(row.inner_text())
    for place in (0, 4, 13):
        rows(page).nth(place).get_by_role("button").click()
        number = int(Path(listed[place].source).name.split()[0])  # of the payload in the file
        name = list(PAYLOADS)[number]
        passages = page.locator(".cw-passages", has_text=f"zorblax of {name} is")
        expect(passages).to_be_visible()
        person.idle()
        assert seen(PAYLOADS[name]) in seen(passages.inner_text())
        assert page.locator(ACTIVE).count() == 0


def test_everything_can_be_done_by_keyboard(person):
    page = person.go("/documents?collection=sample")
    page.get_by_role("button", name="New collection").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type("keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Add to keys")).to_be_visible()
    person.go("/documents?collection=sample")
    first = rows(page).first.get_by_role("button")
    expect(first).to_be_visible()
    person.idle()  # a run that goes on may redraw the field, and the focus is lost
    page.get_by_label("Type", exact=True).focus()
    for _ in range(4):
        page.keyboard.press("Tab")
        if first.evaluate("each => each === document.activeElement"):
            break
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".cw-passages")).to_be_visible()


def test_axe_finds_nothing_with_everything_open(person):
    page = person.go("/documents?collection=sample")
    assert violations(page) == []
    rows(page).first.get_by_role("button").click()
    expect(page.locator(".cw-passages")).to_be_visible()
    person.idle()
    assert violations(page) == []
    for name in ("New collection", "Manage", "Remove"):
        page.get_by_role("button", name=name).click()
        assert violations(page) == [], name
        page.keyboard.press("Escape")


def test_a_phone_shows_all_of_it(meet):
    person = meet(**PHONE)
    page = person.go("/documents?collection=hostile")
    assert overflow(page) <= 1
    rows(page).first.get_by_role("button").tap()
    expect(page.locator(".cw-passages")).to_be_visible()
    person.idle()
    assert overflow(page) <= 1
