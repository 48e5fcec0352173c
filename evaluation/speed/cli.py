"""The command `rag benchmark`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evaluation.speed.tables import benchmark_lines
from rag.config import Config, load_config
from rag.config.paths import expanded
from rag.console import print_json, say, show
from rag.errors import CollectionError
from rag.models.default_models import AUTO, ModelRole, languages_of, model_for

if TYPE_CHECKING:
    from rag.engine import RAG


def benchmark(
    *,
    collection: Annotated[str, typer.Option("--collection", help="Collection to ask.")] = "default",
    questions: Annotated[
        Path | None,
        typer.Option(
            "--questions",
            help="A set of questions as for `rag evaluate`; by default about headings.",
            show_default=False,
            parser=expanded,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", help="Configuration file (YAML).", show_default=False, parser=expanded
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure start, questions, indexing, memory and models on this machine; takes minutes."""
    from rag.collections import open_rag

    rag = open_rag(collection, load_config(config), generator=False)
    asked = _questions(rag, questions)
    say(f"{len(asked)} questions; other work on this machine makes every number larger.")
    found = _measure(rag, asked, config)
    if as_json:
        print_json(found)
    else:
        for line in benchmark_lines(found):
            show(line)


def _measure(rag: "RAG", asked: list[str], config: Path | None) -> dict[str, Any]:
    """Return all measurements, as `rag benchmark --json` prints them."""
    from evaluation.speed import measurements
    from evaluation.speed.machine import memory_used, read_machine, size_of

    say("1 of 4: commands in new processes")
    commands = measurements.time_commands(rag.collection, asked[0], config)
    say("2 of 4: questions to warm models")
    stages = measurements.time_questions(rag, asked)
    memory = memory_used()
    say("3 of 4: indexing beside the bare embedder")
    texts = (rag.store.text_of(each.document_id) for each in rag.store.documents())
    embedder = rag.embedder
    indexing = embedder and measurements.time_indexing(texts, embedder, rag.config)
    say("4 of 4: models")
    passages = [each.text for each in rag.search(asked[0]).results]
    models = measurements.time_models(*_models(rag.config), passages or [asked[0]], asked[0])
    folder = getattr(rag.store, "folder", None)
    return {
        "machine": asdict(read_machine()),
        "collection": rag.collection,
        "commands": [asdict(each) for each in commands],
        "questions": [asdict(each) for each in stages],
        "indexing": asdict(indexing) if indexing else None,
        "memory_mb": dict(zip(("now", "most"), memory, strict=True)) if memory else None,
        "collection_mb": round(size_of(folder) / 2**20, 1) if folder else None,
        "models": [asdict(each) for each in models],
    }


def _questions(rag: "RAG", path: Path | None) -> list[str]:
    """Return the questions of a file, or some about headings of the collection."""
    from evaluation.speed.measurements import QUESTIONS, questions_about

    if path is None:
        found = questions_about(rag)
    else:
        from evaluation.datasets import load_dataset

        found = [each.question for each in load_dataset(path).questions[:QUESTIONS]]
    if not found:
        raise CollectionError(
            f"the documents of `{rag.collection}` have no titles and headings to ask about: give "
            "questions with --questions."
        )
    return found


def _models(settings: Config) -> tuple[list[str], list[str]]:
    """Return the names of the configured embedders, and of the readers and rankers of ours."""
    embedders = _named("embedder", settings.embedder.model)
    readers = _named("reader", settings.reader.model) if settings.reader.kind == "spans" else []
    return embedders, readers


def _named(role: ModelRole, name: str) -> list[str]:
    if name != AUTO:
        return [name]
    return [model for each in languages_of(role) if (model := model_for(role, each))]
