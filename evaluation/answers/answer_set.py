"""Answer sets: questions by type, and what a right answer must contain.

One JSON object per line:

    {"id": "q1", "corpus": "manual", "language": "en", "type": "fact",
     "question": "How long is the cable?", "answerable": true,
     "needed": [["2 m", "two metres"]], "unwanted": ["3 m"],
     "source": "manual/cable.md", "place": "The cable is 2 m long."}

`needed` lists groups of alternatives: a right answer holds one of every group. A question with
`"answerable": false` has none, and may say `why`. `corpora.json` beside the file says which files
each corpus consists of, relative to a data folder; without it, the questions go to one collection.
`docs/answer-sets.md` describes all fields.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from evaluation.answers.given_answers import QuestionType
from evaluation.answers.needed_words import plain
from evaluation.datasets.fields import check_fields, id_of, text_of, texts_of
from evaluation.datasets.lines import json_lines, read_json
from evaluation.datasets.schema import sha256_of
from rag.errors import DatasetError
from rag.language.analysis import language_of

FIELDS = (
    "id", "corpus", "language", "type", "question", "answerable", "needed", "unwanted", "source",
    "place", "also", "why", "note",
)  # fmt: skip
QUESTION_TYPES: tuple[str, ...] = get_args(QuestionType)
CORPORA = "corpora.json"


@dataclass(frozen=True)
class AnswerQuestion:
    """A question and what a right answer contains.

    Attributes:
        question_id: Id, unique in the set.
        corpus: Name of the corpus that it is asked of; empty for a set without corpora.
        language: Language of the question, such as `en` or `zh`.
        type: Kind of question.
        question: Text of the question.
        answerable: Whether the documents answer it.
        needed: Groups of alternatives; a right answer holds one of every group.
        unwanted: Texts that make an answer wrong.
        sources: Files that hold the answer, the first one at `place`; none if unknown.
        place: The words there that answer; empty if unknown.
        why: Why the documents do not answer it.
    """

    question_id: str
    corpus: str
    language: str
    type: QuestionType
    question: str
    answerable: bool
    needed: tuple[tuple[str, ...], ...]
    unwanted: tuple[str, ...]
    sources: tuple[str, ...]
    place: str
    why: str

    @property
    def asked(self) -> str:
        """Hash of what is asked, and of what; an answer is kept as long as it is the same."""
        return sha256_of([self.corpus, self.question])[:12]


@dataclass(frozen=True)
class AnswerSet:
    """Questions, and the files of each corpus; no corpora if one collection is asked."""

    name: str
    path: Path
    questions: tuple[AnswerQuestion, ...]
    corpora: Mapping[str, tuple[Path, ...]]
    data: Path

    def of_corpus(self, name: str) -> list[AnswerQuestion]:
        """Return the questions of a corpus, in order."""
        return [each for each in self.questions if each.corpus == name]


def load_answer_set(
    path: Path, *, corpora: Path | None = None, data: Path | None = None, collection: bool = False
) -> AnswerSet:
    """Return the answer set in a file.

    Args:
        path: The questions, JSON lines.
        corpora: File of the corpora; None takes `corpora.json` beside the questions.
        data: Folder that the files of the corpora are relative to; None is that of `corpora`.
        collection: Whether an existing collection is asked, so that corpora are of no interest.

    Raises:
        DatasetError: If a line is malformed, a corpus or file is missing, or there is no question;
            names file and line.
    """
    if not path.is_file():
        raise DatasetError(f"there is no answer set `{path}`: expected a file of JSON lines.")
    rows = list(json_lines(path))
    found = tuple(_question(row, where) for where, row in rows)
    if not found:
        raise DatasetError(f"`{path}` holds no question.")
    _check_ids(found, rows)
    if collection:
        return AnswerSet(path.stem, path, found, {}, path.parent)
    file = path.with_name(CORPORA) if corpora is None else corpora
    if not file.is_file():
        raise DatasetError(
            f"there is no `{file}`: say with --corpora which files the questions are about, or "
            "with --collection which collection they are asked of."
        )
    root = file.parent if data is None else data
    listed = read_json(file)
    if not isinstance(listed, dict):
        raise DatasetError(f"`{file}`: expected corpora with their files (got {listed!r:.60}).")
    wanted: dict[str, str] = {}
    for (where, _), each in zip(rows, found, strict=True):
        wanted.setdefault(each.corpus, where)
    made = {name: _files(name, listed, file, root, where) for name, where in wanted.items()}
    return AnswerSet(path.stem, path, found, made, root)


def _check_ids(
    questions: Sequence[AnswerQuestion], rows: Sequence[tuple[str, dict[str, Any]]]
) -> None:
    seen: set[str] = set()
    for (where, _), each in zip(rows, questions, strict=True):
        if each.question_id in seen:
            raise DatasetError(f"{where}: the id `{each.question_id}` came before.")
        seen.add(each.question_id)


def _question(row: dict[str, Any], where: str) -> AnswerQuestion:
    check_fields(row, FIELDS, where)
    kind = text_of(row, "type", where, blank=False)
    if kind not in QUESTION_TYPES:
        known = ", ".join(QUESTION_TYPES)
        raise DatasetError(f"{where}: `type`: expected one of {known} (got {kind!r:.40}).")
    answerable = row.get("answerable", True)
    if not isinstance(answerable, bool):
        raise DatasetError(f"{where}: `answerable` must be true or false (got {answerable!r:.40}).")
    needed = _needed(row.get("needed", []), where)
    if answerable and not needed:
        raise DatasetError(
            f"{where}: `needed` is empty, so any answer would be right. Say what it must contain, "
            'or `"answerable": false`.'
        )
    if needed and not answerable:
        raise DatasetError(f'{where}: `"answerable": false`, but `needed` is not empty.')
    question = text_of(row, "question", where, blank=False)
    return AnswerQuestion(
        question_id=id_of(row, ("id",), where, f"line-{where.rpartition(' ')[2]}"),
        corpus=_optional(row, "corpus", where),
        language=_optional(row, "language", where) or language_of(question),
        type=kind,  # type: ignore[arg-type]  # one of QUESTION_TYPES
        question=question,
        answerable=answerable,
        needed=needed,
        unwanted=texts_of(row, "unwanted", where),
        sources=(*texts_of(row, "source", where), *texts_of(row, "also", where)),
        place=_optional(row, "place", where),
        why=_optional(row, "why", where),
    )


def _needed(groups: Any, where: str) -> tuple[tuple[str, ...], ...]:  # noqa: ANN401 - any JSON
    if not isinstance(groups, list):
        raise DatasetError(f"{where}: `needed` must be a list of lists (got {groups!r:.60}).")
    for number, group in enumerate(groups, start=1):
        texts = isinstance(group, list) and all(isinstance(each, str) for each in group)
        if not texts:
            raise DatasetError(
                f"{where}: `needed`, group {number}: expected a list of texts (got {group!r:.60})."
            )
        if not group or not all(plain(each) for each in group):
            shown = json.dumps(group, ensure_ascii=False)
            raise DatasetError(
                f"{where}: `needed`, group {number} is empty or holds a blank alternative "
                f"(got {shown:.60}), so any answer would hold it."
            )
    return tuple(tuple(group) for group in groups)


def _optional(row: Mapping[str, Any], key: str, where: str) -> str:
    return "" if row.get(key) is None else text_of(row, key, where)


def _files(
    name: str, listed: Mapping[str, Any], file: Path, root: Path, where: str
) -> tuple[Path, ...]:
    """Return the files and folders of a corpus."""
    if not name:
        raise DatasetError(f"{where}: `corpus` is missing: one of {', '.join(listed)}.")
    if name not in listed:
        known = ", ".join(f"`{each}`" for each in listed) or "none"
        raise DatasetError(f"{where}: the corpus `{name}` is not in `{file}` (there: {known}).")
    entry = listed[name]
    paths = entry.get("files") if isinstance(entry, dict) else entry
    if not isinstance(paths, list) or not paths or not all(isinstance(p, str) for p in paths):
        raise DatasetError(f"`{file}`: {name}: expected a list of files (got {paths!r:.60}).")
    missing = [path for path in paths if not (root / path).exists()]
    if missing:
        raise DatasetError(
            f"`{file}`: {name}: there is no `{root / missing[0]}`. Say with --data where the "
            "files of the corpora are."
        )
    return tuple(root / path for path in paths)
