"""HTML pages read as a reader sees them: known text, titles, headings, offsets."""

import warnings

import pytest
from conversions import assert_headings_stand_where_they_say, documents, read
from places import SHARED

from indexing.converters.formats.html import declared_encoding, read_html
from indexing.converters.formats.html_text import TextWriter

DATA = SHARED / "data"
CHINESE = "这台水泵的额定压力是一点五巴。"

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

```
  def f():
      return 1
```

Rated data

| Name | Bar |
| --- | --- |
| P1 | 1.5 max |

Flow
  Litres per hour.

10^5 Pa"""


def test_a_page_reads_as_a_reader_sees_it():
    document = read_html(PAGE, "stem")[0]
    assert document.text == PAGE_TEXT
    assert document.title == "Pump manual"
    assert [(s.level, s.heading) for s in document.sections] == [(1, "The pump"), (2, "Rated data")]
    assert_headings_stand_where_they_say(document)
    assert document.meta == {"format": "html"}


def test_hidden_characters_from_entities_are_removed_and_headings_stay_in_place():
    page = "<h1>A&#8203;B</h1><p>x&#x202e;y e&#x301;</p><h2>Ca<b>fe</b>&#769;</h2>"
    document = read_html(page, "stem")[0]
    assert document.text == "AB\n\nxy é\n\nCafé"
    assert_headings_stand_where_they_say(document)
    assert [s.heading for s in document.sections] == ["AB", "Café"]


def test_layout_tables_are_read_cell_by_cell_and_leading_empty_cells_dropped():
    layout = "<table><tr><td><h2>Left</h2><p>text</p></td><td><p>Right</p></td></tr></table>"
    assert read_html(layout, "stem")[0].text == "Left\n\ntext\n\nRight"
    notes = "<table><tr><td></td><td>Note</td><td></td><td>x</td></tr></table>"
    assert read_html(notes, "stem")[0].text == "| Note | x |"


def test_headers_and_footers_are_left_out_only_where_something_else_is_the_content():
    frame = "<body><header>H</header><aside>A</aside>{}<footer>F</footer></body>"
    page = frame.format("<section><header>Kept</header></section>x")
    assert read_html(page, "stem")[0].text == "H\nKept\nx\nF"
    page = frame.format("<main><header>Kept</header>x</main>")
    assert read_html(page, "stem")[0].text == "Kept\nx"
    assert read_html("<body><main></main><p>Body</p></body>", "stem")[0].text == "Body"


@pytest.mark.parametrize(
    ("footer", "kept"),
    [
        ('<div class="footer">Norvik AG, Mill Lane 4. All rights reserved 2024.</div>', ""),
        (
            "<footer><p>Call 555 0199.</p><p>© 2024 <a href=/>Norvik</a></p></footer>",
            "Call 555 0199.",
        ),
        (
            '<div id="site-footer"><ul><li>© 诺维克</li></ul><p>版权所有</p>电话 6201</div>',
            "电话 6201",
        ),
        ('<div class="footer">Open from nine to five.</div>', "Open from nine to five."),
        (f'<div class="footer">{"It is long. " * 30}All rights reserved.</div>', "It is long."),
        ("<p>The label reads: © 2024, all rights reserved.</p>", "The label reads:"),
        ("<section><footer>© 2024 the author of this part</footer></section>", "© 2024"),
    ],
)
def test_what_a_footer_says_of_rights_is_left_out_and_nothing_else(footer, kept):
    text = read_html(f"<body><h1>Pump</h1><p>It pumps.</p>{footer}</body>", "stem")[0].text
    assert text.startswith(f"Pump\n\nIt pumps.{kept and chr(10)}")
    assert text.removeprefix("Pump\n\nIt pumps.").strip().startswith(kept)
    assert kept or text == "Pump\n\nIt pumps."


def test_line_breaks_in_chinese_source_are_no_spaces():
    assert read_html("<p>中文\n换行 空格\nabc</p>", "stem")[0].text == "中文换行 空格 abc"


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
