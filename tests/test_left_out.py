"""Files that are not taken are named with the reason, and the exit code tells of documents."""

import json
from pathlib import Path, PurePath

import pytest
from cli_runs import done
from conversions import make_docx
from pdf_files import lines, pdf

from indexing.file_lists import show_bounded
from indexing.left_out import looks_like_document, why_left_out
from rag.stores.contract import Failure


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.pptx", True),
        ("a.DOC", True),
        ("a.epub", True),
        ("a.xlsx", True),
        ("a.odt", True),
        ("a.rtf", True),
        ("page.tiff", True),
        ("Scan 3.jpg", True),
        ("photo.jpg", False),
        ("a.py", False),
        ("a.zip", False),
        ("noname", False),
        ("~$a.docx", False),
    ],
)
def test_what_looks_like_a_document(name, expected):
    assert looks_like_document(PurePath(name)) is expected


def test_reasons_say_what_to_do():
    assert why_left_out(Path("a.PPTX")) == ".pptx files are not read; save it as .pdf"
    assert why_left_out(Path("a.py")) == ".py files are not read"
    assert "without a suffix" in why_left_out(Path("Makefile"))


def test_a_document_of_another_type_makes_the_status_2_and_is_listed(rag, docs):
    (docs / "slides.pptx").write_bytes(b"x")
    (docs / "tool.py").write_bytes(b"x")
    (docs / "~$dog.docx").write_bytes(b"x")
    status, out, _ = rag("index", docs)
    assert status == 2
    assert "skipped 3, failed 0" in out
    assert "left out: docs/slides.pptx: .pptx files are not read; save it as .pdf\n" in out
    assert out.index("slides.pptx") < out.index("tool.py")
    status, out, _ = rag("index", docs, "--dry-run")
    assert "left out: docs/slides.pptx: .pptx files are not read; save it as .pdf\n" in out
    shown = done(rag("collections", "show", "default", "--json"))
    assert [each["source"] for each in shown["left_out"]] == ["docs/slides.pptx"]
    assert (shown["failures"], shown["counts"]["failed"]) == ([], 0)
    assert "left out: docs/slides.pptx: .pptx" in rag("collections", "show", "default")[1]
    (docs / "slides.pptx").unlink()
    report = json.loads(rag("index", docs, "--json")[1])
    assert [each["source"] for each in report["left_out"]] == ["docs/tool.py", "docs/~$dog.docx"]
    assert done(rag("collections", "show", "default", "--json"))["left_out"] == []
    assert rag("index", docs)[0] == 0


def test_an_unchanged_run_that_leaves_something_out_keeps_the_generation(rag, docs):
    (docs / "slides.pptx").write_bytes(b"x")
    first = json.loads(rag("index", docs, "--json")[1])
    again = json.loads(rag("index", docs, "--json")[1])
    assert again["generation"] == first["generation"] == 1


def test_a_long_list_names_a_few_files_for_each_reason(rag, docs):
    for number in range(25):
        (docs / f"{number:02d}.py").write_bytes(b"x")
        (docs / f"{number:02d}.rst").write_bytes(b"x")
    (docs / "photo.jpg").write_bytes(b"x")
    _, out, _ = rag("index", docs)
    told = [line for line in out.splitlines() if line.startswith("left out:")]
    rst, py = ".rst files are not read; save it as .txt or .md", ".py files are not read"
    assert told == [
        *(f"left out: docs/{number:02d}.rst: {rst}" for number in range(3)),
        f"left out: and 22 more: {rst}; --json lists all",
        *(f"left out: docs/{number:02d}.py: {py}" for number in range(3)),
        f"left out: and 22 more: {py}; --json lists all",
        "left out: docs/photo.jpg: pictures are not read; text in them needs OCR first",
    ]


NOTHING_IN_IT = {
    "comments.md": "there are comments, and no text",
    "empty.txt": "the file is empty",
    "front.md": "there is front matter, and no text below it",
    "header.csv": "it has column names but no rows",
    "list.json": "there are no records in it",
    "object.json": "there are no records in it",
    "records.jsonl": "there are no records in it",
    "spaces.txt": "there is no text in it",
    "word.docx": "there is no text in it",
}


def test_files_with_nothing_to_read_are_named_and_are_no_failure(rag, docs):
    blank = lines(" ")
    data = {
        "comments.md": b"<!-- a\n\nb -->\n",
        "empty.txt": b"",
        "front.md": b"---\ntitle: A page\n---\n",
        "header.csv": b"name;price\n",
        "list.json": b"[]",
        "object.json": b"{}",
        "records.jsonl": b'{}\n{"a": null}\n',
        "spaces.txt": b" \n\n",
        "word.docx": make_docx(lambda document: document.add_paragraph(" ")),
    }
    for name, content in data.items():
        (docs / name).write_bytes(content)
    (docs / "report.pdf").write_bytes(pdf(lines("The mast is tall."), blank))
    (docs / "prices.json").write_bytes(b'[{"a": "Bolt"}, {}]')
    status, out, err = rag("index", docs)
    assert (status, err) == (0, "")
    assert "skipped 0, empty 9, failed 0." in out
    told = dict(line.split(": ")[1:] for line in out.splitlines() if line.startswith("empty: "))
    assert told == {f"docs/{name}": reason for name, reason in NOTHING_IN_IT.items()}
    assert "note: docs/report.pdf: page 2 is blank\n" in out
    assert "note: docs/prices.json: 1 record is empty\n" in out
    shown = done(rag("collections", "show", "default", "--json"))
    assert [each["source"] for each in shown["empty"]] == sorted(told)
    assert (shown["failures"], shown["counts"]["failed"]) == ([], 0)
    assert "empty: docs/empty.txt: the file is empty\n" in rag("collections", "show", "default")[1]
    (docs / "empty.txt").write_text("The mast is blue.", encoding="utf-8")
    report = done(rag("index", docs, "--json"))
    assert (report["counts"]["empty"], report["counts"]["indexed"]) == (8, 1)
    assert "docs/empty.txt" not in [each["source"] for each in report["empty"]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", b"<script>show()</script>"),  # a program may write what people see
        ("cut.pdf", b""),
        ("blank.pdf", pdf(lines(" "))),  # or a page that cannot be drawn
        ("cut.docx", b""),
    ],
)
def test_a_file_that_may_hold_something_is_a_failure(rag, docs, name, content):
    (docs / name).write_bytes(content)
    status, _, err = rag("index", docs)
    assert (status, err.count("failed: ")) == (2, 1)


def test_a_link_to_nothing_is_named_as_such(rag, docs):
    (docs / "gone.md").symlink_to(docs / "nowhere.md")
    status, _, err = rag("index", docs)
    assert status == 2
    assert "failed: docs/gone.md: a link to a file that is not there\n" in err


def test_more_reasons_than_there_is_room_for_are_counted(capsys):
    files = [Failure(f"{number}.html", "convert", f"reason {number}") for number in range(23)]
    show_bounded("note", files)
    out = capsys.readouterr().out
    assert out.count("note: ") == 21
    assert out.endswith("note: and 3 more for other reasons; --json lists all\n")


def test_a_folder_of_other_documents_alone_names_one(rag, tmp_path):
    folder = tmp_path / "office"
    folder.mkdir()
    (folder / "a.odt").write_bytes(b"x")
    status, _, err = rag("index", folder)
    assert status == 1
    assert "a.odt`: .odt files are not read; save it as .docx or .pdf." in err


def test_hidden_text_is_counted_in_the_summary(rag, docs):
    (docs / "page.html").write_text("<p>Seen text.</p><p hidden>Ignore it</p>", encoding="utf-8")
    status, out, _ = rag("index", docs)
    assert status == 0
    assert "note: docs/page.html: 1 hidden text was left out" in out
