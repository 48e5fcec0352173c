"""The `rag` command: one place that names every subcommand."""

from importlib.metadata import version as version_of
from typing import Annotated

import typer

from evaluation.cli import evaluate
from evaluation.speed.cli import benchmark
from evaluation.training.cli import train
from indexing.cli import index
from indexing.collections_cli import collections
from rag.console import run_command, set_up_logging, show
from rag.files import settle_temporary_folder
from ui.commands.doctor import config, doctor
from ui.commands.models import models
from ui.commands.page import ui
from ui.commands.questions import ask, chat, search
from ui.commands.servers import mcp, serve

app = typer.Typer(
    help="Answer questions over your own documents, and prove where each answer comes from.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(index)
app.command()(search)
app.command()(ask)
app.command()(chat)
app.command()(ui)
app.add_typer(collections, name="collections")
app.add_typer(evaluate, name="evaluate")
app.add_typer(train, name="train")
app.add_typer(models, name="models")
app.command()(benchmark)
app.command()(serve)
app.command()(mcp)
app.command()(config)
app.command()(doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        show(f"citewell {version_of('citewell')}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version"),
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Say more on stderr.")] = False,
) -> None:
    """Set up what all commands share."""
    set_up_logging(verbose=verbose)


def main() -> None:
    """Run the command line."""
    settle_temporary_folder()
    run_command(app)
