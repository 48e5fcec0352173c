"""Boundary F1 of `rag.language.sentences` against the splits of CLAP NQ.

    python benchmarks/sentences.py

A boundary is the end of a sentence inside a passage (the end of the passage itself is given).
The gold sentences come from a splitter that was run on tokenised text ("year . Any"); half of
the table is the same text with the spaces of normal writing put back. Some gold sentences are
rows of lists and tables whose line breaks are lost: "with punctuation" leaves those out.
"""

import argparse
import json
import re
from pathlib import Path

from rag.language.sentences import sentence_spans

CORPUS = Path(__file__).parents[2] / "shared" / "data" / "clapnq_dev" / "corpus.jsonl"
PUNCTUATED = re.compile(r"[.!?…][\s'\"”)\]]*$")
ANY = re.compile("")
SPACING = [
    (re.compile(r"`` "), "“"),
    (re.compile(r" ''"), "”"),
    (re.compile(r" ([.,;:!?)\]%]|'s\b)"), r"\1"),
    (re.compile(r"([(\[]) "), r"\1"),
    (re.compile(r" - "), "-"),
]


def natural(text: str) -> str:
    """Tokenised text with the spaces of normal writing."""
    for pattern, replacement in SPACING:
        text = pattern.sub(replacement, text)
    return text


def ends(sentences: list[str], only: re.Pattern[str]) -> set[int]:
    """Ends of sentences inside a passage, counted in characters that are not white space."""
    position, found = 0, set()
    for sentence in sentences:
        position += len("".join(sentence.split()))
        if only.search(sentence):
            found.add(position)
    return found - {position}


def measure(passages: list[list[str]], only: re.Pattern[str], show: int) -> str:
    """Precision, recall and F1 over the boundaries of all passages."""
    right = found = expected = 0
    for gold in passages:
        text = " ".join(gold)
        guessed = ends([text[start:end] for start, end in sentence_spans(text)], only)
        true = ends(gold, only)
        right += len(true & guessed)
        found += len(guessed)
        expected += len(true)
        for place in sorted(true ^ guessed)[:show]:
            joined = "".join(text.split())
            kind = "missed" if place in true else "extra "
            print(kind, joined[max(place - 40, 0) : place], "|", joined[place : place + 30])
    return f"{right / found:.4f} | {right / expected:.4f} | {2 * right / (found + expected):.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", type=int, default=0, help="differences to print for each passage")
    show = parser.parse_args().show
    lines = CORPUS.read_text("utf-8").splitlines()
    passages = [row["sentences"] for row in map(json.loads, lines)]
    untokenised = [[natural(sentence) for sentence in gold] for gold in passages]
    print("| text | boundaries | n | precision | recall | F1 |\n|---|---|---|---|---|---|")
    for name, texts in {"as it is": passages, "natural spaces": untokenised}.items():
        for kind, only in {"with punctuation": PUNCTUATED, "all": ANY}.items():
            n = sum(len(ends(gold, only)) for gold in texts)
            print(f"| {name} | {kind} | {n} |", measure(texts, only, show), "|")
            show = 0


if __name__ == "__main__":
    main()
