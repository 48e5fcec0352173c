"""Time from the shell to the end of a command, beside `import torch` in the same run.

    export RAG_HOME=/tmp/start PYTHONPATH=.
    python -m ui index evaluation/sample/documents --collection demo
    python benchmarks/start.py demo

Each command runs in a new process, in turn with the others, `ROUNDS` times. Printed are the least
seconds of processor time (user and system, all threads) and the least seconds on the clock: on a
machine that others use, the first is the steadier. `--before FOLDER` measures the commands of
another checkout in turn with these.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 3
TORCH = "import torch"
QUESTION = "What is the dog called?"


def commands(collection):
    """Return name -> arguments of the interpreter."""
    rag = ["-m", "ui"]
    ask = [QUESTION, "--collection", collection]
    return {
        TORCH: ["-c", TORCH],
        "rag --help": [*rag, "--help"],
        "rag search dog --method bm25": [
            *rag, "search", "dog", "--method", "bm25", "--collection", collection,
        ],
        "rag search, hybrid, not ranked": [*rag, "search", *ask, "--no-rank"],
        "rag search, hybrid, ranked": [*rag, "search", *ask],
        "rag ask": [*rag, "ask", *ask],
    }  # fmt: skip


def seconds(arguments, folder):
    """Return seconds of processor time and on the clock that a new process takes."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": folder},
        cwd=folder,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("collection")
    parser.add_argument("--before", help="Another checkout.")
    chosen = parser.parse_args()
    folders = {"now": str(Path.cwd())} | ({"before": chosen.before} if chosen.before else {})
    wanted = {
        (name, when): (arguments, folder)
        for name, arguments in commands(chosen.collection).items()
        for when, folder in folders.items()
        if name != TORCH or when == "now"
    }
    least = dict.fromkeys(wanted, (float("inf"), float("inf")))
    for _ in range(ROUNDS):
        for key, (arguments, folder) in wanted.items():
            least[key] = tuple(map(min, least[key], seconds(arguments, folder)))
    torch = least[TORCH, "now"]
    print("| command | | processor, s | ratio | clock, s | ratio |")
    print("|---|---|---|---|---|---|")
    for (name, when), (used, clock) in least.items():
        ratios = (used / torch[0], clock / torch[1])
        print(
            f"| `{name}` | {when} | {used:.2f} | {ratios[0]:.2f} | {clock:.2f} | {ratios[1]:.2f} |"
        )


if __name__ == "__main__":
    main()
