"""Hostile and broken files cost one reason each; the next file is converted as if nothing was."""

import io
import os
import socket
import time
import zipfile
import zlib
from pathlib import Path

import docx
import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from indexing.converters import ConversionError, Converter
from indexing.converters.formats.docx import check_unpacked_size
from indexing.converters.formats.html import read_html
from indexing.converters.formats.html_text import TextWriter
from indexing.converters.formats.markdown import convert_markdown, convert_plain_text
from indexing.converters.process import client
from indexing.converters.schema import Unreadable
from indexing.converters.text.decoding import BINARY
from indexing.converters.text.embedded_data import shorten_data

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files and signals")


@pytest.fixture(scope="module")
def converter():
    with Converter(seconds=20) as converter:
        yield converter


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.md"
    path.write_text("# Pumps\n\nThey pump.\n", encoding="utf-8")
    return path


def assert_refused(converter, path, reason, good):
    """The file is refused for this reason, and the same converter goes on."""
    with pytest.raises(ConversionError, match=reason) as caught:
        converter.convert(path)
    assert "\n" not in str(caught.value)
    assert converter.convert(good).documents[0].title == "Pumps"


def write(path, data):
    path.write_bytes(data)
    return path


# --- files made here


def pdf_bytes(text="Some text", **options):
    data = io.BytesIO()
    canvas = Canvas(data, **options)
    if text:
        canvas.drawString(72, 700, text)
    else:
        canvas.rect(72, 600, 100, 100)
    canvas.showPage()
    canvas.save()
    return data.getvalue()


def encrypted_pdf():
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_bytes())))
    writer.encrypt(user_password="secret", algorithm="RC4-128")  # noqa: S106
    data = io.BytesIO()
    writer.write(data)
    return data.getvalue()


def raw_pdf(*objects):
    """A PDF of these objects, numbered from 1; the first is the catalogue."""
    data, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    start = len(data)
    return data + (
        b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
        + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (size, start)
    )


def cyclic_pages():
    return raw_pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[2 0 R 3 0 R]/Count 1000000>>",
        b"<</Type/Pages/Kids[2 0 R]/Count 1000000/Parent 2 0 R>>",
    )


def cyclic_outline():
    return raw_pdf(
        b"<</Type/Catalog/Pages 2 0 R/Outlines 5 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R"
        b"/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
        b"<</Length 35>>stream\nBT /F 12 Tf 1 1 Td (Pump text) Tj ET\nendstream",
        b"<</Type/Outlines/First 6 0 R/Last 6 0 R/Count 1>>",
        b"<</Title(A)/Parent 5 0 R/Next 6 0 R/First 6 0 R/Dest[3 0 R/Fit]>>",
    )


def bomb_pdf():
    """A page whose content unpacks from 300 kB to 300 MB."""
    packer = zlib.compressobj(9)
    stream = b"".join(packer.compress(b" " * 1_000_000) for _ in range(300)) + packer.flush()
    return raw_pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(stream), stream),
    )


def open_inline_image():
    stream = b"BI /W 9999 /H 9999 /BPC 8 /CS /RGB ID " + b"\x00" * 5_000
    return raw_pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
    )


def docx_bytes():
    data = io.BytesIO()
    document = docx.Document()
    document.add_paragraph("Seen")
    document.save(data)
    return data.getvalue()


def docx_with(change):
    """A DOCX file with `change` applied to the bytes of its main part."""
    source, data = zipfile.ZipFile(io.BytesIO(docx_bytes())), io.BytesIO()
    with source, zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, change(content) if name == "word/document.xml" else content)
    return data.getvalue()


def bomb_docx(megabytes):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(megabytes * 1_000_000))
    return data.getvalue()


# --- refused with a reason


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("empty.txt", lambda: b"", "the file is empty"),
        ("blank.txt", lambda: b" \n\t\r\n", "there is no text in it"),
        ("invisible.txt", "\u200b\u2060\n".encode, "there is no text in it"),
        (
            "index.md",
            lambda: b"---\ntitle: A\n---\n\n",
            "there is front matter, and no text below it",
        ),
        ("blank.html", lambda: b"<p> </p><script>x</script>", "there is no text in it"),
        ("binary.txt", pdf_bytes, BINARY),
        ("binary.csv", lambda: os.urandom(3_000) + b"\0", BINARY),
        ("binary.md", lambda: bytes(range(1, 256)) * 9, BINARY),
        ("text.pdf", lambda: b"Just text.", "it is not a PDF file"),
        ("header.pdf", lambda: b"%PDF-1.7\n", "the PDF is damaged"),
        ("locked.pdf", encrypted_pdf, "it is encrypted and needs a password"),
        ("scan.pdf", lambda: pdf_bytes(None), "no text: scanned pages need OCR first"),
        ("cycle.pdf", cyclic_pages, "damaged|no text|takes (longer|more)"),
        ("image.pdf", open_inline_image, "damaged|no text"),
        ("bomb.pdf", bomb_pdf, "damaged|no text|takes (longer|more)"),
        ("text.docx", lambda: b"Just text.", "it is not a DOCX file"),
        ("cut.docx", lambda: docx_bytes()[:-200], "the DOCX file is damaged or incomplete"),
        ("old.docx", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 99, "an old Word file or needs"),
        ("bomb.docx", lambda: bomb_docx(150), r"it would unpack from 0\.\d to 150 MB"),
        ("broken.json", lambda: b'{"a": ', r"not valid JSON \(Expecting value\)"),
        ("deep.json", lambda: b"[" * 100_000, r"not valid JSON \(nested too deeply\)"),
        ("bad.jsonl", lambda: b"{oops\n{again\n", r"nothing in it can be used: line 1.*1 more"),
        ("header.csv", lambda: b"name,bar\n", "it has column names but no rows"),
        ("mixed.txt", lambda: b"l\xe4uft \xe4\n" + "läuftäß".encode(), "mixes UTF-8 with another"),
    ],
)
def test_a_bad_file_gives_its_reason_and_the_next_file_is_converted(
    converter, tmp_path, good, *, name, make, reason
):
    assert_refused(converter, write(tmp_path / name, make()), reason, good)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_truncated_pdf_gives_text_or_a_reason(converter, tmp_path, good, part):
    data = pdf_bytes(pageCompression=0)
    path = write(tmp_path / "cut.pdf", data[: int(len(data) * part)])
    try:
        assert "Some text" in converter.convert(path).documents[0].text
    except ConversionError as error:
        assert "damaged" in str(error) or "no text" in str(error)
    assert converter.convert(good).documents


def test_a_bomb_over_500_mb_is_refused_whatever_its_ratio():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a", b"x")
    data = bytearray(archive.getvalue())
    at = data.index(b"PK\x01\x02") + 24  # the unpacked size in the central directory
    data[at : at + 4] = (600_000_000).to_bytes(4, "little")
    with pytest.raises(Unreadable, match="600 MB"):
        check_unpacked_size(bytes(data))


def test_a_cyclic_outline_costs_its_headings_only(converter, tmp_path):
    document = converter.convert(write(tmp_path / "a.pdf", cyclic_outline())).documents[0]
    assert document.text == "Pump text"


def test_external_entities_and_entity_bombs_are_never_resolved(converter, tmp_path, good):
    planted = tmp_path / "planted.txt"
    planted.write_text("PLANTED", encoding="ascii")
    doctype = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{planted.as_uri()}"><!ENTITY a "PLANTED">'
    doctype += "".join(
        f'<!ENTITY {new} "{f"&{old};" * 10}">'
        for old, new in zip("abcdfghi", "bcdfghij", strict=True)
    )

    def poison(xml):
        head, rest = xml.split(b"?>", 1)
        return head + b"?>" + doctype.encode() + b"]>" + rest.replace(b"Seen", b"Seen &e; &a; &j;")

    path = write(tmp_path / "xxe.docx", docx_with(poison))
    try:
        text = converter.convert(path).documents[0].text
    except ConversionError as error:
        text = str(error)
    assert "PLANTED" not in text
    assert converter.convert(good).documents
    page = b'<?xml version="1.0"?>' + doctype.encode() + b"]><p>Seen &e;</p>"
    assert "PLANTED" not in converter.convert(write(tmp_path / "a.html", page)).documents[0].text


@posix_only
def test_a_fifo_a_socket_and_a_device_are_refused_unopened(converter, tmp_path, good):
    os.mkfifo(tmp_path / "fifo.txt")
    assert_refused(converter, tmp_path / "fifo.txt", "not a regular file", good)
    (tmp_path / "zero.txt").symlink_to("/dev/zero")
    assert_refused(converter, tmp_path / "zero.txt", "not a regular file", good)
    (tmp_path / "folder.txt").mkdir()
    assert_refused(converter, tmp_path / "folder.txt", "not a regular file", good)
    with socket.socket(socket.AF_UNIX) as server:
        folder = os.open(tmp_path, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{folder}/s.txt")  # a short name for a long path
        os.close(folder)
        assert_refused(converter, tmp_path / "s.txt", "not a regular file", good)


@posix_only
def test_a_file_that_turns_into_a_fifo_after_the_check_does_not_hang(tmp_path, good, monkeypatch):
    os.mkfifo(tmp_path / "late.txt")
    monkeypatch.setattr(client, "check_file", lambda path, size: None)
    with Converter(seconds=10) as converter:
        assert_refused(converter, tmp_path / "late.txt", "not a regular file", good)
        assert_refused(converter, tmp_path / "gone.txt", "the file vanished", good)
    grown = write(tmp_path / "grown.txt", b"x" * (2**20 + 1))
    with Converter(max_file_mb=1) as converter:
        assert_refused(converter, grown, "it changed while it was read; index it again", good)


@posix_only
def test_a_symlink_loop_a_missing_file_and_a_missing_permission_have_reasons(
    converter, tmp_path, good
):
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    assert_refused(converter, tmp_path / "loop.txt", r"cannot be read \(Too many levels", good)
    assert_refused(converter, tmp_path / "missing.txt", "the file vanished", good)
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    secret = write(tmp_path / "secret.txt", b"text")
    secret.chmod(0)
    assert_refused(converter, secret, r"cannot be read \(Permission denied\)", good)


def test_a_file_over_the_limit_is_refused_with_both_numbers(tmp_path, good):
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(3 * 2**20)
    with Converter(max_file_mb=2) as converter:
        assert_refused(converter, path, r"it has 3\.0 MB, and the limit is 2 MB", good)


@posix_only
def test_names_with_newlines_quotes_and_invalid_utf8_arrive_whole(converter, tmp_path):
    for name in (b"a\nb.txt", b"-'\"\\.txt", b"\xff\xfe.txt", "文件.txt".encode()):
        path = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))  # noqa: PTH118
        path.write_bytes(b"text")
        document = converter.convert(path).documents[0]
        assert document.text == "text"
        document.title.encode("utf-8")


# --- large and heavy, but harmless


@pytest.mark.parametrize("suffix", [".md", ".html", ".json"])
def test_one_line_of_10_mb_of_data_is_a_short_mark(tmp_path, suffix):
    data = "data:image/png;base64," + "iVBORw0KGgo\\/AAAA" * 700_000
    texts = {".html": f"<p>Kept <img src='{data}'></p>", ".json": f'{{"a": "Kept {data}"}}'}
    path = write(tmp_path / f"line{suffix}", texts.get(suffix, f"Kept ![]({data})").encode())
    with Converter(seconds=20, memory_mb=1024) as converter:
        assert len(converter.convert(path).documents[0].text) < 100


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl"])
def test_one_line_of_50_mb_is_converted_or_refused(tmp_path, good, suffix):
    line = b"pump " * 10_000_000
    data = {".csv": b"text,n\n" + line + b",1\n", ".jsonl": b'{"text":"' + line + b'"}'}
    path = write(tmp_path / f"line{suffix}", data.get(suffix, line))
    with Converter(seconds=20) as converter:
        assert len(converter.convert(path).documents[0].text) >= 49_999_999
        assert converter.convert(good).documents


def test_html_nested_without_end_gives_text_or_a_reason(converter, tmp_path, good):
    depths = {b"div": 100_000, b"table><tr><td": 10_000, b"ul><li": 10_000, b"sup": 10_000}
    for tag, depth in depths.items():
        path = write(tmp_path / "deep.html", b"<p>Pump</p>" + b"<%s>" % tag * depth + b"x")
        try:
            assert "Pump" in converter.convert(path).documents[0].text
        except ConversionError as error:
            assert "\n" not in str(error)
        assert converter.convert(good).documents


def is_linear(read, piece, count):
    """Tell if four times the text takes less than eight times as long: squared it would be 16."""

    def seconds(count):
        spent = []
        for _ in range(3):
            start = time.process_time()
            read(piece * count)
            spent.append(time.process_time() - start)
        return min(spent)

    read(piece)  # the imports
    return any(seconds(count) < 8 * seconds(count // 4) + 0.05 for _ in range(3))


@pytest.mark.parametrize("piece", ["<!--", "`a``a", "<!-- `", "---\n", "# {"])
def test_markdown_patterns_are_fast_on_adversarial_text(piece):
    assert is_linear(lambda text: convert_markdown(f"x\n\n{text}x", "stem"), piece, 10_000)


@pytest.mark.parametrize("piece", ["# a\n\n", "ab/", "data:a/b,", "x" * 80 + "\n", "\\/"])
def test_looking_for_marks_and_data_is_fast_on_adversarial_text(piece):
    assert is_linear(lambda text: convert_plain_text(shorten_data(text), "stem"), piece, 10_000)


@pytest.mark.parametrize(
    "piece",
    [
        "<div><a href=x>y</a>",
        "<table><tr><td><ul><li><a href=x>y</a>",
        "<div hidden>x",
        "<td><sup>1",
        '<button aria-expanded=a aria-controls="p">x</button>',
        "<nav><p id=p>",
    ],
)
def test_pages_are_read_in_linear_time(piece):
    assert is_linear(lambda text: read_html(f"<p>x{text}", "stem"), piece, 1_000)


def test_a_page_with_a_table_of_many_rows_is_read_in_linear_time():
    row = "<tr><td rowspan=2>a</td><td>1</td></tr><tr><td>2</td></tr>"
    assert is_linear(lambda text: read_html(f"<table>{text}", "stem"), row, 1_000)


def test_white_space_between_chinese_characters_is_read_in_linear_time():
    assert is_linear(lambda text: TextWriter().write(f"中{text}x"), "\n", 50_000)
