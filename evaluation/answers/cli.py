"""The command `rag evaluate answers`."""

from pathlib import Path
from typing import Annotated

import typer

from rag.config import load_config
from rag.config.paths import expanded
from rag.console import print_json, say, show

FORM = """
Every line of SET is a question, its type, and what a right answer must hold:

{"id": "q1", "corpus": "manual", "type": "fact", "question": "How long is the cable?",
"needed": [["2 m", "two metres"]], "source": "cable.md", "place": "The cable is 2 m long."}

`needed` lists groups, of which a right answer holds one alternative each; a question that the
documents do not answer has `"answerable": false` instead. Types: fact, definition, how-to, why,
comparison, list, table, yes-no, keywords. `corpora.json` beside SET names the files of each
corpus: {"manual": ["docs/cable.md", "docs/plug.md"]}. With --collection, SET needs neither.
"""


SetArgument = Annotated[
    Path,
    typer.Argument(metavar="SET", help="Questions (.jsonl).", show_default=False, parser=expanded),
]
SystemsOption = Annotated[
    str | None,
    typer.Option(
        "--systems", help="Methods, or a YAML file of named overrides; by default as configured."
    ),
]
CorporaOption = Annotated[
    Path | None,
    typer.Option(
        "--corpora",
        help="Files of each corpus; by default corpora.json beside SET.",
        parser=expanded,
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder that these files are relative to; by default that of corpora.json.",
        parser=expanded,
    ),
]
CollectionInstead = Annotated[
    str | None, typer.Option("--collection", help="Ask this collection instead.")
]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Folder for the results; by default a new one under $RAG_HOME.",
        parser=expanded,
    ),
]
SettingsOption = Annotated[
    Path | None,
    typer.Option(
        "--config", help="Configuration file (YAML).", show_default=False, parser=expanded
    ),
]


def answers(
    path: SetArgument,
    *,
    systems: SystemsOption = None,
    corpora: CorporaOption = None,
    data: DataOption = None,
    collection: CollectionInstead = None,
    out: FolderOption = None,
    config: SettingsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Judge answers over questions by type: right, readable, cited, or declined rightly."""
    from evaluation.answers.answer_runner import AskOptions
    from evaluation.answers.answer_set import load_answer_set
    from evaluation.answers.run import evaluate_answers, folder_of_run
    from evaluation.launch import watched
    from evaluation.run.systems import System, resolve_systems

    settings = load_config(config)
    chosen = [System("configured", {}, settings)]
    if systems is not None:
        chosen = resolve_systems(systems, settings)
    found = load_answer_set(path, corpora=corpora, data=data, collection=collection is not None)
    folder = out or folder_of_run(found, chosen, collection)
    noted: list[str] = []
    with watched("indexing") as indexing, watched(found.name) as asking:
        options = AskOptions(collection, indexing, asking, noted.append)
        run = evaluate_answers(found, chosen, folder, options)
    for note in dict.fromkeys(noted):
        say(note)
    if as_json:
        print_json({**run.to_dict(), "out": str(folder)})
    else:
        show("\n".join(run.lines()))
        show(f"Results: {folder}, to be read in {folder / 'answers.html'}")
