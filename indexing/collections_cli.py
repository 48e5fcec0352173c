"""The commands `rag collections ...`."""

import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from indexing.cli import ConfigOption, JsonOption, progress_bar
from indexing.file_lists import failure_json, show_bounded, split_failures
from rag.collections import (
    collection_exists,
    delete_collection,
    list_collections,
    open_store,
    place_of,
)
from rag.config import Config, load_config
from rag.console import print_json, say, show
from rag.errors import StoreError
from rag.models.default_models import AUTO

collections = typer.Typer(no_args_is_help=True, help="List, show, check and delete collections.")


@collections.command("list")
def list_all(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the collections."""
    settings = load_config(config)
    rows, damaged = [], []
    for name in list_collections(settings):
        try:
            rows.append(_row(name, settings))
        except StoreError as error:
            damaged.append(str(error))
    if as_json:
        print_json({"collections": rows})
    else:
        for row in rows:
            show(
                f"{row['collection']}: {row['documents']} documents, {row['passages']} passages, "
                f"{row['failed']} failed, generation {row['generation']}"
            )
    for problem in damaged:
        say(f"Error: {problem}")
    if damaged:
        raise typer.Exit(1)
    if not rows and not as_json:
        say(f"There is no collection in {place_of(settings)} yet. Make one with: rag index PATH")


def _row(name: str, settings: Config) -> dict[str, Any]:
    store = open_store(name, settings)
    try:
        return {
            "collection": name,
            "generation": store.generation,
            "documents": len(list(store.documents())),
            "passages": store.count_documents(),
            "failed": len(split_failures(store)[0]),
        }
    finally:
        store.close()


@collections.command("show")
def show_one(name: str, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what a collection holds, how it was made, what failed and what was left out."""
    store = open_store(name, load_config(config))
    manifest, documents = store.manifest, list(store.documents())
    failed, empty, left_out = split_failures(store)
    failures = [failure_json(failure) for failure in failed]
    shown: dict[str, Any] = {
        "collection": name,
        "generation": store.generation,
        "manifest": asdict(manifest) if manifest else {},
        "counts": {
            "documents": len(documents),
            "passages": store.count_documents(),
            "failed": len(failures),
        },
        "documents": [
            {
                "document_id": info.document_id,
                "source": info.source,
                "title": info.title,
                "sha256": info.sha256,
                "passages": info.passages,
            }
            for info in documents
        ],
        "failures": failures,
        "empty": [failure_json(each) for each in empty],
        "left_out": [failure_json(each) for each in left_out],
    }
    store.close()
    if as_json:
        print_json(shown)
        return
    show(f"{name}, generation {shown['generation']}: {shown['counts']}")
    for key, value in shown["manifest"].items():
        show(f"  {key}: {value}")
    for info in documents:
        show(f"{info.document_id}  {info.passages:5d} passages  {info.source}  {info.title}")
    for failure in failures:
        show(f"failed: {failure['source']}: {failure['reason']}")
    show_bounded("empty", empty)
    show_bounded("left out", left_out)


@collections.command("delete")
def delete(
    name: str,
    config: ConfigOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete a collection; the documents it was made from stay where they are."""
    settings = load_config(config)
    if not collection_exists(name, settings):  # a damaged collection need not open to be deleted
        open_store(name, settings).close()
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Delete the collection `{name}`?", abort=True, err=True)
    delete_collection(name, settings)
    if as_json:
        print_json({"collection": name, "deleted": True})
    else:
        show(f"Deleted the collection `{name}`.")


@collections.command("check")
def check(name: str, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check that a collection is sound, and that every passage is what its document says."""
    store = open_store(name, load_config(config))
    problems = store.check()
    store.close()
    if as_json:
        print_json({"collection": name, "sound": not problems, "problems": problems})
    else:
        show("\n".join(problems) or f"The collection `{name}` is sound.")
    if problems:
        raise typer.Exit(1)


@collections.command("rebuild")
def rebuild(name: str, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Rebuild a collection's indexes from what it stores; nothing is embedded again."""
    store = open_store(name, load_config(config))
    store.rebuild()
    generation = store.generation
    store.close()
    if as_json:
        print_json({"collection": name, "generation": generation, "rebuilt": True})
    else:
        show(f"Rebuilt the indexes of `{name}`, generation {generation}.")


@collections.command("reembed")
def reembed(
    name: str,
    embedder: Annotated[
        str | None,
        typer.Option("--embedder", help="Another model; by default the configured one."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a collection the vectors of another embedder, from the passages that it stores.

    Readers see the old vectors until all new ones are there. If it is stopped, run it again.
    """
    from indexing.reembedding import reembed_collection, reembedded_line

    settings = load_config(config)
    with progress_bar() as progress:
        done = reembed_collection(
            name, settings, model=embedder, told=lambda part, all_: progress(part, all_, "passages")
        )
    if as_json:
        print_json(asdict(done))
    else:
        show(
            f"Embedded {done.passages} passages of `{name}` with `{done.embedder}`, generation "
            f"{done.generation}."
        )
    line = reembedded_line(done)
    if line:
        say(line)
    if settings.embedder.model not in {AUTO, done.embedder} and not as_json:
        say(f"Next: set `embedder.model: {done.embedder}` in the configuration.")
