"""Build the PDF and DOCX files of the sample corpus from plain text.

`python tools/build_sample.py` reads `evaluation/sample/originals/*.md` and rewrites the four binary
documents byte for byte: the PDF files carry no date (`invariant`), the DOCX files a fixed one, and
neither is compressed, so that the version of zlib makes no difference.

A maintainer's script: needs reportlab, a development dependency. The other documents of the
sample are plain text and are edited in place. The parser knows only the Markdown that the originals
use: `# `, `## `, `- ` and paragraphs of one line.
"""

# reportlab brings no types.
# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import datetime
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docx.document import Document
    from reportlab.lib.styles import ParagraphStyle

SAMPLE = Path(__file__).resolve().parent.parent / "evaluation" / "sample"
DATE = datetime.datetime(2024, 11, 1, tzinfo=datetime.UTC)
ZIP_DATE = (2024, 11, 1, 0, 0, 0)
TARGETS = {
    "handbook/founding-history.pdf": "founding-history.md",
    "handbook/winter-over-routine.docx": "winter-over-routine.md",
    "zh/boiler.docx": "boiler.md",
    "zh/night-duty.pdf": "night-duty.md",
}
# A standard font that every PDF reader has; reportlab writes Unicode for it, so that the text can
# be extracted although the font is not embedded.
CHINESE_FONT = "STSong-Light"

Block = tuple[str, str]


def parse_blocks(markdown: str) -> list[Block]:
    r"""Return pairs of kind ("title", "heading", "item" or "text") and text, in order.

    Args:
        markdown: Text in which every block stands on one line.

    Returns:
        One pair per line that is not blank, without its mark.

    Example:
        >>> parse_blocks("# Dogs\n\nThey bark.")
        [('title', 'Dogs'), ('text', 'They bark.')]
    """
    marks = {"# ": "title", "## ": "heading", "- ": "item"}
    blocks = []
    for line in filter(None, map(str.strip, markdown.splitlines())):
        mark = next((mark for mark in marks if line.startswith(mark)), "")
        blocks.append((marks.get(mark, "text"), line.removeprefix(mark)))
    return blocks


def build_pdf(blocks: list[Block], *, chinese: bool) -> bytes:
    """Return a PDF with A5 pages.

    Args:
        blocks: Blocks as `parse_blocks` returns them; the first is the title.
        chinese: Whether to use the Chinese font and break lines between any two characters.

    Returns:
        The file, the same bytes every time.
    """
    from reportlab.lib.pagesizes import A5
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfbase.pdfmetrics import registerFont
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    if chinese:
        registerFont(UnicodeCIDFont(CHINESE_FONT))
    styles = _styles(chinese=chinese)
    file = io.BytesIO()
    template = SimpleDocTemplate(
        file, pagesize=A5, invariant=1, pageCompression=0, title=blocks[0][1],
        author="Halden Ridge Station", leftMargin=50, rightMargin=50, topMargin=50, bottomMargin=56,
    )  # fmt: skip
    story = [Paragraph(text, styles[kind]) for kind, text in blocks]
    template.build(story)
    return file.getvalue()


def _styles(*, chinese: bool) -> dict[str, ParagraphStyle]:
    from reportlab.lib.styles import ParagraphStyle

    plain, bold = (CHINESE_FONT,) * 2 if chinese else ("Times-Roman", "Times-Bold")
    text = ParagraphStyle(
        "text", fontName=plain, fontSize=12, leading=18, spaceAfter=8,
        wordWrap="CJK" if chinese else None,
    )  # fmt: skip
    return {
        "text": text,
        "item": ParagraphStyle("item", parent=text, spaceAfter=3),
        "heading": ParagraphStyle(
            "heading", parent=text, fontName=bold, fontSize=13, spaceBefore=8, keepWithNext=1
        ),
        "title": ParagraphStyle("title", parent=text, fontName=bold, fontSize=18, leading=26),
    }


def build_docx(blocks: list[Block]) -> bytes:
    """Return a DOCX with the styles Heading 1 and Heading 2.

    Args:
        blocks: Blocks as `parse_blocks` returns them; the first is the title.

    Returns:
        The file, the same bytes every time.
    """
    import docx

    styles = {"title": "Heading 1", "heading": "Heading 2", "item": "List Bullet", "text": "Normal"}
    document = docx.Document()
    _drop_unused_styles(document)
    for kind, text in blocks:
        document.add_paragraph(text, style=styles[kind])
    properties = document.core_properties
    properties.title = blocks[0][1]
    properties.author = properties.last_modified_by = "Halden Ridge Station"
    properties.comments = ""
    properties.created = properties.modified = DATE
    file = io.BytesIO()
    document.save(file)
    return _fix_dates(file.getvalue())


def _drop_unused_styles(document: Document) -> None:
    """Drop table styles and their twins for old versions of Word: 0.8 MB, unused here."""
    from docx.enum.style import WD_STYLE_TYPE

    for style in list(document.styles):
        if style.type == WD_STYLE_TYPE.TABLE:
            style.delete()
    for name, relation in list(document.part.rels.items()):
        if relation.reltype.endswith("/stylesWithEffects"):
            del document.part.rels[name]


def _fix_dates(archive: bytes) -> bytes:
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, date_time=ZIP_DATE)
            entry.create_system = 0  # else it tells Windows from other systems
            new.writestr(entry, old.read(name))
    return result.getvalue()


def build(target: str) -> bytes:
    """Return the bytes of one binary document.

    Args:
        target: A key of `TARGETS`, the path below `documents/`.

    Returns:
        The file, the same bytes every time.
    """
    source = SAMPLE / "originals" / TARGETS[target]
    blocks = parse_blocks(source.read_text(encoding="utf-8"))
    if target.endswith(".docx"):
        return build_docx(blocks)
    return build_pdf(blocks, chinese=target.startswith("zh/"))


def main() -> None:
    """Rewrite every binary document of the sample."""
    for target in TARGETS:
        (SAMPLE / "documents" / target).write_bytes(build(target))


if __name__ == "__main__":
    main()
