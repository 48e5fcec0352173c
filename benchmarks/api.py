"""Search and ask through HTTP against the engine called directly: `python benchmarks/api.py`.

The bundled sample is indexed into a temporary folder. `rag serve` runs as a process of its own; the
engine is called in this one. Each question is asked both ways in turn, so that what else the
machine does meets both alike.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SAMPLE = Path(__file__).resolve().parent.parent / "evaluation" / "sample"


def questions(count: int) -> list[str]:
    data = json.loads((SAMPLE / "questions.json").read_text(encoding="utf-8"))["data"]
    found = [qa["question"] for each in data for part in each["paragraphs"] for qa in part["qas"]]
    return (found * (count // len(found) + 1))[:count]


def index(home: str) -> None:
    command = [sys.executable, "-m", "ui", "index", str(SAMPLE / "documents"), "--json"]
    environment = {**os.environ, "RAG_HOME": home}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def in_turn(
    direct: Callable[[str], object], served: Callable[[str], object], asked: Sequence[str]
) -> tuple[list[float], list[float]]:
    """Milliseconds of each question, asked directly and over HTTP."""
    times: tuple[list[float], list[float]] = ([], [])
    for question in asked:
        for place, ask in enumerate((direct, served)):
            start = time.perf_counter()
            ask(question)
            times[place].append((time.perf_counter() - start) * 1000)
    return times


def rate(ask: Callable[[str], object], asked: Sequence[str], clients: int) -> float:
    """Requests per second of some clients at once."""
    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(ask, asked))
    return len(asked) / (time.perf_counter() - start)


def report(
    name: str, direct: Callable[[str], object], served: Callable[[str], object], count: int
) -> None:
    asked = questions(count)
    for ask in (direct, served):
        rate(ask, asked, 1)  # everything has been read once
    times = in_turn(direct, served, asked)
    p50 = [statistics.median(each) for each in times]
    p95 = [statistics.quantiles(each, n=20)[-1] for each in times]
    rates = [rate(ask, asked, 4) for ask in (direct, served)]
    print(f"| {name} | {p50[0]:.1f} / {p95[0]:.1f} ms | {p50[1]:.1f} / {p95[1]:.1f} ms "
          f"| {p50[1] - p50[0]:+.1f} ms, {p50[1] / p50[0]:.2f} "
          f"| {rates[0]:.1f} / {rates[1]:.1f}, {rates[1] / rates[0]:.2f} |")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100)
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as home:
        os.environ["RAG_HOME"] = home
        index(home)
        settings = Path(home, "rag.yaml")
        settings.write_text("server: {requests_per_minute: 1000000}")
        command = [sys.executable, "-m", "ui", "serve", "--port", "0", "--config", str(settings)]
        server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            line = server.stderr.readline() if server.stderr else ""
            url = re.findall(r"http://\S+:\d+", line)[0]
            compare(url, count)
        finally:
            server.terminate()
            server.wait()


def compare(url: str, count: int) -> None:
    import httpx

    from rag.collections import open_rag
    from rag.config import Config

    rag = open_rag("default", Config())
    rag.warm_up()
    print("| | engine p50 / p95 | HTTP p50 / p95 | HTTP - engine, ratio | requests/s at 4, ratio |")
    print("|---|---|---|---|---|")
    with httpx.Client(base_url=url, timeout=120) as client:

        def post(path: str) -> Callable[[str], object]:
            return lambda question: client.post(
                path, json={"question": question}
            ).raise_for_status()

        report("search", rag.search, post("/v1/search"), count)
        report("ask", rag.ask, post("/v1/ask"), count)


if __name__ == "__main__":
    main()
