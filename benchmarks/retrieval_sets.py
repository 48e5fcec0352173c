"""The public retrieval sets of a folder, read as they are: documents, questions, graded documents.

Paragraphs of reading sets count as documents; the paragraph of a question is the relevant one.
Reads only what is needed to measure retrieval: answers and further fields of queries are left out.
"""

import csv
import json
import random
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from evaluation.datasets.schema import Dataset, JudgedQuestion, SourceDocument

BEIR = {
    "cacm": "cacm",
    "cisi": "cisi",
    "clapnq_dev": "clapnq_dev",
    "claude_docs_rag": "claude_docs_rag",
    "cranfield": "cranfield",
    "domainrag_zh": "domainrag_zh/beir",
    "hotpotqa_train100": "hotpotqa_train100",
    "msmarco_dl_5k": "msmarco_dl_5k",
    "musique_train100": "musique_train100",
    "nq_oracle": "nq_oracle",
    "pubmedqa": "pubmedqa",
    "rgb": "rgb/zh_refine_beir",
    "scifact": "scifact",
    "subjqa_electronics": "subjqa/beir_electronics",
}
READING = {
    "cmrc2018": ("cmrc2018/cmrc2018_trial.json", "cmrc2018/cmrc2018_train_from_expmrc.json"),
    "drcd": ("drcd/DRCD_dev.json",),
    "squad": ("squad/dev-v1.1.json",),
    "xquad_ru": ("xquad/xquad.ru.json",),
}
ARTICLES = "squad_articles"
SETS = (*BEIR, *READING, ARTICLES)
CLUSTERED = frozenset({*READING, ARTICLES})  # their questions share documents
MOST = 400  # questions of a set
SEED = 0
FEW = 3  # relevant documents of a question, in the mean


def load_set(name: str, data: Path, *, most: int = MOST, characters: int | None = None) -> Dataset:
    """Return a set with at most `most` judged questions, drawn with a fixed seed.

    Args:
        name: One of `SETS`.
        data: The folder of all sets.
        most: Number of questions.
        characters: Length of all documents together, for a slow machine; questions are left out
            until their relevant documents take half of it, and the rest is drawn. None keeps all.
    """
    if name in BEIR:
        documents, questions = _beir(data / BEIR[name])
    elif name in READING:
        documents, questions = _reading([data / each for each in READING[name]])
    else:
        documents, questions = _articles(data / ARTICLES)
    random.Random(SEED).shuffle(questions)
    asked = tuple(each for each in questions if any(g > 0 for g in each.grades.values()))[:most]
    if characters is not None:
        asked, documents = _part(asked, documents, characters)
    return Dataset(name, data, "documents", asked, tuple(documents))


def _part(questions, documents, characters):
    """Return a part of the documents and the questions that it is enough for.

    Where questions have several relevant documents, documents are drawn and judgements follow;
    else questions are taken until their documents fill half, and others are drawn beside them.
    """
    by_id = {each.document_id: each for each in documents}
    relevant = [{d for d, g in q.grades.items() if g > 0 and d in by_id} for q in questions]
    kept, left = {}, characters
    if sum(map(len, relevant)) <= FEW * len(questions):
        asked = []
        for question, needed in zip(questions, relevant, strict=True):
            new = needed - kept.keys()
            size = sum(len(by_id[name].text) for name in new)
            if left - size >= characters / 2:
                kept |= dict.fromkeys(sorted(new))
                asked.append(question)
                left -= size
    others = [each for each in documents if each.document_id not in kept]
    random.Random(SEED).shuffle(others)
    for each in others:
        if left < len(each.text):
            break
        kept[each.document_id] = None
        left -= len(each.text)
    chosen = questions if sum(map(len, relevant)) > FEW * len(questions) else asked
    judged = [replace(q, grades={d: g for d, g in q.grades.items() if d in kept}) for q in chosen]
    found = tuple(q for q in judged if any(g > 0 for g in q.grades.values()))
    return found, [each for each in documents if each.document_id in kept]


def _item(row):
    """Return what a review is about, which restricts the search of a question about it."""
    item = (row.get("metadata") or {}).get("item_id")
    return {"item_id": item} if item else {}


def _rows(path):
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def _beir(folder):
    documents = [
        SourceDocument(str(row["_id"]), row.get("title") or "", row["text"], _item(row))
        for row in _rows(folder / "corpus.jsonl")
    ]
    grades = defaultdict(dict)
    with (folder / "qrels" / "test.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            grades[row["query-id"]][row["corpus-id"]] = int(row["score"])
    questions = []
    for row in _rows(folder / "queries.jsonl"):
        name = str(row.get("_id", row.get("id")))
        item = _item(row).get("item_id")
        filters = {"field": "meta.item_id", "operator": "==", "value": item} if item else None
        questions.append(JudgedQuestion(name, row["text"], grades=grades[name], filters=filters))
    return documents, questions


def _reading(paths):
    documents, questions, seen = [], [], {}
    for path in paths:
        for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
            for paragraph in article["paragraphs"]:
                text = paragraph["context"]
                if text not in seen:
                    seen[text] = f"p{len(seen)}"
                    title = (article.get("title") or "").replace("_", " ")
                    documents.append(SourceDocument(seen[text], title, text))
                questions += [
                    JudgedQuestion(str(each["id"]), each["question"], grades={seen[text]: 1})
                    for each in paragraph["qas"]
                    if each["question"].strip()
                ]
    return documents, questions


def _articles(folder):
    """Whole articles, half of them without questions; a third of all, which is enough to miss."""
    rows = list(_rows(folder / "questions_dev_v1.1.jsonl"))
    asked = sorted({row["document"] for row in rows})
    others = sorted({path.name for path in (folder / "articles").iterdir()} - set(asked))
    names = [*asked, *random.Random(SEED).sample(others, 100)]
    documents, questions, places = [], [], defaultdict(list)
    for name in names:
        title = name.removesuffix(".txt").replace("_", " ")
        offset = 0
        for line in (folder / "articles" / name).read_text(encoding="utf-8").split("\n"):
            if line.strip():
                documents.append(SourceDocument(f"{name}:{offset}", title, line))
                places[name].append((offset, offset + len(line)))
            offset += len(line) + 1
    for row in rows:
        at = row["context_offset"]
        holds = [start for start, end in places[row["document"]] if start <= at < end]
        if holds:
            grades = {f"{row['document']}:{holds[0]}": 1}
            questions.append(JudgedQuestion(row["_id"], row["text"], grades=grades))
    return documents, questions
