"""Format detection: the loader that fits a file or folder."""

from pathlib import Path

from evaluation.datasets.articles import load_articles
from evaluation.datasets.beir import load_beir
from evaluation.datasets.jsonl import load_jsonl
from evaluation.datasets.schema import Dataset, check_questions
from evaluation.datasets.squad import load_squad
from evaluation.datasets.squad_forms import are_lines, has_squad_rows
from evaluation.datasets.subjqa import is_subjqa, load_subjqa
from rag.errors import DatasetError

FORMS = (
    "a SQuAD file (.json), lines of questions (.jsonl), a BEIR folder (corpus.jsonl, "
    "queries.jsonl, qrels), a SubjQA folder (CSV), or articles with questions*.jsonl"
)


def load_dataset(path: Path, *, repair: bool = False) -> Dataset:
    """Return the data set in a file or folder, validated.

    Args:
        path: See the package's docstring for the formats. `qrels/dev.tsv` of a BEIR folder selects
            the queries of that split.
        repair: Move gold answers that are not at their offset (SQuAD's format only).

    Raises:
        DatasetError: If the path does not exist, its format is unknown, or the set is empty or
            malformed.
    """
    dataset = _load(path, repair=repair)
    check_questions(dataset.questions, path)
    return dataset


def _load(path: Path, *, repair: bool) -> Dataset:
    if not path.exists():
        raise DatasetError(f"there is no data set `{path}`. Give {FORMS}.")
    if path.suffix in (".json", ".jsonl"):
        is_lines = path.suffix == ".jsonl" or are_lines(path)
        if is_lines and not has_squad_rows(path):
            return load_jsonl(path)
        return load_squad(path, repair=repair)
    if path.suffix == ".tsv" and path.parent.name == "qrels":
        return load_beir(path.parent.parent, split=path.stem)
    if (path / "corpus.jsonl").is_file() and (path / "queries.jsonl").is_file():
        return load_beir(path)
    if (path / "articles").is_dir():
        return load_articles(path)
    if is_subjqa(path):
        return load_subjqa(path)
    raise DatasetError(f"`{path}` is no data set that is known. Give {FORMS}.")
