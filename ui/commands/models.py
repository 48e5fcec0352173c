"""The command `rag models`: models in the form in which they run without torch."""

from typing import Annotated

import typer

from indexing.cli import JsonOption
from rag.console import print_json, show

models = typer.Typer(no_args_is_help=True, help="Make models ready to run without torch.")


@models.callback()
def about() -> None:
    """Make models ready to run without torch."""


@models.command("export")
def export(
    name: Annotated[
        str, typer.Argument(help="A folder, a hub name, or the name of an installed model.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Write a model's ONNX graph, checked against torch; models of the package have theirs."""
    from rag.models.model_files import find_model
    from rag.models.onnx_export import export_graph
    from rag.models.onnx_graphs import graph_kind

    files = find_model(name, setting="NAME")
    kind = graph_kind(files)
    path = export_graph(files, kind)
    if as_json:
        print_json({"model": name, "kind": kind, "graph": str(path)})
        return
    show(f"`{name}` ({kind}) runs in ONNX Runtime now: {path}")
