"""Measurements of commands, questions, indexing and models; every one is a ratio or a median."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from evaluation.speed.machine import size_of, version_of
from rag.errors import RagError, first_line
from rag.language.analysis import language_of
from rag.schema import SearchOptions

if TYPE_CHECKING:
    from rag.config import Config
    from rag.engine import RAG
    from rag.models.embedder import Embedder
    from rag.models.model_files import ModelFiles
    from rag.models.pair_model import PairModel
    from rag.schema import Trace

ROUNDS = 3  # of commands, in turn
QUESTIONS = 20
READ = 5  # passages for the time of a reader
REPEATED = 5  # times that a model reads them
MOST_INDEXED = 200_000  # characters of documents that are indexed again
TORCH = "import torch"
RUNTIMES = ("onnx", "torch")
HEADINGS = 3  # passages of a title whose headings are asked about
LONGEST_NAME = 60  # characters of a heading in a question


@dataclass(frozen=True)
class CommandTime:
    """Seconds from the shell to the end of a command, the least of `ROUNDS`.

    `ratio` is that to `import torch` in the same run; None where torch is not installed.
    """

    command: str
    seconds: float
    ratio: float | None


@dataclass(frozen=True)
class StageTime:
    """Milliseconds of a step, or of a whole search or answer, over some questions."""

    name: str
    count: int
    p50: float
    p95: float


@dataclass(frozen=True)
class IndexingRate:
    """Indexing of texts beside the bare embedder on the same passages.

    Attributes:
        passages: Number of passages.
        seconds: Time of indexing.
        bare: Time of the embedder alone.
        ratio: The first divided by the second.
    """

    passages: int
    seconds: float
    bare: float
    ratio: float


@dataclass(frozen=True)
class ModelTime:
    """Size and time of a model.

    Attributes:
        role: `embedder` or `reader`.
        name: Name of the model.
        runtime: `onnx` or `torch`.
        megabytes: Size of its files.
        load: Seconds until it is ready.
        ms: Milliseconds for `READ` passages, the median of some times.
        problem: Why it was not measured; None if it was.
    """

    role: str
    name: str
    runtime: str
    megabytes: float
    load: float | None = None
    ms: float | None = None
    problem: str | None = None


def time_commands(collection: str, question: str, config: Path | None) -> list[CommandTime]:
    """Return the times of commands in new processes, in turn, the least of `ROUNDS`.

    Raises:
        RagError: If a command fails; its own words.
    """
    given = [question, "--collection", collection]
    given += ["--config", str(config)] if config else []
    commands = {
        "rag search --method bm25": ["-m", "ui", "search", *given, "--method", "bm25", "--no-rank"],
        "rag search": ["-m", "ui", "search", *given],
        "rag ask": ["-m", "ui", "ask", *given],
    }
    if version_of("torch"):
        commands = {TORCH: ["-c", TORCH], **commands}
    least: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, arguments in commands.items():
            least[name] = min(least.get(name, float("inf")), _seconds(name, arguments))
    torch = least.get(TORCH)
    return [
        CommandTime(name, seconds, seconds / torch if torch else None)
        for name, seconds in least.items()
    ]


def _seconds(name: str, arguments: Sequence[str]) -> float:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], check=False, capture_output=True)  # noqa: S603
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise RagError(f"`{name}` failed: {said or f'exit status {done.returncode}'}")
    return time.perf_counter() - start


def questions_about(rag: "RAG", most: int = QUESTIONS) -> list[str]:
    """Return questions about titles and headings of a collection, evenly from all of it."""
    titles = _evenly([each.title for each in rag.store.documents()], most)
    found = dict.fromkeys(titles)
    for title in titles:
        passages = rag.search(title, SearchOptions("bm25", HEADINGS, rank=False)).results
        found |= dict.fromkeys(each.heading for each in passages if each.heading)
    names = [name for name in found if name and len(name) <= LONGEST_NAME]
    return [
        f"“{name}”是什么？" if language_of(name) == "zh" else f"What is said about {name}?"
        for name in _evenly(names, most)
    ]


def _evenly(items: Sequence[str], most: int) -> list[str]:
    return list(items[:: max(len(items) // most, 1)][:most])


def time_questions(rag: "RAG", questions: Sequence[str]) -> list[StageTime]:
    """Return the times of searches and answers with warm models, whole and by step.

    Args:
        rag: The collection.
        questions: At least one question; each is asked once.
    """
    rag.warm_up()
    rag.ask(questions[0])  # what is opened at the first question
    found: list[StageTime] = []
    works: dict[str, Callable[[str], Trace]] = {
        "search": lambda question: rag.search(question).trace,
        "ask": lambda question: rag.ask(question).trace,
    }
    for name, work in works.items():
        spent: dict[str, list[float]] = {name: []}
        for question in questions:
            rag.roles.forget()
            trace = work(question)
            spent[name].append(trace.total_ms)
            for stage in trace.stages:
                spent.setdefault(f"{name}: {stage.name}", []).append(stage.ms)
        found += [_stage_time(each, times) for each, times in spent.items()]
    return found


def _stage_time(name: str, times: Sequence[float]) -> StageTime:
    ordered = sorted(times)
    late = min(len(ordered) * 95 // 100, len(ordered) - 1)
    return StageTime(name, len(ordered), median(ordered), ordered[late])


def time_indexing(texts: Iterable[str], embedder: "Embedder", config: "Config") -> IndexingRate:
    """Return the time of indexing texts as files, beside the embedder on their passages.

    Args:
        texts: Texts of documents, at least one; those beyond `MOST_INDEXED` characters are left.
        embedder: The embedder, loaded.
        config: How documents are cut.
    """
    from indexing.chunking import embedded_text
    from indexing.pipeline import index_paths
    from rag.stores.embedded.store import EmbeddedStore

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "texts").mkdir()
        for number, text in enumerate(_first(texts)):
            (folder / "texts" / f"{number}.txt").write_text(text, encoding="utf-8")
        with closing(EmbeddedStore(folder / "collection")) as store:
            start = time.perf_counter()
            index_paths([folder / "texts"], store, embedder, config, leave_out=folder / "none")
            seconds = time.perf_counter() - start
            tokenizer, context = embedder.files.tokenizer, config.chunking.context
            passages = [
                embedded_text(each, tokenizer, context=context) for each in store.filter_documents()
            ]
    start = time.perf_counter()
    embedder.encode_passages(passages)
    bare = time.perf_counter() - start
    return IndexingRate(len(passages), seconds, bare, seconds / bare)


def _first(texts: Iterable[str]) -> Iterable[str]:
    room = MOST_INDEXED
    for text in texts:
        yield text[:room]
        room -= len(text)
        if room <= 0:
            return


def time_models(
    embedders: Sequence[str], readers: Sequence[str], texts: Sequence[str], question: str
) -> list[ModelTime]:
    """Return size and time of models in each runtime that there is for them.

    Args:
        embedders: Names of embedders.
        readers: Names of readers and rankers.
        texts: Passages, at least one; the first `READ` are read.
        question: A question.
    """
    from rag.config import EmbedderConfig
    from rag.models.embedder import Embedder
    from rag.models.pair_model import PairModel

    some = list(texts[:READ])
    pairs = [(question, text) for text in some]

    def embed(embedder: Embedder) -> None:
        embedder.encode_passages(some)

    def read(reader: PairModel) -> None:
        reader.forget()
        reader.read(pairs)

    found = []
    for runtime in RUNTIMES if version_of("torch") else RUNTIMES[:1]:
        how: dict[str, Any] = {"runtime": runtime, "device": "cpu", "dtype": "float32"}
        for name in embedders:
            embedder = Embedder(EmbedderConfig(model=name, **how))
            found.append(_model_time("embedder", embedder, runtime, partial(embed, embedder)))
        for name in readers:
            reader = PairModel(name, setting="reader.model", **how)
            found.append(_model_time("reader", reader, runtime, partial(read, reader)))
    return found


def _model_time(
    role: str, model: "Embedder | PairModel", runtime: str, work: Callable[[], object]
) -> ModelTime:
    size = _megabytes(model.files)
    try:
        start = time.perf_counter()
        model.warm_up()
        load, spent = time.perf_counter() - start, []
        work()
        for _ in range(REPEATED):
            start = time.perf_counter()
            work()
            spent.append((time.perf_counter() - start) * 1000)
    except RagError as error:
        return ModelTime(role, model.files.name, runtime, size, problem=first_line(error))
    return ModelTime(role, model.files.name, runtime, size, load, median(spent))


def _megabytes(files: "ModelFiles") -> float:
    return round(size_of(files.folder) / 2**20, 1)
