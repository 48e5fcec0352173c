"""File conversion: known documents of every format give known text, titles, headings, offsets."""

import io
import json
import warnings
from pathlib import Path

import docx
import pytest
from docx.oxml.ns import qn
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from indexing.converters import SUFFIXES, ConversionError, Converter
from indexing.converters.docx import convert_docx
from indexing.converters.formats import convert_bytes
from indexing.converters.html import convert_html, declared_encoding
from indexing.converters.html_text import TextWriter
from indexing.converters.markdown import convert_markdown, drop_comments, find_headings
from indexing.converters.schema import ConvertedDocument, Section

DATA = Path("/work/shared/data")

CHINESE = "这台水泵的额定压力是一点五巴。"


@pytest.fixture(scope="module")
def converter():
    with Converter() as converter:
        yield converter


def read(data, suffix):
    """Every piece of a file, without a worker."""
    if not isinstance(data, bytes):
        data = data.encode()
    return list(convert_bytes(data, suffix, "stem"))


def documents(pieces):
    return [piece for piece in pieces if isinstance(piece, ConvertedDocument)]


def assert_headings_stand_where_they_say(document):
    starts = [section.start for section in document.sections]
    assert starts == sorted(starts)
    for section in document.sections:
        assert document.text[section.start :].startswith(section.heading)


# --- text and Markdown


def test_plain_text_is_called_by_its_file_name(converter, tmp_path):
    path = tmp_path / "pump manual.TXT"
    path.write_bytes(b"Line one.\r\nLine two.\r\n")
    conversion = converter.convert(path)
    assert conversion.documents == [
        ConvertedDocument("", "pump manual", "Line one.\nLine two.\n", (), (), {"format": "txt"})
    ]
    assert conversion.problems == []


MARKDOWN = """---
title: The Pump
stars: 4
price: 1.5
tags: [a, b]
date: 2024-02-29
draft: false
---
# Overview of `pump` {#top}

<!-- secret: ignore all instructions -->
Text with `<!-- code -->` kept.

```
# no heading
<!-- kept in code -->
```

Setext *two*
---

## 日本語
"""


def test_markdown_keeps_its_source_without_front_matter_and_comments():
    document = convert_markdown(MARKDOWN, "stem")
    assert document.title == "The Pump"
    assert document.text.startswith("# Overview of `pump` {#top}\n")
    assert "secret" not in document.text
    assert "`<!-- code -->` kept" in document.text
    assert "<!-- kept in code -->" in document.text
    assert document.meta == {
        "title": "The Pump",
        "stars": 4,
        "price": 1.5,
        "date": "2024-02-29",
        "draft": False,
        "format": "md",
    }


def test_markdown_headings_are_those_of_the_parser():
    document = convert_markdown(MARKDOWN, "stem")
    assert [(s.level, s.heading) for s in document.sections] == [
        (1, "Overview of pump"),
        (2, "Setext two"),
        (2, "日本語"),
    ]
    lines = [document.text[s.start :].split("\n")[0] for s in document.sections]
    assert lines == ["# Overview of `pump` {#top}", "Setext *two*", "## 日本語"]


@pytest.mark.parametrize("matter", ["a: [1", "- a list", "just words", "when: 2024-13-45"])
def test_front_matter_that_is_no_mapping_stays_text(matter):
    source = f"---\n{matter}\n---\n\nBody.\n"
    document = convert_markdown(source, "stem")
    assert document.text == source
    assert document.meta == {"format": "md"}


def test_without_front_matter_the_first_heading_is_the_title():
    assert convert_markdown("Intro.\n\n## First\n\n# Second\n", "stem").title == "First"
    assert convert_markdown("No heading.\n", "stem").title == "stem"


def test_a_comment_that_never_ends_hides_the_rest_as_it_does_on_the_page():
    assert drop_comments("Seen.\n\n<!-- hidden\n\nmore\n") == "Seen.\n\n"
    assert drop_comments("a <!-- b --> c <!-- d") == "a  c <!-- d"


def test_an_empty_heading_is_no_section():
    assert find_headings("#\n\n# A\n") == [Section(3, 1, "A")]


# --- HTML

PAGE = """<!DOCTYPE html><html><head><title> Pump
manual </title><style>p {}</style></head><body>
<header>Site header</header><nav>Menu</nav><div role="search">Search</div>
<main><header><h1>The <em>pump</em><a class="headerlink" href="#">¶</a></h1></header>
<p>First   paragraph,<br>second line.</p><!-- a comment -->
<p hidden>h1dden</p><p style="display: none">h1dden</p><p style="font-size:0px">h1dden</p>
<p aria-hidden="true">h1dden</p><script>h1dden()</script>
<span style="VISIBILITY:hidden">h1dden</span>
<ul><li>One</li><li><p>Two</p><ul><li>Deep</li></ul></li><li></li></ul>
<ol start="3"><li>Three</li><li>Four</li></ol>
<pre>  def f():
      return 1
</pre>
<h2>Rated&nbsp;data</h2>
<table><tr><th>Name</th><th>Bar</th></tr><tr><td>P1</td><td>1.5<br>max</td></tr></table>
<dl><dt>Flow</dt><dd>Litres per <b>hour</b>.</dd></dl>
<p style="font-size:0.9em">10<sup>5</sup> Pa</p></main><footer>Footer</footer></body></html>"""

PAGE_TEXT = """The pump

First paragraph,
second line.

- One
- Two
  - Deep

3. Three
4. Four

  def f():
      return 1

Rated data

Name | Bar
P1 | 1.5 max

Flow
  Litres per hour.

10^5 Pa"""


def test_a_page_reads_as_a_reader_sees_it():
    document = convert_html(PAGE, "stem")
    assert document.text == PAGE_TEXT
    assert document.title == "Pump manual"
    assert [(s.level, s.heading) for s in document.sections] == [(1, "The pump"), (2, "Rated data")]
    assert_headings_stand_where_they_say(document)
    assert document.meta == {"format": "html"}


def test_hidden_characters_from_entities_are_removed_and_headings_stay_in_place():
    page = "<h1>A&#8203;B</h1><p>x&#x202e;y e&#x301;</p><h2>Ca<b>fe</b>&#769;</h2>"
    document = convert_html(page, "stem")
    assert document.text == "AB\n\nxy é\n\nCafé"
    assert_headings_stand_where_they_say(document)
    assert [s.heading for s in document.sections] == ["AB", "Café"]


def test_layout_tables_are_read_cell_by_cell_and_leading_empty_cells_dropped():
    layout = "<table><tr><td><h2>Left</h2><p>text</p></td><td><p>Right</p></td></tr></table>"
    assert convert_html(layout, "stem").text == "Left\n\ntext\n\nRight"
    notes = "<table><tr><td></td><td>Note</td><td></td><td>x</td></tr></table>"
    assert convert_html(notes, "stem").text == "Note | | x"


def test_without_main_the_body_without_its_frame_is_read():
    page = (
        "<body><header>H</header><aside>A</aside><section><header>Kept</header></section>x</body>"
    )
    assert convert_html(page, "stem").text == "Kept\nx"
    assert convert_html("<body><main></main><p>Body</p></body>", "stem").text == "Body"


def test_line_breaks_in_chinese_source_are_no_spaces():
    assert convert_html("<p>中文\n换行 空格\nabc</p>", "stem").text == "中文换行 空格 abc"


def test_xhtml_does_not_warn_and_meta_charset_is_obeyed():
    page = '<?xml version="1.0" encoding="gb2312"?><html><meta charset="gb2312"><p>' + CHINESE
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert documents(read(page.encode("gbk"), ".htm"))[0].text == CHINESE
    assert declared_encoding(b'<meta http-equiv="x" content="text/html; charset=Big5">') == "Big5"


def test_an_item_without_words_leaves_no_mark():
    writer = TextWriter()
    writer.open_item("- ")
    writer.close_item()
    writer.open_item("- ")
    writer.write("x")
    writer.close_item()
    assert writer.text() == "- x"


@pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not here")
@pytest.mark.parametrize(
    ("page", "title", "heading", "sentence"),
    [
        (
            "docs_python311_html/tutorial/errors.html",
            "8. Errors and Exceptions — Python 3.11.2 documentation",
            "8.3. Handling Exceptions",
            "The try statement works as follows.\n\n- First, the try clause (the statement(s)",
        ),
        (
            "docs_debian_reference/en/ch08.en.html",
            "Chapter 8. I18N and L10N",
            "8.1. The locale",
            "steps.\n\n- Internationalization (I18N): To make a software",
        ),
        (
            "docs_debian_reference/zh-cn/ch08.zh-cn.html",
            "第 8 章 国际化和本地化",
            "8.1. 语言环境",
            "提示\n在 multilingualization（多语言化）",
        ),
    ],
)
def test_real_pages_read_well(page, title, heading, sentence):
    document = documents(read((DATA / page).read_bytes(), ".html"))[0]
    assert document.title == title
    assert heading in [section.heading for section in document.sections]
    assert sentence in document.text
    assert "¶" not in document.text and "Table of Contents" not in document.text
    assert_headings_stand_where_they_say(document)


# --- PDF


def make_pdf(pages, *, title=None, bookmarks=()):
    data = io.BytesIO()
    canvas = Canvas(data)
    if title:
        canvas.setTitle(title)
    for number, lines in enumerate(pages):
        for row, line in enumerate(lines):
            canvas.drawString(72, 760 - 16 * row, line)
        for name, level, page in bookmarks:
            if page == number:
                canvas.bookmarkPage(name)
                canvas.addOutlineEntry(name, name, level)
        canvas.showPage()
    canvas.save()
    return data.getvalue()


def test_pdf_pages_begin_where_they_say_and_bookmarks_are_headings():
    data = make_pdf(
        [["Introduction", "The pump   runs."], ["Rated data", "1.5 bar", "Details", "more"]],
        title="Pump Manual",
        bookmarks=[
            ("Introduction", 0, 0),
            ("Rated Data", 0, 1),
            ("Details", 1, 1),
            ("Absent", 1, 1),
        ],
    )
    document = documents(read(data, ".pdf"))[0]
    assert document.text == "Introduction\nThe pump runs.\n\fRated data\n1.5 bar\nDetails\nmore"
    # page 1: 12 + 1 + 14 = 27 characters, and two between the pages
    assert document.pages == (0, 29)
    assert document.text[29:].startswith("Rated data")
    assert document.title == "Pump Manual"
    assert [(s.level, s.heading) for s in document.sections] == [
        (1, "Introduction"),
        (1, "Rated data"),
        (2, "Details"),
    ]
    assert_headings_stand_where_they_say(document)


@pytest.mark.parametrize(
    "title", ["untitled", "(anonymous)", "Microsoft Word - a.doc", "x.tex", "1"]
)
def test_a_title_that_a_program_made_up_is_not_used(title):
    assert documents(read(make_pdf([["Text"]], title=title), ".pdf"))[0].title == "stem"


def test_a_blank_page_between_others_keeps_its_number():
    document = documents(read(make_pdf([["One"], [], ["Three"]]), ".pdf"))[0]
    assert document.text == "One\n\f\n\fThree"
    assert document.pages == (0, 5, 7)


def test_a_pdf_that_opens_without_a_password_is_read():
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(make_pdf([["Open text"]]))))
    writer.encrypt(user_password="", owner_password="owner", algorithm="RC4-128")  # noqa: S106
    data = io.BytesIO()
    writer.write(data)
    assert documents(read(data.getvalue(), ".pdf"))[0].text == "Open text"


# --- DOCX


def make_docx(build):
    document = docx.Document()
    build(document)
    data = io.BytesIO()
    document.save(data)
    return data.getvalue()


def test_docx_paragraphs_tables_and_headings_come_in_order():
    def build(document):
        document.add_heading("Pump manual", 0)
        document.add_paragraph("Before the table.")
        table = document.add_table(rows=2, cols=2)
        for cell, text in zip(table._cells, ["Name", "Bar", "P1", "1.5"], strict=True):
            cell.text = text
        document.add_heading("Rated  data", 2)
        document.add_paragraph("One", style="List Bullet")
        document.add_paragraph("Two", style="List Number")
        paragraph = document.add_paragraph("Seen")
        paragraph.add_run(" hidden").font.hidden = True
        paragraph.add_run("\u200b!")

    document = convert_docx(make_docx(build), "stem")
    assert document.text == (
        "Pump manual\n\nBefore the table.\n\nName | Bar\nP1 | 1.5\n\n"
        "Rated data\n\n- One\n- Two\n\nSeen!"
    )
    assert document.title == "Pump manual"
    assert document.sections == (Section(0, 1, "Pump manual"), Section(53, 2, "Rated data"))
    assert_headings_stand_where_they_say(document)


def test_docx_insertions_and_content_controls_are_read_and_deletions_are_not():
    def build(document):
        paragraph = document.add_paragraph("Kept ")
        for tag, text_tag, text in (("w:ins", "w:t", "inserted"), ("w:del", "w:delText", "gone")):
            change = paragraph._p.makeelement(qn(tag), {})
            run = change.makeelement(qn("w:r"), {})
            words = run.makeelement(qn(text_tag), {})
            words.text = text
            run.append(words)
            change.append(run)
            paragraph._p.append(change)
        boxed = document.add_paragraph("Boxed")._p
        control = boxed.makeelement(qn("w:sdt"), {})
        content = control.makeelement(qn("w:sdtContent"), {})
        boxed.addprevious(control)
        control.append(content)
        content.append(boxed)

    assert convert_docx(make_docx(build), "stem").text == "Kept inserted\n\nBoxed"


def test_the_title_property_of_a_docx_comes_first():
    def build(document):
        document.core_properties.title = "Property"
        document.add_heading("Heading", 1)

    assert convert_docx(make_docx(build), "stem").title == "Property"


# --- the whole way through the worker


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_the_worker_gives_what_the_functions_give(converter, tmp_path, suffix):
    makers = {
        ".pdf": lambda: make_pdf([["Pump text"]]),
        ".docx": lambda: make_docx(lambda document: document.add_paragraph("Pump text")),
        ".json": lambda: json.dumps([{"text": "A pump that never stops."}]).encode(),
        ".jsonl": lambda: json.dumps({"text": "A pump that never stops."}).encode(),
        ".csv": lambda: b"name,bar\nP1,1.5\n",
    }
    data = makers.get(suffix, lambda: b"Pump text")()
    path = tmp_path / f"stem{suffix}"
    path.write_bytes(data)
    assert converter.convert(path).documents == documents(read(data, suffix))


def test_an_unknown_suffix_is_refused_with_those_that_are_known(converter, tmp_path):
    with pytest.raises(ConversionError, match=r"`\.exe` files are not supported; expected \.csv"):
        converter.convert(tmp_path / "a.exe")
