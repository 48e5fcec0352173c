"""Cost of line breaks and spaces inside sentences: the same texts clean and hard-wrapped.

    python benchmarks/wrapped.py ../shared/data/cmrc2018/cmrc2018_trial.json [--texts 60]

Each text of a set in SQuAD's form becomes a file. The copy is wrapped at so many characters, with a
blank line after each, and a tenth of its Chinese characters have a space behind them, as PDF and
OCR give it. Both are indexed with the configuration's defaults, and every question is asked of
both. Printed: nDCG@10 of the text, the share of questions with an answer in the first five
passages, and EM and F1 of the exact words, all without regard to white space.
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


def paragraphs(path: Path, count: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Texts without white space in them, and their questions."""
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    found = [each for article in articles for each in article["paragraphs"]]
    for paragraph in found[:count]:
        yield "".join(paragraph["context"].split()), paragraph["qas"]


def measure(texts: list[str], asked: list[tuple[int, str, list[str]]], home: Path) -> list[float]:
    """NDCG@10, recall@5, EM and F1 of some files."""
    folder = home / "documents"
    folder.mkdir(parents=True)
    for number, text in enumerate(texts):
        (folder / f"{number:04}.txt").write_text(text, encoding="utf-8")
    os.environ["RAG_HOME"] = str(home / "data")
    rag_command = Path(sys.executable).with_name("rag")
    subprocess.run(
        [rag_command, "index", folder, "--collection", "default"], check=True, capture_output=True
    )

    from evaluation.metrics.multilingual import cmrc_exact_match, cmrc_f1
    from rag.collections import open_rag
    from rag.config import load_config
    from rag.schema import SearchOptions

    rag = open_rag("default", load_config(None))
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
    options = parser.parse_args()
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
