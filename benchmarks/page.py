"""How fast the page is and what it costs: `PYTHONPATH=.:tests python benchmarks/page.py`.

The real page in a real Chromium over the bundled sample, with a language model of a few lines that
begins at once and writes a word every 30 ms. Processor time and memory are the server's; times to
paint are what a MutationObserver in the browser saw. Each number is from one run on this machine.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path

import yaml
from browser import CHROMIUM, FLAGS, QUESTION, Person, Server, writes_slowly
from chat_server import serve
from places import SAMPLE
from playwright.sync_api import sync_playwright

from indexing.pipeline import index_paths
from rag.config import Config
from rag.models.embedder import Embedder
from rag.stores.embedded.store import EmbeddedStore

TICKS = os.sysconf("SC_CLK_TCK")
WATCH = """() => {
  window.seen = {};
  const note = name => { window.seen[name] = window.seen[name] || performance.now() };
  addEventListener('keydown', event => {
    if (event.key === 'Enter') { window.seen = {}; note('enter') }
  }, true);
  new MutationObserver(() => {
    if (!window.seen.enter) return;
    if (document.querySelector('.cw-status.cw-open')) note('status');
    if (document.body.innerText.includes('▍')) note('token');
  }).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid):
    """Proportional set size in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def prepare(home, url):
    embedder = Embedder(Config().embedder)
    store = EmbeddedStore(home / "collections" / "sample")
    index_paths([SAMPLE / "documents"], store, embedder, Config(), leave_out=Path("nowhere"))
    store.close()
    path = home / "rag.yaml"
    model = {"kind": "openai", "model": "m", "base_url": url}
    path.write_text(yaml.safe_dump({"generator": model}), encoding="utf-8")
    return path


def median(values):
    return f"{statistics.median(values):.0f} ms (from {min(values):.0f} to {max(values):.0f})"


def loading(chromium, server):
    times = []
    for _ in range(5):
        person, start = Person(chromium, server.url), time.perf_counter()
        person.page.goto(server.url)
        person.page.wait_for_selector("h1")
        cold = time.perf_counter() - start
        start = time.perf_counter()
        person.page.reload()
        person.page.wait_for_selector("h1")
        times.append((1e3 * cold, 1e3 * (time.perf_counter() - start)))
        person.close()
    print("page, empty browser:", median([cold for cold, _ in times]))
    print("page, loaded again:", median([warm for _, warm in times]))


def painting(chromium, server, rounds):
    """From Enter to the first status and the first word on the screen."""
    person = Person(chromium, server.url)
    person.go("/")
    person.page.evaluate(WATCH)
    seen = []
    for number in range(1, rounds + 1):
        person.ask(QUESTION)
        person.answered(number)
        seen.append(person.page.evaluate("window.seen"))
    for name in ("status", "token"):
        print(f"Enter to {name}:", median([each[name] - each["enter"] for each in seen]))
    return person


def reruns(person, server, clicks=10):
    """Processor time of a click on a thumb in a conversation."""
    thumbs = person.page.get_by_role("radio", name="Thumbs up").last
    before = cpu(server.process.pid)
    for _ in range(clicks):
        thumbs.click()
        person.idle()
        person.page.wait_for_timeout(150)
    count = person.page.locator(".cw-question").count()
    used = 1e3 * (cpu(server.process.pid) - before) / clicks
    print(f"one click with {count} answers on the page: {used:.0f} ms of processor")


def crowd(chromium, server, people):
    """Memory of many open pages, and as many questions at once."""
    pid = server.process.pid
    first = Person(chromium, server.url)
    first.go("/")
    print(f"memory with 1 page open: {memory(pid):.0f} MiB", flush=True)
    visitors = [Person(chromium, server.url) for _ in range(people)]
    for visitor in visitors:
        visitor.go("/")
    idle = memory(pid)
    start = time.perf_counter()
    for visitor in visitors:
        visitor.ask(QUESTION)
    asked = time.perf_counter() - start
    for visitor in visitors:
        visitor.answered()
    done = time.perf_counter() - start
    print(
        f"memory with {people} more pages: {idle:.0f} MiB; each with an answer: {memory(pid):.0f}"
    )
    print(f"{people} questions asked within {asked:.1f} s: all answered after {done:.1f} s")
    texts = {visitor.page.locator(".cw-question").inner_text() for visitor in visitors}
    assert texts == {QUESTION}
    before = cpu(pid)
    time.sleep(10)
    print(f"processor over 10 s with {people + 1} idle pages: {cpu(pid) - before:.2f} s")
    for visitor in [first, *visitors]:
        visitor.close()


def cycles(chromium, server, count):
    """Memory while one page after the other is opened and closed."""
    pid, seen = server.process.pid, []
    for number in range(count + 1):
        if number % (count // 4) == 0:
            seen.append(f"{number}: {memory(pid):.0f}")
        person = Person(chromium, server.url)
        person.go("/")
        person.close()
    time.sleep(75)  # until the server forgets the sessions
    print(f"memory in MiB after so many pages opened and closed: {', '.join(seen)}; "
          f"a minute later: {memory(pid):.0f}")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=8, help="0 leaves the times out")
    parser.add_argument("--cycles", type=int, default=0, help="pages opened and closed")
    options = parser.parse_args()
    print("load", *os.getloadavg(), "threads", threading.active_count())
    with tempfile.TemporaryDirectory() as folder, serve(writes_slowly) as model:
        home = Path(folder)
        config = prepare(home, f"http://127.0.0.1:{model.server_address[1]}/v1")
        start = time.perf_counter()
        server = Server(home, config)
        print(f"server ready, models loaded: {time.perf_counter() - start:.1f} s")
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
            if options.rounds:
                loading(chromium, server)
                reruns(painting(chromium, server, options.rounds), server)
            if options.cycles:
                cycles(chromium, server, options.cycles)
            crowd(chromium, server, options.people)
            chromium.close()
        server.stop()


if __name__ == "__main__":
    main()
