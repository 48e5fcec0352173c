"""The commands `rag search`, `rag ask` and `rag chat`."""

import sys
from typing import Annotated, Any

import typer

from indexing.cli import ConfigOption, JsonOption
from rag.collections import open_engine
from rag.config import Config, Method, load_config
from rag.console import print_json, printable, say, show
from rag.errors import QuestionError
from rag.schema import (
    Answer,
    Citation,
    Passage,
    SearchOptions,
    SearchResult,
    Stage,
    Turn,
    to_json,
)

SNIPPET = 300  # characters of a passage shown in a list
TOLD = (
    "filter",
    "bm25",
    "dense",
    "relevance",
    "left out",
)  # steps whose notes tell what is missing from an answer
REMEMBERED = 10  # exchanges kept of a conversation

QuestionArgument = Annotated[
    str, typer.Argument(help="The question; `-` reads it from stdin.", show_default=False)
]
CollectionsOption = Annotated[
    list[str],
    typer.Option(
        "--collection", help="Collection to ask; may be repeated, and `all` asks all there are."
    ),
]
MethodOption = Annotated[
    str | None, typer.Option("--method", help="bm25, dense or hybrid.", show_default=False)
]
TopKOption = Annotated[
    int | None, typer.Option("--top-k", help="Most passages.", show_default=False)
]
FilterOption = Annotated[
    str | None,
    typer.Option(
        "--filter",
        help='Only passages that match, as in: format == "pdf" and "Unit Price" > 20.',
        show_default=False,
    ),
]
MinRelevanceOption = Annotated[
    float | None,
    typer.Option(
        "--min-relevance",
        help="Leave out passages less likely than this to bear on the question, from 0 to 1.",
        show_default=False,
        min=0.0,
        max=1.0,
    ),
]
KindOption = Annotated[
    str | None,
    typer.Option(
        "--kind",
        help="Type of the question, if its form misleads: fact, definition, how-to, why, "
        "comparison, list, table, yes-no or keywords.",
        show_default=False,
    ),
]
RankOption = Annotated[
    bool | None,
    typer.Option("--rank/--no-rank", help="Have the ranker put passages in order, or not."),
]


def search(  # noqa: PLR0913 - a command's options
    question: QuestionArgument,
    *,
    collection: CollectionsOption = ["default"],  # noqa: B006 - typer copies it
    method: MethodOption = None,
    top_k: TopKOption = None,
    filter_: FilterOption = None,
    rank: RankOption = None,
    min_relevance: MinRelevanceOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the passages for a question."""
    settings, method = _settings(config, method)
    question = _read(question, settings)
    wanted = _filter(filter_)
    needs_embedder = (method or settings.retrieval.method) != "bm25"
    rag = open_engine(collection, settings, embedder=needs_embedder, generator=False)
    result = rag.search(question, SearchOptions(method, top_k, wanted, rank, min_relevance))
    if as_json:
        print_json(to_json(result))
    else:
        _show_results(result)


def ask(  # noqa: PLR0913 - a command's options
    question: QuestionArgument,
    *,
    collection: CollectionsOption = ["default"],  # noqa: B006 - typer copies it
    method: MethodOption = None,
    top_k: TopKOption = None,
    filter_: FilterOption = None,
    budget: Annotated[
        float | None,
        typer.Option("--budget", help="Seconds; steps are left out if it runs short.", min=0.0),
    ] = None,
    rank: RankOption = None,
    min_relevance: MinRelevanceOption = None,
    kind: KindOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the documents, with citations."""
    settings, method = _settings(config, method)
    question = _read(question, settings)
    wanted = _filter(filter_)
    rag = open_engine(collection, settings)
    streams = None if as_json or not sys.stderr.isatty() else _stream
    options = SearchOptions(method, top_k, wanted, rank, min_relevance, kind)
    answer = rag.ask(question, options, budget=budget, on_token=streams)
    if as_json:
        print_json(to_json(answer))
    else:
        _end_stream(answer, streamed=streams is not None)
        _show_answer(answer)


def chat(
    *,
    collection: CollectionsOption = ["default"],  # noqa: B006 - typer copies it
    filter_: FilterOption = None,
    min_relevance: MinRelevanceOption = None,
    config: ConfigOption = None,
) -> None:
    """Hold a conversation about the documents; an empty line or Ctrl-D ends it."""
    settings = load_config(config)
    options = SearchOptions(filters=_filter(filter_), min_relevance=min_relevance)
    rag = open_engine(collection, settings)
    rag.check_filter(options.filters)
    rag.warm_up()
    names = ", ".join(f"`{name}`" for name in rag.collection.split(", "))
    say(f"Ask about {names}. An empty line ends the conversation.")
    history: list[Turn] = []
    while question := _next_question():
        try:
            answer = rag.ask(question, options=options, history=history[-REMEMBERED:])
        except QuestionError as error:
            say(f"Error: {error}")
            continue
        _show_answer(answer)
        show("")
        history.append(Turn(question, answer.answer))


def _settings(path: Any, method: str | None) -> tuple[Config, Method | None]:  # noqa: ANN401
    """Return the configuration, and the method after validation."""
    if method not in (None, "bm25", "dense", "hybrid"):
        raise QuestionError(f"--method: expected bm25, dense or hybrid (got {method})")
    return load_config(path), method  # type: ignore[return-value]


def _filter(expression: str | None) -> dict[str, Any] | None:
    """Return the typed filter; None if there is none."""
    from rag.stores.filters import parse_filter

    return None if expression is None else parse_filter(expression)


def _read(question: str, settings: Config) -> str:
    """Return the question, from stdin if it is `-`, read only to just above the limit."""
    if question == "-":
        limit = 4 * (settings.retrieval.max_question + 1)  # bytes of a character, at most
        question = sys.stdin.buffer.read(limit).decode("utf-8", "replace").strip()
    question = question.encode("utf-8", "replace").decode()  # an argument may hold any bytes
    if not question.strip():
        raise QuestionError("the question is empty. Ask something, for example: rag ask 'Why?'")
    return question


def _next_question() -> str:
    prompt = "> " if sys.stdin.isatty() else ""
    try:
        return input(prompt).strip().encode("utf-8", "replace").decode()
    except EOFError:
        return ""
    except UnicodeDecodeError:
        raise QuestionError("the question is not UTF-8 text.") from None


def _show_results(result: SearchResult) -> None:
    if not result.results:
        say("Nothing was found.")
    for passage in result.results:
        where = _place(passage, result.collection)
        show(f"{passage.rank}. {where}{_copies(passage)}  {_stages(passage)}")
        show(f"   {_shorten(passage.view.text)}\n")
    stages = ", ".join(f"{_step(stage)} {stage.ms:.1f} ms" for stage in result.trace.stages)
    say(f"{stages}; {result.trace.total_ms:.1f} ms in all.")
    for stage in result.trace.stages:
        if stage.note:
            say(_told(stage))


def _show_answer(answer: Answer) -> None:
    for stage in answer.trace.stages:
        if stage.note and stage.name in TOLD:  # read otherwise, or a part is away
            say(_told(stage))
    if answer.abstained:
        show(f"No answer: {answer.reason}.")
        for passage in answer.passages[:3]:
            where = _place(passage, answer.collection)
            show(f"  near: {where}{_copies(passage)}: {_shorten(passage.view.text)[:120]}")
        return
    if answer.short:
        show(f"{answer.short}\n")
    show(answer.answer)
    show("")
    for citation in answer.citations:
        show(f"[{citation.n}] {_place(citation, answer.collection)}")
        show(f'    "{_shorten(citation.shown)}"')
    if answer.reason:
        say(f"Note: {answer.reason}.")


def _told(stage: Stage) -> str:
    """Return a step's note after its name; a note that is a sentence says all."""
    return str(stage.note) if stage.name == "left out" else f"{_step(stage)}: {stage.note}"


def _step(stage: Stage) -> str:
    return f"{stage.name} of `{stage.collection}`" if stage.collection else stage.name


def _place(where: Passage | Citation, asked: str) -> str:
    """Return source, page and heading, after the collection if several were asked."""
    collection = "" if where.collection == asked else f"{where.collection}: "
    page = f", page {where.page}" if where.page else ""
    heading = f", {where.heading}" if where.heading else ""
    return f"{collection}{where.source}{page}{heading}"


def _copies(passage: Passage) -> str:
    """Return how many other passages read the same, in words."""
    number = passage.copies
    return f" (and {number} {'copy' if number == 1 else 'copies'})" if number else ""


def _stages(passage: Passage) -> str:
    scores = [f"{name} #{at.rank} {at.score:.3f}" for name, at in passage.stages.items()]
    if passage.relevance is not None:
        scores.append(f"relevance {passage.relevance:.3f}")
    return f"({'; '.join(scores)})"


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SNIPPET else line[: SNIPPET - 3] + "..."


def _stream(text: str) -> None:
    sys.stderr.write(printable(text))
    sys.stderr.flush()


def _end_stream(answer: Answer, *, streamed: bool) -> None:
    if streamed and any(stage.name == "generate" for stage in answer.trace.stages):
        sys.stderr.write("\n\n")
