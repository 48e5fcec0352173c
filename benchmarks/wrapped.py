"""Cost of line breaks and spaces inside sentences: the same texts clean and hard-wrapped.

    python benchmarks/wrapped.py ../shared/data/cmrc2018/cmrc2018_trial.json [--texts 60]
    python benchmarks/wrapped.py ../shared/data --corpus fastapi-zh

Each text of a set in SQuAD's form becomes a file. The copy is wrapped at so many characters, with a
blank line after each, and a tenth of its Chinese characters have a space behind them, as PDF and
OCR give it. Both are indexed with the configuration's defaults, and every question is asked of
both. Printed: nDCG@10 of the text, the share of questions with an answer in the first five
passages, and EM and F1 of the exact words, all without regard to white space.

With `--corpus` the files are those of a corpus of `answers/corpora.json`, as plain text, of which
all but headings, rows and code is wrapped. The questions are those of `answers/first.jsonl`, and
every heading that only one file has; printed for each kind: nDCG@10 and recall@5 of the file.
"""

import argparse
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

HAN = "[\u3400-\u9fff]"


def wrap(text: str, width: int) -> str:
    """The text as PDF and OCR give it."""
    chance = random.Random(text)
    lines = [text[start : start + width] for start in range(0, len(text), width)]
    return "\n\n".join(
        re.sub(f"(?<={HAN})(?={HAN})", lambda _: " " if chance.random() < 0.1 else "", line)
        for line in lines
    )


def wrap_manual(text: str, width: int) -> str:
    """Return a Markdown text wrapped between its words, as a PDF of it reads."""
    lines: list[str] = []
    is_code = False
    for line in text.split("\n"):
        is_code ^= line.lstrip().startswith("```")
        if is_code or len(line) <= width or re.match(r"\s*(?:#|\||```|///|<)", line):
            lines.append(line)
            continue
        parts = [""]
        for word in re.findall(r"[!-~]+|.", line):
            if parts[-1].strip() and len(parts[-1]) + len(word) > width:
                parts.append("")
            parts[-1] += word if parts[-1] or word != " " else ""
        lines.append("\n\n".join(wrap(part, len(part)) for part in parts if part))
    return "\n".join(lines)


def manual(data: Path, corpus: str) -> tuple[list[str], dict[str, list[tuple[int, str]]]]:
    """Return the texts of a corpus, and for each kind of question the text and the question."""
    answers = Path(__file__).with_name("answers")
    names = json.loads((answers / "corpora.json").read_text(encoding="utf-8"))[corpus]["files"]
    texts = [(data / name).read_text(encoding="utf-8") for name in names]
    rows = map(json.loads, (answers / "first.jsonl").read_text(encoding="utf-8").splitlines())
    asked = [
        (names.index(row["source"]), row["question"])
        for row in rows
        if row["corpus"] == corpus and row["answerable"] and row["source"] in names
    ]
    headings: dict[str, set[int]] = {}
    for number, text in enumerate(texts):
        for heading in re.findall(r"^#{2,4} +(.+?) *(?:\{.*)?$", text, re.MULTILINE):
            headings.setdefault(re.sub(r"[`*]", "", heading), set()).add(number)
    own = [(*numbers, heading) for heading, numbers in headings.items() if len(numbers) == 1]
    return texts, {"questions": asked, "headings": own}


def find_texts(texts: list[str], asked: dict[str, list[tuple[int, str]]], home: Path) -> None:
    """Print nDCG@10 and recall@5 of each kind of question, by bm25 and by hybrid search."""
    rag = index(texts, home)
    from rag.schema import SearchOptions

    for kind, questions in asked.items():
        for method in ("bm25", "hybrid"):
            options = SearchOptions(top_k=30, method=method, rank=False)
            scores = []
            for number, question in questions:
                found = [int(Path(p.source).stem) for p in rag.search(question, options).results]
                ranking = list(dict.fromkeys(found))[:10]
                place = ranking.index(number) if number in ranking else None
                gain = 0.0 if place is None else 1 / math.log2(place + 2)
                scores.append((gain, place is not None and place < 5))
            ndcg, recall = (fmean(column) for column in zip(*scores, strict=True))
            print(f"  {kind} {method}: {ndcg:.3f} {recall:.3f} (n = {len(questions)})", flush=True)


def index(texts: list[str], home: Path) -> Any:
    """Return an engine over some texts, each of them a file named by its number."""
    folder = home / "documents"
    folder.mkdir(parents=True)
    for number, text in enumerate(texts):
        (folder / f"{number:04}.txt").write_text(text, encoding="utf-8")
    os.environ["RAG_HOME"] = str(home / "data")
    rag_command = Path(sys.executable).with_name("rag")
    subprocess.run(
        [rag_command, "index", folder, "--collection", "default"], check=True, capture_output=True
    )

    from rag.collections import open_rag
    from rag.config import load_config

    return open_rag("default", load_config(None))


def paragraphs(path: Path, count: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Texts without white space in them, and their questions."""
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    found = [each for article in articles for each in article["paragraphs"]]
    for paragraph in found[:count]:
        yield "".join(paragraph["context"].split()), paragraph["qas"]


def measure(texts: list[str], asked: list[tuple[int, str, list[str]]], home: Path) -> list[float]:
    """NDCG@10, recall@5, EM and F1 of some files."""
    rag = index(texts, home)
    from evaluation.metrics.multilingual import cmrc_exact_match, cmrc_f1
    from rag.schema import SearchOptions

    scores: list[tuple[float, ...]] = []
    for number, question, golds in asked:
        ranking = [Path(each.source).stem for each in
                   rag.search(question, SearchOptions(top_k=30)).results]  # fmt: skip
        documents = list(dict.fromkeys(ranking))[:10]
        name = f"{number:04}"
        gain = 1 / math.log2(documents.index(name) + 2) if name in documents else 0.0
        answer = rag.ask(question)
        read = ["".join(each.text.split()) for each in answer.passages[:5]]
        held = any("".join(gold.split()) in text for gold in golds for text in read)
        short = "".join((answer.short or answer.answer or "").split())
        kept = ["".join(gold.split()) for gold in golds]
        scores.append((gain, held, cmrc_exact_match(short, kept), cmrc_f1(short, kept)))
    return [fmean(column) for column in zip(*scores, strict=True)]


def main() -> None:
    """Measure both copies and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--texts", type=int, default=60)
    parser.add_argument("--width", type=int, default=20)
    parser.add_argument("--corpus")
    options = parser.parse_args()
    if options.corpus:
        texts, kinds = manual(options.path, options.corpus)
        with tempfile.TemporaryDirectory() as folder:
            for name, copies in (
                ("clean", texts),
                ("wrapped", [wrap_manual(text, options.width) for text in texts]),
            ):
                print(name, flush=True)
                find_texts(copies, kinds, Path(folder, name))
        return
    texts, asked = [], []
    for number, (text, questions) in enumerate(paragraphs(options.path, options.texts)):
        texts.append(text)
        for each in questions:
            golds = [answer["text"] for answer in each["answers"]]
            asked.append((number, each["question"], golds))
    print(f"{len(texts)} texts, {len(asked)} questions")
    print("copy     nDCG@10  recall@5  EM    F1")
    with tempfile.TemporaryDirectory() as folder:
        for name, copies in (
            ("clean", texts),
            ("wrapped", [wrap(text, options.width) for text in texts]),
        ):
            row = measure(copies, asked, Path(folder, name))
            print(f"{name:8} " + "     ".join(f"{value:.3f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
