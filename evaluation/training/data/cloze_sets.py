"""Training sets of cloze questions, made from documents without questions."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from evaluation.datasets.beir import read_corpus
from evaluation.datasets.schema import Dataset, Gold, JudgedQuestion, SourceDocument
from evaluation.datasets.squad import load_squad
from evaluation.datasets.squad_forms import is_squad_file
from evaluation.question_making.candidates import Candidate, blocks_of, spread
from rag.config import data_folder
from rag.errors import DatasetError, SourceError


def make_datasets(paths: Sequence[Path], n: int, *, seed: int) -> tuple[Dataset, ...]:
    """Return a data set of cloze questions for each path.

    Args:
        paths: Files and folders that `rag index` reads, files in SQuAD's format (whose questions
            are ignored), or BEIR folders.
        n: Maximum number of questions of all paths together, shared out among them.
        seed: Random seed of the selection.

    Raises:
        DatasetError: If a path cannot be read, or none of its sentences yields a question.
    """
    found: list[Dataset] = []
    for number, path in enumerate(paths):
        left = n - sum(len(each.questions) for each in found)
        found.append(_make(path, left // (len(paths) - number), seed))
    return tuple(found)


def _make(path: Path, n: int, seed: int) -> Dataset:
    documents = read_documents(path)
    texts = {each.document_id: each.text for each in documents}
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    blocks = [
        block
        for each in documents
        for block in blocks_of(each.document_id, each.document_id, each.title, each.text)
    ]
    chosen = spread(blocks, draw)[:n]
    if not chosen:
        raise DatasetError(
            f"--cloze: `{path}` has no sentence with a number, a date, a name or a definition in "
            "English or Chinese, so no question can be made from it."
        )
    questions = tuple(
        _question(number, each, texts[each.block.document_id].index(each.block.context))
        for number, each in enumerate(chosen)
    )
    named = {each.block.document_id for each in chosen}
    kept = tuple(each for each in documents if each.document_id in named)
    return Dataset(f"cloze of {path.stem}", path, "spans", questions, kept, synthetic=True)


def _question(number: int, made: Candidate, start: int) -> JudgedQuestion:
    name = made.block.document_id
    gold = Gold(name, start + made.start, start + made.end)
    return JudgedQuestion(
        question_id=f"cloze-{number}",
        question=made.question,
        answers=(made.answer,),
        evidence=((gold,),),
        cluster=name,
        home=name,
    )


def read_documents(path: Path) -> tuple[SourceDocument, ...]:
    """Return the documents of a file or folder; unreadable parts are left out.

    Raises:
        DatasetError: If there is none.
    """
    if (path / "corpus.jsonl").is_file():
        return tuple(read_corpus(path / "corpus.jsonl"))
    if path.is_file() and is_squad_file(path):
        return load_squad(path, repair=True).documents
    found = tuple(_converted(path))
    if not found:
        raise DatasetError(f"--cloze: `{path}` holds no document that can be read.")
    return found


def _converted(path: Path) -> Iterator[SourceDocument]:
    """Yield documents as `rag index` reads them."""
    from indexing.converters import ConversionError, Converter
    from indexing.plan import FileSearch, make_plan

    try:
        plan = make_plan(FileSearch([path], leave_out=data_folder()), [])
    except SourceError as error:
        raise DatasetError(f"--cloze: {error}") from None
    with Converter() as converter:
        for file in plan.new:
            try:
                found = converter.convert(file.path).documents
            except ConversionError:
                continue  # one bad file of many
            for each in found:
                suffix = f"#{each.key}" if each.key else ""
                yield SourceDocument(file.source + suffix, each.title, each.text)
