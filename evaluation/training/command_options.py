"""The options of `rag train reader|ranker|embedder`, each spelled out once.

A frozen class holds what a command is told: a field is an option, with the flag, the help and the
limits that its annotation gives, and with its default. A field whose type is such a class itself
stands for that class's options. `takes` gives a command its options from a class.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from evaluation.cli import DatasetsArgument, JsonOption, RepairOption, SeedOption
from evaluation.training.promotion.cli import CollectionsOption
from rag.config.paths import expanded

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Options = TypeVar("Options", bound="DataclassInstance")

BASE = "all-MiniLM-L6-v2"
RATE, EMBEDDER_RATE = 1.5e-4, 3e-5
MADE = 2000  # questions from documents

RateOption = Annotated[
    float, typer.Option("--learning-rate", help="The highest of the training.", min=1e-7, max=1)
]
PromoteOption = Annotated[
    bool,
    typer.Option("--promote", help="Use it instead of the model in use, if it is really better."),
]


@dataclass(frozen=True)
class SharedOptions:
    """Options of every training."""

    datasets: DatasetsArgument
    base: Annotated[
        str, typer.Option("--base", help="Model to begin from: a folder, package or hub name.")
    ] = BASE
    epochs: Annotated[
        float, typer.Option("--epochs", help="Times that everything is seen.", min=0.01)
    ] = 2.0
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Folder of the new model; by default under $RAG_HOME.", parser=expanded
        ),
    ] = None
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")] = "auto"
    budget: Annotated[
        float | None,
        typer.Option("--budget", help="Minutes; the training is planned to end by then.", min=0.01),
    ] = None
    seed: SeedOption = 0
    held_out: Annotated[
        list[Path] | None,
        typer.Option(
            "--held-out",
            help="A set to be measured on: its questions are not trained on.",
            parser=expanded,
        ),
    ] = None
    negatives: Annotated[
        float,
        typer.Option("--negatives", help="Texts that do not answer, for each question.", min=0),
    ] = 2.0
    mine: Annotated[
        str,
        typer.Option("--mine", help="Who looks for texts that do not answer: bm25, dense or both."),
    ] = "bm25"
    cloze: Annotated[
        list[Path] | None,
        typer.Option(
            "--cloze", help="Documents; questions are made from their sentences.", parser=expanded
        ),
    ] = None
    cloze_questions: Annotated[
        int, typer.Option("--cloze-questions", help="Most questions made from documents.", min=1)
    ] = MADE


@dataclass(frozen=True)
class PairOptions:
    """Options of the training of a reader or a ranker, which read a question with a text."""

    shared: SharedOptions
    learning_rate: RateOption = RATE
    dropout: Annotated[
        float,
        typer.Option(
            "--dropout",
            help="Share of values left out, so that less is learnt by heart.",
            min=0,
            max=0.5,
        ),
    ] = 0.0
    masked: Annotated[
        float,
        typer.Option(
            "--masked",
            help="Share of words hidden, so that less is learnt by heart.",
            min=0,
            max=0.5,
        ),
    ] = 0.0
    window: Annotated[
        int | None,
        typer.Option("--window", help="Tokens read at once; 256, or the base's.", min=32),
    ] = None
    repair: RepairOption = False
    promote: PromoteOption = False
    as_json: JsonOption = False


@dataclass(frozen=True)
class EmbedderOptions:
    """Options of the training of an embedder."""

    shared: SharedOptions
    teacher: Annotated[
        str | None,
        typer.Option(
            "--teacher", help="A ranker that the embedder learns from: a folder or hub name."
        ),
    ] = None
    learning_rate: RateOption = EMBEDDER_RATE
    repair: RepairOption = False
    promote: PromoteOption = False
    collection: CollectionsOption = None
    as_json: JsonOption = False


def takes(
    options: type[Options], **defaults: object
) -> Callable[[Callable[[Options], None]], Callable[..., None]]:
    """Return what makes a command of a function: it takes the options of a class.

    Args:
        options: A dataclass; the function is called with one of it.
        **defaults: Of this command, where they are not those of the class.
    """
    parameters = [
        each.replace(default=defaults.get(each.name, each.default)) for each in _parameters(options)
    ]

    def command_of(body: Callable[[Options], None]) -> Callable[..., None]:
        def command(**values: object) -> None:
            body(_built(options, values))

        command.__name__, command.__doc__ = body.__name__, body.__doc__
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        return command

    return command_of


def _parameters(options: "type[DataclassInstance]") -> Iterator[inspect.Parameter]:
    """Yield the options of a class in the order of its fields."""
    for field in fields(options):
        group = _group(field)
        if group:
            yield from _parameters(group)
            continue
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=field.type,
        )


def _built(options: type[Options], values: dict[str, object]) -> Options:
    """Return a class's options with the values that a command was given."""
    told: dict[str, Any] = {}
    for field in fields(options):
        group = _group(field)
        told[field.name] = _built(group, values) if group else values[field.name]
    return options(**told)


def _group(field: "Field[Any]") -> "type[DataclassInstance] | None":
    """Return the class that a field stands for, if it is no option itself."""
    return field.type if isinstance(field.type, type) and is_dataclass(field.type) else None
