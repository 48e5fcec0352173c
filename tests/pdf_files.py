"""Small PDF files, drawn or written object by object, and what is read from them."""

import io

from conversions import documents, read
from reportlab.pdfgen.canvas import Canvas

from indexing.converters.schema import ConversionProblem


def pdf(*pages, **options):
    """A PDF with one page for each function that draws on a canvas."""
    data = io.BytesIO()
    canvas = Canvas(data, pagesize=(612, 792), **options)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return data.getvalue()


def lines(*texts, size=11, top=720):
    def draw(canvas):
        canvas.setFont("Helvetica", size)
        for number, text in enumerate(texts):
            canvas.drawString(72, top - 16 * number, text)

    return draw


def raw(content, *, page=b"", more=()):
    """A PDF of one page with this content; `more` are objects from number 6 on."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[%s]/DA(/F 9 Tf)>>>>"
        % b" ".join(b"%d 0 R" % number for number in range(6, 6 + len(more))),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
        b"/Resources<</Font<</F 5 0 R>>>>/Annots[%s]%s>>"
        % (b" ".join(b"%d 0 R" % number for number in range(6, 6 + len(more))), page),
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        *more,
    ]
    data, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size, start = len(objects) + 1, len(data)
    return data + (
        b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
        + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (size, start)
    )


def document(data):
    return documents(read(data, ".pdf"))[0]


def text(data):
    return document(data).text


def problems(data):
    return [each.reason for each in read(data, ".pdf") if isinstance(each, ConversionProblem)]
