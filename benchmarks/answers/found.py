"""Share of questions whose needed text stands in the first passages found.

    PYTHONPATH=. python benchmarks/answers/found.py SET [SET ...]

Each corpus of a set is a collection of that name in RAG_HOME. Printed is for how many questions
all that is needed stands in the first 5, 10 and 20 passages, as found and with the ranker's five.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from check_questions import normalized

from rag.collections import collection_exists, open_rag
from rag.config import load_config
from rag.schema import SearchOptions

DEPTHS = (5, 10, 20)


def holds(question, passages):
    """Return whether passages hold everything that an answer needs."""
    flat = normalized(" \n ".join(passage.text for passage in passages))
    return all(any(normalized(each) in flat for each in group) for group in question["needed"])


def main():
    rags, found, absent = {}, Counter(), Counter()
    for path in map(Path, sys.argv[1:]):
        for line in path.read_text(encoding="utf-8").splitlines():
            question = json.loads(line)
            if not question["answerable"]:
                continue
            name = question["corpus"]
            if not collection_exists(name, load_config()):
                absent[name] += 1
                continue
            rags[name] = rags.get(name) or open_rag(name, load_config(), generator=False)
            for rank in (False, None):
                options = SearchOptions(top_k=max(DEPTHS), rank=rank)
                passages = rags[name].search(question["question"], options).results
                for depth in DEPTHS:
                    key = (question["language"], rank, depth)
                    found[key] += holds(question, passages[:depth])
                found[question["language"], rank, 0] += 1
    for name, count in absent.items():
        print(f"{count} questions left out: there is no collection `{name}`")
    print("| language | ranker | n | " + " | ".join(f"first {depth}" for depth in DEPTHS) + " |")
    print("|---|---|---|" + "---|" * len(DEPTHS))
    for language, rank in sorted({key[:2] for key in found}, key=str):
        n = found[language, rank, 0]
        shares = [f"{found[language, rank, depth]} ({found[language, rank, depth] / n:.2f})"
                  for depth in DEPTHS]  # fmt: skip
        print(f"| {language} | {'no' if rank is False else 'yes'} | {n} | {' | '.join(shares)} |")


if __name__ == "__main__":
    main()
