"""Follow-up questions: recall@5 of bm25 in dialogues made from public sets.

    PYTHONPATH=. python benchmarks/follow_ups.py ../shared/data [SEED] [--lost]  # a minute

A question that names the title of its article is asked without it, after turns that named it; what
is found is compared with the same question alone and written out. Dialogues, by kind:

- pronoun: the title became a pronoun ("its", 它).
- dropped: the title was left out ("What is the population?", 人口是多少).
- chain: a third turn after two that lean; thanks: thanks stand between.
- changed: the last turn leans on the second of two subjects.
- new: after a turn on another article comes a question that stands alone, with and without a title
  in it; here nothing may be lost.

Sets: squad_articles, DRCD and CMRC 2018 (trial), with their paragraphs to be found; sections of the
documentation of Haystack and FastAPI (English, Chinese), with any section of the document to be
found, asked by templates.
"""

import json
import random
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from rag.language.typos import read_query
from rag.retrieval.query import build_query
from rag.schema import Turn
from rag.stores.indexes.bm25 import TantivyIndex, build_tantivy

MOST = 40  # dialogues of a kind in a set
SEED = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2].isdigit() else 2  # draws them
OPENERS = {
    "en": ("Tell me about {}.", "What is {}?", "Can you explain {}?"),
    "zh": ("介绍一下{}。", "{}是什么？", "请问什么是{}？"),
}
THANKS = {"en": ("Thanks!", "ok, thank you"), "zh": ("谢谢！", "好的，明白了")}
ASKED_OF_DOCS = {
    "en": (
        ("How do I use it?", "How do I use {}?"),
        ("Is there an example?", "Is there an example of {}?"),
        ("What are its parameters?", "What are the parameters of {}?"),
        ("When should I use it?", "When should I use {}?"),
        ("What about errors?", "What errors does {} have?"),
        ("What is the default?", "What is the default of {}?"),
    ),
    "zh": (
        ("怎么使用？", "怎么使用{}？"),
        ("有什么例子？", "{}有什么例子？"),
        ("它有哪些参数？", "{}有哪些参数？"),
        ("默认值是什么？", "{}的默认值是什么？"),
        ("什么时候用？", "什么时候用{}？"),
    ),
}


def squad(path):
    """Return titles and texts of passages, and (title, question, numbers of passages) asked."""
    passages, asked = [], []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            title = article.get("title") or paragraph.get("title") or ""
            asked += [(title, each["question"], {len(passages)}) for each in paragraph["qas"]]
            passages.append((title, paragraph["context"]))
    return passages, asked


def articles(folder):
    passages, places = [], {}
    for path in sorted((folder / "articles").glob("*.txt")):
        title = path.stem.replace("_", " ")
        for found in re.finditer(r"[^\n]+", path.read_text(encoding="utf-8")):
            places[path.name, found.start()] = len(passages)
            passages.append((title, found[0]))
    asked = []
    for line in (folder / "questions_dev_v1.1.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        place = places.get((row["document"], row["context_offset"]))
        if place is not None:
            asked.append((row["document"][:-4].replace("_", " "), row["text"].strip(), {place}))
    return passages, asked


def documentation(folder, pattern, language):
    """Return sections under their document's title, and questions from templates."""
    passages, asked, draw = [], [], random.Random(0)
    for path in sorted(folder.rglob(pattern)):
        text = re.sub(r"\A---\n.*?\n---\n", "", path.read_text(encoding="utf-8"), flags=re.S)
        heading = re.search(r"^# ([^{\n]+)", text, re.MULTILINE)
        if not heading:
            continue
        title, first = heading[1].strip(), len(passages)
        passages += [(title, part) for part in re.split(r"^(?=## )", text, flags=re.M) if part]
        short, full = draw.choice(ASKED_OF_DOCS[language])
        asked.append((title, full.format(title), set(range(first, len(passages))), short))
    return passages, asked


def without(title, question, language):
    """Return the question with a pronoun for its title, and with the title left out, or None."""
    place = re.search(rf"(?<!\w){re.escape(title)}(?!\w)", question, re.IGNORECASE)
    if language == "zh":
        if title not in question or len(title) < 2:
            return None, None
        pronoun = question.replace(title, "它", 1)
        left = re.sub(
            rf"^{re.escape(title)}的?|(?:在|于)?{re.escape(title)}的", "", question, count=1
        )
        return pronoun, left if left != question and title not in left else None
    if not place:
        return None, None
    named = re.escape(question[place.start() : place.end()])
    pronoun = re.sub(rf"(?:[Tt]he )?{named}'s", "its", question, count=1)
    if pronoun == question:
        pronoun = re.sub(rf"(?:[Tt]he )?{named}", "it", question, count=1)
    left = re.sub(rf" (?:of|in|at|for|from|to|by|on) (?:the )?{named}(?=\W*$)", "", question)
    return pronoun, left if left != question else None


def dialogues(asked, language):
    """Yield kind, earlier questions, question, question written out, numbers of passages."""
    draw = random.Random(1)
    by_title = defaultdict(list)
    for title, full, gold, *short in asked:
        pronoun, left = (None, short[0]) if short else without(title, full, language)
        by_title[title].append((full, gold, pronoun, left))
    titles = sorted(by_title)

    def opened(title):
        return draw.choice(OPENERS[language]).format(title)

    for title in titles:
        other = draw.choice([each for each in titles if each != title])
        rows = by_title[title]
        leaning = [(full, gold, p or left) for full, gold, p, left in rows if p or left]
        for full, gold, pronoun, left in rows:
            if pronoun:
                yield "pronoun", [opened(title)], pronoun, full, gold
            if left:
                yield "dropped", [opened(title)], left, full, gold
                yield "changed", [opened(other), opened(title)], left, full, gold
                yield "thanks", [opened(title), draw.choice(THANKS[language])], left, full, gold
                before = draw.choice(leaning)[2]
                yield "chain", [opened(title), before], left, full, gold
            kind = "new, with a title" if pronoun or left else "new, without"
            yield kind, [opened(other)], full, full, gold


def sampled(made):
    by_kind = defaultdict(list)
    for each in made:
        by_kind[each[0]].append(each)
    for kind in sorted(by_kind):
        rows = by_kind[kind]
        yield from random.Random(SEED).sample(rows, min(MOST, len(rows)))


def measured(passages, made):
    """Return kind -> recall@5 of the question alone, in the dialogue, and written out."""
    results = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bm25-1"
        numbers = np.arange(len(passages), dtype=np.int64)
        build_tantivy(path, ((n, *each) for n, each in enumerate(passages)), numbers, owner="x")
        index = TantivyIndex(path, owner="x")

        def frequencies(terms):
            return [index.document_frequency(term) + index.title_frequency(term) for term in terms]

        def found(text, gold):
            query, _ = read_query(text, frequencies)
            hits = index.search(query, 5, title_weight=0.3, allowed=None)
            return not gold.isdisjoint(number for number, _ in hits)

        for kind, earlier, question, full, gold in made:
            text = build_query(question, [Turn(each, "") for each in earlier]).text
            row = [found(each, gold) for each in (question, text, full)]
            results[kind].append(row)
            if "--lost" in sys.argv and row[2] and not row[1]:
                print(f"  {kind}: {earlier} {question!r} -> {text!r}")
    return results


def main():
    data = Path(sys.argv[1])
    sets = {
        "squad_articles": ("en", *articles(data / "squad_articles")),
        "docs_haystack": ("en", *documentation(data / "docs_haystack", "*.mdx", "en")),
        "docs_fastapi en": ("en", *documentation(data / "docs_fastapi/en", "*.md", "en")),
        "docs_fastapi zh": ("zh", *documentation(data / "docs_fastapi/zh", "*.md", "zh")),
        "cmrc2018": ("zh", *squad(data / "cmrc2018/cmrc2018_trial.json")),
        "drcd": ("zh", *squad(data / "drcd/DRCD_dev.json")),
    }
    total = defaultdict(list)
    print("| set | kind | dialogues | alone | in the dialogue | written out |")
    print("|---|---|---|---|---|---|")
    for name, (language, passages, asked) in sets.items():
        for kind, rows in measured(passages, list(sampled(dialogues(asked, language)))).items():
            total[f"all, {language}", kind] += rows
            show(name, kind, rows)
    for key, rows in sorted(total.items()):
        show(*key, rows)


def show(name, kind, rows):
    means = " | ".join(f"{mean:.3f}" for mean in np.mean(rows, axis=0))
    print(f"| {name} | {kind} | {len(rows)} | {means} |")


if __name__ == "__main__":
    main()
