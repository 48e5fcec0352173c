"""Time of searches and answers with warm models, beside another checkout in the same run.

    export RAG_HOME=/tmp/start PYTHONPATH=.
    python -m ui index evaluation/sample/documents --collection demo
    python benchmarks/warm.py demo --before ../the-commit-before

Questions are those of the bundled sample. Each checkout runs in a process of its own, in turn,
`ROUNDS` times; printed is the least median, and the memory of the process after its answers.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

ROUNDS = 2
QUESTIONS = 12  # of a language
WORK = """
import json, sys, time
from statistics import median
from rag.collections import open_rag
from rag.config import Config
from rag.schema import SearchOptions
collection, questions = sys.argv[1], json.loads(sys.argv[2])
rag, found = open_rag(collection, Config()), {}
rag.warm_up()
for language, asked in questions.items():
    rag.ask(asked[0])
    for name, work in (("search", rag.search), ("ask", rag.ask)):
        spent = []
        for question in asked[1:]:
            for model in {*rag.roles.rankers.values(), *rag.roles.readers.values()}:
                model.forget()
            start = time.perf_counter()
            work(question)
            spent.append((time.perf_counter() - start) * 1000)
        found[f"{name}, {language}"] = median(spent)
with open("/proc/self/status") as status:
    facts = dict(line.split(":", 1) for line in status)
found["memory, MB"] = int(facts["VmRSS"].split()[0]) // 1024
found["memory at most, MB"] = int(facts["VmHWM"].split()[0]) // 1024
print(json.dumps(found))
"""


def questions(path):
    """Return language -> questions of the sample that its documents answer."""
    rows = [
        entry["question"]
        for article in json.loads(path.read_text(encoding="utf-8"))["data"]
        for paragraph in article["paragraphs"]
        for entry in paragraph["qas"]
        if not entry["is_impossible"]
    ]
    chinese = [each for each in rows if not each.isascii()]
    english = [each for each in rows if each.isascii()]
    return {"en": english[:QUESTIONS], "zh": chinese[:QUESTIONS]}


def measure(folder, collection, asked):
    """Return name -> value, measured in a new process of a checkout."""
    done = subprocess.run(
        [sys.executable, "-c", WORK, collection, json.dumps(asked)],
        check=True,
        capture_output=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("collection")
    parser.add_argument("--before", type=Path, help="another checkout")
    options = parser.parse_args()
    here = Path(__file__).resolve().parent.parent
    asked = questions(here / "evaluation" / "sample" / "questions.json")
    folders = {"now": here} | ({"before": options.before.resolve()} if options.before else {})
    least = {}
    for _ in range(ROUNDS):
        for name, folder in folders.items():
            for what, value in measure(folder, options.collection, asked).items():
                held = least.setdefault(what, {})
                held[name] = min(held.get(name, value), value)
    print("| p50, ms | " + " | ".join(folders) + " | ratio |\n|---|" + "---|" * (len(folders) + 1))
    for what, held in least.items():
        ratio = f"{held['now'] / held['before']:.2f}" if "before" in held else ""
        print(
            f"| {what} | " + " | ".join(f"{held[name]:.0f}" for name in folders) + f" | {ratio} |"
        )


if __name__ == "__main__":
    main()
