"""Words of PDF text before (pypdf) and after (PDFium), against two other readers.

    python benchmarks/pdf_text.py ../shared/data ../shared/cases [--pages 20]

Truth is agreement: recall is the share of the words that pdfplumber and pdftotext both give on a
page which a reader gives too, precision the share of its words that at least one of the two gives.
Words are runs of letters and digits in NFKC, a Chinese character is one. Pages are taken at equal
distances from each file; seconds are those of the processor. Needs poppler's `pdftotext`.
"""

import argparse
import io
import re
import shutil
import subprocess
import time
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pdfplumber
from pypdf import PdfReader

from indexing.converters.formats.pdf.document import convert_pdf
from indexing.converters.schema import ConvertedDocument, Unreadable

_WORD = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af]|[^\W_\u2e80-\u9fff\uac00-\ud7af]+")


def words(text: str) -> Counter:
    plain = unicodedata.normalize("NFKC", text.replace("\xad", "-")).casefold()
    return Counter(_WORD.findall(plain))


class Reader:
    """Words that a reader found on all pages so far, and the time it took."""

    def __init__(self, name: str) -> None:
        self.name, self.pages, self.seconds, self.failed = name, 0, 0.0, 0
        self.found = self.wanted = self.right = self.given = 0

    def add(self, got: Counter, one: Counter, other: Counter) -> None:
        both, either = one & other, one | other
        self.found += (got & both).total()
        self.wanted += both.total()
        self.right += (got & either).total()
        self.given += got.total()

    def row(self) -> str:
        recall, precision = self.found / max(self.wanted, 1), self.right / max(self.given, 1)
        speed = self.pages / max(self.seconds, 1e-9)
        return f"| {self.name} | {recall:.4f} | {precision:.4f} | {self.failed} | {speed:.0f} |"


def before(data: bytes, numbers: list[int], reader: Reader) -> list[str]:
    start = time.process_time()
    try:
        pdf = PdfReader(io.BytesIO(data))
        texts = [pdf.pages[number].extract_text() for number in numbers]
    except Exception:  # noqa: BLE001 - whatever it is, nothing is read
        reader.failed += 1
        return [""] * len(numbers)
    reader.seconds += time.process_time() - start
    reader.pages += len(numbers)
    return texts


def after(data: bytes, numbers: list[int], reader: Reader) -> list[str]:
    start = time.process_time()
    try:
        document = next(iter(convert_pdf(data, "stem")))
        assert isinstance(document, ConvertedDocument)
    except Unreadable:
        reader.failed += 1
        return [""] * len(numbers)
    reader.seconds += time.process_time() - start
    reader.pages += len(document.pages)
    spans = list(pairwise([*document.pages, len(document.text)]))
    return [document.text[slice(*spans[number])] for number in numbers]


def plumbed(data: bytes, numbers: list[int]) -> list[str]:
    with pdfplumber.open(io.BytesIO(data)) as pdf:
        return [pdf.pages[number].extract_text() or "" for number in numbers]


def poppler(path: Path, numbers: list[int]) -> list[str]:
    found = []
    for number in numbers:
        page = str(number + 1)
        command = ["pdftotext", "-q", "-cropbox", "-f", page, "-l", page, str(path), "-"]
        found.append(subprocess.run(command, capture_output=True, check=False).stdout.decode())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--pages", type=int, default=20, help="pages of each file")
    options = parser.parse_args()
    if not shutil.which("pdftotext"):
        parser.error("pdftotext is missing: install poppler-utils")
    old, new = Reader("before: pypdf"), Reader("after: PDFium, boxes checked")
    files = pages = 0
    for path in sorted(each for folder in options.folders for each in folder.rglob("*.pdf")):
        data = path.read_bytes()
        try:
            with pdfplumber.open(io.BytesIO(data)) as pdf:
                count = len(pdf.pages)
            numbers = sorted({n * count // options.pages for n in range(options.pages)})
            one = [words(text) for text in plumbed(data, numbers)]
        except Exception as error:  # noqa: BLE001 - without the second reader there is no truth
            print(f"{path}: left out ({type(error).__name__})")
            continue
        other = [words(text) for text in poppler(path, numbers)]
        files, pages = files + 1, pages + len(numbers)
        for reader, texts in ((old, before(data, numbers, old)), (new, after(data, numbers, new))):
            was = (reader.found, reader.wanted, reader.right, reader.given)
            for got, first, second in zip(map(words, texts), one, other, strict=True):
                reader.add(got, first, second)
            now = (reader.found, reader.wanted, reader.right, reader.given)
            found, wanted, right, given = (b - a for a, b in zip(was, now, strict=True))
            print(
                f"{path.name:45.45} {reader.name[:6]} recall {found / max(wanted, 1):.4f} "
                f"precision {right / max(given, 1):.4f}"
            )
    print(f"\n{files} files, {pages} pages\n")
    print("| reader | recall | precision | files not read | pages a second |")
    print("|---|---|---|---|---|")
    print(old.row())
    print(new.row())


if __name__ == "__main__":
    main()
