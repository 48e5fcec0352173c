"""Conversion of DOCX files: everything that a reader of the printed document sees, once.

Headers first, then paragraphs and tables in order, footers last; numbers of lists and headings as
Word counts them, equations as text, notes after the paragraph that refers to them, text boxes on
lines of their own, images as their alternative text. Not read: comments, deleted and hidden text.

    package.py     the parts of the archive, in the namespaces of either kind of Open XML
    document.py    the order of blocks, and the document that comes out
    paragraphs.py  the words of a paragraph, and what stands in or beside it
    numbering.py   the numbers of lists and headings
    tables.py      tables as pipe rows
    equations.py   equations as text on a line
"""

from indexing.converters.formats.docx.document import convert_docx, read_docx
from indexing.converters.formats.docx.package import check_unpacked_size

__all__ = ["check_unpacked_size", "convert_docx", "read_docx"]
