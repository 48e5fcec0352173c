"""Pages of PDF files that give no text, or not in time, and files with a password: all said."""

import io
import subprocess
import sys
from types import SimpleNamespace

import pytest
from conversions import read
from index_runs import run, texts
from pdf_files import document, lines, pdf, problems, raw, text
from pypdf import PdfReader, PdfWriter
from reportlab.lib.utils import ImageReader

from indexing.converters import Converter
from indexing.converters.formats.pdf import document as pdf_document
from indexing.converters.schema import ConversionNote, ConversionProblem, PageLimits, Unreadable
from rag.config import Config, load_config
from rag.errors import ConfigError


def image(canvas):
    from PIL import Image

    canvas.drawImage(ImageReader(Image.new("L", (8, 8))), 0, 0, 612, 792)


def stamped(words):
    def draw(canvas):
        image(canvas)
        canvas.drawString(300, 20, words)

    return draw


def drawing(canvas):
    canvas.rect(72, 600, 100, 100)


def blank(canvas):
    canvas.drawString(72, 700, " ")


def form(canvas):
    canvas.acroForm.textfield(name="a", value="", x=72, y=700)


WORDS = lines("The cover of the report.")


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ([WORDS, image, image, image], ["pages 2 to 4 hold images and no text (OCR first)"]),
        ([image, WORDS, image], ["pages 1 and 3 hold images and no text (OCR first)"]),
        ([WORDS, drawing], ["page 2 holds a drawing and no text (OCR first)"]),
        ([WORDS, form], ["page 2 holds an empty form and no text"]),
        (
            [image, WORDS, drawing, blank],
            [
                "page 1 holds an image and no text (OCR first)",
                "page 3 holds a drawing and no text (OCR first)",
            ],
        ),
        (
            [WORDS, stamped("Page 2"), stamped("Page 3")],
            ["pages 2 and 3 hold images and hardly any text (OCR first)"],
        ),
        ([stamped("A journey through the ice"), WORDS], []),
        ([WORDS, WORDS], []),
    ],
)
def test_every_page_without_text_is_said_with_its_cause(pages, said):
    assert problems(pdf(*pages)) == said


def test_blank_pages_are_noted_and_are_no_problem():
    found = read(pdf(WORDS, blank, blank, WORDS), ".pdf")
    assert found[1:] == [ConversionNote("pages 2 and 3 are blank")]
    with pytest.raises(Unreadable, match=r"^no text: page 1 is blank$"):
        read(pdf(blank), ".pdf")


def test_the_pages_that_are_read_keep_their_numbers():
    found = document(pdf(image, WORDS, image, lines("The end.")))
    assert found.text == "\n\fThe cover of the report.\n\f\n\fThe end."
    assert found.pages == (0, 2, 28, 30)


def test_a_file_without_any_text_says_why():
    with pytest.raises(Unreadable, match=r"no text: scanned pages need OCR first \(pages 1 to 3 h"):
        read(pdf(image, image, image), ".pdf")


# --- characters without a meaning


def coded(codes, meaning):
    """Text in a font of two bytes a character, whose map to characters is `meaning`."""
    table = "".join(f"<{code:04x}><{text.encode('utf-16-be').hex()}>\n" for code, text in meaning)
    content = f"BT /G 11 Tf 72 700 Td <{''.join(f'{code:04x}' for code in codes)}> Tj ET".encode()
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def "
        "/CMapType 2 def 1 begincodespacerange <0000><ffff> endcodespacerange "
        f"{len(meaning)} beginbfchar\n{table}endbfchar endcmap end end"
    ).encode()
    data = raw(
        b"BT /F 11 Tf 72 750 Td (A title)Tj ET " + content,
        more=[
            b"<</Type/Font/Subtype/Type0/BaseFont/Odd/Encoding/Identity-H/DescendantFonts[7 0 R]"
            + (b"/ToUnicode 8 0 R>>" if meaning else b">>"),
            b"<</Type/Font/Subtype/CIDFontType2/BaseFont/Odd/DW 600/CIDSystemInfo<</Registry(Adobe)"
            b"/Ordering(Identity)/Supplement 0>>/FontDescriptor 9 0 R>>",
            b"<</Length %d>>stream\n%s\nendstream" % (len(cmap), cmap),
            b"<</Type/FontDescriptor/FontName/Odd/Flags 4/ItalicAngle 0/Ascent 800/Descent -200"
            b"/FontBBox[0 -200 600 800]/CapHeight 700/StemV 80>>",
        ],
    )
    return data.replace(b"/F 5 0 R>>", b"/F 5 0 R/G 6 0 R>>")


@pytest.mark.parametrize(
    "meaning",
    [
        [],
        [(code, chr(0xE000 + code)) for code in range(40, 100)],
        [(code, "\ufffd") for code in range(40, 100)],
        [(code, chr(code - 39)) for code in range(40, 70)],
        [(code, f"/g{code}") for code in range(40, 100)],
        [(code, f"(cid:{code})") for code in range(40, 100)],
    ],
    ids=["no map", "private", "replacement", "control", "glyph names", "cid"],
)
def test_a_page_of_characters_without_meaning_is_said_and_not_indexed(meaning):
    with pytest.raises(Unreadable, match="has a font without a map"):
        read(coded(range(40, 70), meaning), ".pdf")


def test_a_few_characters_without_meaning_leave_a_page_readable():
    meaning = [(code, chr(code + 40)) for code in range(40, 80)]
    meaning[3] = (43, "\ue123")
    data = coded(range(40, 80), meaning)
    assert problems(data) == [] and "A title" in text(data)


def test_characters_beyond_two_bytes_are_whole():
    meaning = [(40, "\U0001f600"), (41, "\U00020bb7"), (42, "x")]
    assert text(coded(range(40, 43), meaning)) == "A title\n\U0001f600\U00020bb7x"


def test_bullets_of_symbol_fonts_are_bullets():
    meaning = [(40, "\uf0b7"), (41, " "), (42, "O"), (43, "n"), (44, "e")]
    assert text(coded(range(40, 45), meaning)) == "A title\n• One"


# --- passwords


def locked(password):
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(lines("The secret recipe.")))))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="RC4-128")  # noqa: S106
    data = io.BytesIO()
    writer.write(data)
    return data.getvalue()


def with_passwords(data, *passwords):
    return list(pdf_document.convert_pdf(data, "stem", PageLimits(passwords=passwords)))


def test_a_password_opens_a_file():
    assert with_passwords(locked("ice"), "no", "ice")[0].text == "The secret recipe."


@pytest.mark.parametrize(
    ("passwords", "reason"),
    [
        ((), "needs a password: add it to `conversion.passwords`"),
        (("no",), "the password in `conversion.passwords` does not open it"),
        (("no", "nor"), "none of the 2 passwords in `conversion.passwords` opens it"),
    ],
)
def test_a_missing_or_wrong_password_is_said(passwords, reason):
    with pytest.raises(Unreadable, match=reason):
        with_passwords(locked("ice"), *passwords)


def test_passwords_come_from_the_environment_and_are_never_shown(tmp_path):
    path = tmp_path / "rag.yaml"
    path.write_text("conversion: {passwords: ['${ICE}', plain]}")
    config = load_config(path, environ={"ICE": "canary"})
    shown = [each.get_secret_value() for each in config.conversion.passwords]
    assert shown == ["canary", "plain"] and "canary" not in repr(config) + config.model_dump_json()
    path.write_text("conversion: {passwords: [[canary]]}")
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ={})
    assert "conversion.passwords" in str(caught.value) and "canary" not in str(caught.value)


# --- time


def test_pages_that_were_read_in_time_are_kept_and_the_others_said(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(pdf_document, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    # the clock stands at 0, and at n when page n is begun: 1 s and 5 times .5 s are over at page 4
    limits = PageLimits(seconds=1, seconds_per_page=0.5)
    data = pdf(*(lines(f"Page {number}") for number in range(1, 6)))
    found, late = pdf_document.convert_pdf(data, "stem", limits)
    assert found.text.split("\n\f") == ["Page 1", "Page 2", "Page 3"]
    assert late == ConversionProblem(
        "pages 4 and 5 were not read within 3.5 s "
        "(`conversion.seconds` and 5 times `conversion.seconds_per_page`)",
        late=True,
    )


FAKE = """
import json, sys, time
sys.stdin.readline()
for page in range(1, 4):
    print(json.dumps({"page": page, "pages": 5}), flush=True)
"""


def ends_on_page_3(converter, does):
    converter._worker = subprocess.Popen(
        [sys.executable, "-c", FAKE + does], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


@pytest.fixture
def five(tmp_path):
    path = tmp_path / "five.pdf"
    path.write_bytes(pdf(*(lines(f"Page {number}") for number in range(1, 6))))
    return path


def test_a_page_that_crashes_the_reader_costs_that_page(five):
    with Converter() as converter:
        ends_on_page_3(converter, "sys.exit(7)")
        found = converter.convert(five)
    assert found.documents[0].text == "Page 1\n\fPage 2\n\f\n\fPage 4\n\fPage 5"
    assert found.problems == ["page 3 is damaged: the converter crashed on it (exit code 7)"]
    assert not found.late


def test_a_page_without_end_costs_itself_and_those_behind_it(five, monkeypatch):
    from indexing.converters.process import client

    monkeypatch.setattr(client, "_GRACE", 0.0)
    with Converter(seconds=3, seconds_per_page=0) as converter:
        ends_on_page_3(converter, "time.sleep(60)")
        found = converter.convert(five)
    assert found.documents[0].text == "Page 1\n\fPage 2" and found.late
    assert found.problems[0].startswith("pages 3 to 5 were not read within 3 s (`conversion.sec")


# --- as a person sees it


def test_pages_without_text_are_listed_with_the_collection(store, counted):
    from pathlib import Path

    Path("docs").mkdir()
    Path("docs/report.pdf").write_bytes(pdf(WORDS, image, image))
    report = run(store, counted)
    (failure,) = report.failures
    assert (failure.source, failure.reason) == (
        "docs/report.pdf",
        "pages 2 and 3 hold images and no text (OCR first)",
    )
    assert store.failures() == [failure] and texts(store) == ["The cover of the report."]
    assert run(store, counted).unchanged == 1


def test_a_file_that_was_cut_short_is_read_again(store, counted, monkeypatch):
    from pathlib import Path

    from indexing.converters import Converter
    from indexing.converters.schema import Conversion

    Path("docs").mkdir()
    Path("docs/report.pdf").write_bytes(pdf(WORDS, lines("The end.")))
    real = Converter.convert

    def cut_short(self, path, *, seconds=None):
        conversion = real(self, path, seconds=seconds)
        return Conversion(conversion.documents, ["page 2 was not read"], late=True)

    monkeypatch.setattr(Converter, "convert", cut_short)
    assert len(run(store, counted).failures) == 1
    monkeypatch.setattr(Converter, "convert", real)
    again = run(store, counted, config=Config())
    assert (len(again.indexed), again.failures, store.failures()) == (1, [], [])
