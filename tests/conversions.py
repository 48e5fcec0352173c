"""Files converted without a worker, and what holds for every one of them."""

import io

import docx

from indexing.converters.dispatch import convert_bytes
from indexing.converters.schema import ConvertedDocument


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


def make_docx(build):
    """A DOCX file that `build` fills."""
    document = docx.Document()
    build(document)
    data = io.BytesIO()
    document.save(data)
    return data.getvalue()
