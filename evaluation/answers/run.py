"""`rag evaluate answers` without its command line: asked, judged, written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.answers.answer_runner import AskOptions, ask_all, run_identity
from evaluation.answers.answer_set import AnswerSet
from evaluation.answers.reading_page import build_reading_page
from evaluation.answers.tables import (
    AnswerComparison,
    JudgedAnswer,
    answer_groups,
    compare_answers,
    compared_lines,
    group_lines,
    judge_all,
    median_ms,
)
from evaluation.datasets.schema import sha256_of
from evaluation.run.run_files import json_text, write_file
from evaluation.run.systems import System
from rag.config import data_folder

ANSWERS = "answers.jsonl"
MEANS = "means.json"


@dataclass(frozen=True)
class AnswerRun:
    """A finished run: system -> its judged answers, and the comparisons of systems."""

    name: str
    judged: Mapping[str, Sequence[JudgedAnswer]]
    comparisons: Sequence[AnswerComparison]

    def to_dict(self) -> dict[str, Any]:
        """Return the means and comparisons, JSON-ready."""
        return {
            "set": self.name,
            "systems": {
                name: {
                    "groups": [asdict(group) for group in answer_groups(those)],
                    "p50 ms": round(median_ms(those), 1),
                }
                for name, those in self.judged.items()
            },
            "comparisons": [asdict(each) for each in self.comparisons],
        }

    def lines(self) -> list[str]:
        """Return the tables of the systems and of their comparisons."""
        found = []
        for name, those in self.judged.items():
            found += [*group_lines(name, those), ""]
        return [*found, *compared_lines(self.comparisons), ""] if self.comparisons else found


def folder_of_run(answers: AnswerSet, systems: Sequence[System], collection: str | None) -> Path:
    """Return the folder of a run that was given none: one below the data folder, by its hash."""
    key = sha256_of([run_identity(answers, systems, collection), str(answers.path.resolve())])
    return data_folder() / "runs" / f"answers-{answers.name}-{key[:8]}"


def evaluate_answers(
    answers: AnswerSet, systems: Sequence[System], folder: Path, options: AskOptions
) -> AnswerRun:
    """Ask all questions of all systems, judge the answers, and write the files of the run.

    `answers.jsonl` holds every answer with its verdict, `means.json` the means, `answers.html` and
    `answers.md` are for reading.

    Raises:
        RagError: See `ask_all`.
    """
    made = ask_all(answers, systems, folder, options)
    judged = {name: judge_all(answers.questions, found) for name, found in made.items()}
    run = AnswerRun(answers.name, judged, compare_answers(judged))
    lines = [
        json.dumps({"system": name, **_row(each)}, ensure_ascii=False) + "\n"
        for name, those in judged.items()
        for each in those
    ]
    write_file(folder / ANSWERS, "".join(lines))
    write_file(folder / MEANS, json_text(run.to_dict()))
    _write_page(run, folder)
    return run


def _row(each: JudgedAnswer) -> dict[str, Any]:
    question, made, verdict = each.question, asdict(each.made), each.verdict
    del made["question_id"], made["passages"]
    citations = made.pop("citations")
    cited = [{name: one[name] for name in ("source", "heading", "quote")} for one in citations]
    return {
        "id": question.question_id,
        "corpus": question.corpus,
        "language": question.language,
        "type": question.type,
        "question": question.question,
        "answerable": question.answerable,
        "right": verdict.right,
        "scores": dict(verdict.scores),
        "reasons": list(verdict.reasons),
        **made,
        "citations": cited,
    }


def _write_page(run: AnswerRun, folder: Path) -> None:
    from evaluation.report.rendering.html import render_html  # jinja2 is heavy
    from evaluation.report.rendering.markdown import render_markdown

    page = build_reading_page(run.name, run.judged, run.comparisons)
    write_file(folder / "answers.html", render_html(page))
    write_file(folder / "answers.md", render_markdown(page))
