import csv
import json
import re
from collections import Counter
from pathlib import Path

import docx
import pypdf
import pytest
from bs4 import BeautifulSoup

SAMPLE = Path(__file__).resolve().parent.parent / "evaluation" / "sample"
DOCUMENTS = SAMPLE / "documents"
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def collapse(text):
    return " ".join(text.split())


def read_records(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".csv":
        return [cell for row in csv.reader(text.splitlines()) for cell in row]
    lines = text.splitlines() if path.suffix == ".jsonl" else [text]
    values = [json.loads(line) for line in lines]
    records = values[0] if path.suffix == ".json" else values
    return [str(value) for record in records for value in record.values()]


def read_text(path):
    if path.suffix == ".pdf":
        return collapse(" ".join(page.extract_text() for page in pypdf.PdfReader(path).pages))
    if path.suffix == ".docx":
        return "\n".join(paragraph.text for paragraph in docx.Document(str(path)).paragraphs)
    if path.suffix == ".html":
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "lxml")
        return collapse(soup.main.get_text(" "))
    if path.suffix in {".csv", ".json", ".jsonl"}:
        return "\n".join(read_records(path))
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def data():
    return json.loads((SAMPLE / "questions.json").read_text(encoding="utf-8"))["data"]


@pytest.fixture(scope="module")
def paragraphs(data):
    return [(entry["title"], paragraph) for entry in data for paragraph in entry["paragraphs"]]


@pytest.fixture(scope="module")
def questions(paragraphs):
    return [(paragraph["context"], qa) for _, paragraph in paragraphs for qa in paragraph["qas"]]


@pytest.fixture(scope="module")
def build():
    pytest.importorskip("reportlab", reason="reportlab, which makes the PDF files, is missing")
    from tools import build_sample

    return build_sample


def test_every_answer_stands_exactly_at_its_offset(questions):
    for context, qa in questions:
        for answer in qa["answers"]:
            start, text = answer["answer_start"], answer["text"]
            assert context[start : start + len(text)] == text, qa["id"]


def test_every_answer_occurs_once_in_its_context(questions):
    for context, qa in questions:
        for answer in qa["answers"]:
            assert context.count(answer["text"]) == 1, qa["id"]


def test_a_question_has_answers_exactly_when_it_is_possible(questions):
    for _, qa in questions:
        assert bool(qa["answers"]) is not qa["is_impossible"], qa["id"]


def test_question_ids_and_wordings_are_unique(questions):
    assert len({qa["id"] for _, qa in questions}) == len(questions)
    assert len({qa["question"] for _, qa in questions}) == len(questions)


def test_there_are_sixty_questions_twelve_of_them_unanswerable(questions):
    counts = Counter((qa["language"], qa["is_impossible"]) for _, qa in questions)
    assert counts == {("en", False): 32, ("zh", False): 16, ("en", True): 8, ("zh", True): 4}


def test_question_context_and_id_agree_with_the_language(questions):
    for context, qa in questions:
        assert qa["id"].startswith(qa["language"]), qa["id"]
        for text in (context, qa["question"]):
            assert bool(CHINESE.search(text)) is (qa["language"] == "zh"), qa["id"]


def test_every_document_answers_a_question_and_every_title_is_a_document(data):
    files = {
        path.relative_to(DOCUMENTS).as_posix() for path in DOCUMENTS.rglob("*") if path.is_file()
    }
    answering = {
        entry["title"]
        for entry in data
        if any(qa["answers"] for paragraph in entry["paragraphs"] for qa in paragraph["qas"])
    }
    assert {entry["title"] for entry in data} == files == answering


def test_every_context_stands_in_its_document(paragraphs):
    texts = {title: read_text(DOCUMENTS / title) for title, _ in paragraphs}
    missing = [p["context"] for title, p in paragraphs if p["context"] not in texts[title]]
    assert missing == []


def test_the_formats_are_as_the_readme_counts_them():
    counts = Counter(path.suffix for path in DOCUMENTS.rglob("*") if path.is_file())
    assert counts == {
        ".md": 17, ".txt": 5, ".html": 2, ".pdf": 2, ".docx": 2, ".csv": 1, ".json": 1, ".jsonl": 1,
    }  # fmt: skip


def test_the_binary_documents_are_rebuilt_byte_for_byte(build):
    binaries = {
        path.relative_to(DOCUMENTS).as_posix()
        for path in DOCUMENTS.rglob("*")
        if path.suffix in {".pdf", ".docx"}
    }
    assert set(build.TARGETS) == binaries
    changed = [
        target
        for target in build.TARGETS
        if build.build(target) != (DOCUMENTS / target).read_bytes()
    ]
    assert changed == []
