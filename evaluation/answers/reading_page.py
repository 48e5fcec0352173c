"""`answers.html` and `answers.md`: every answer with its verdict and reasons, to be read by eye."""

from collections.abc import Mapping, Sequence

from evaluation.answers.answer_set import QUESTION_TYPES
from evaluation.answers.tables import (
    PARTS,
    AnswerComparison,
    JudgedAnswer,
    answer_groups,
    median_ms,
    share_of,
)
from evaluation.answers.verdict import DECLINED_RIGHTLY, RIGHT_AND_READABLE
from evaluation.report import numbers
from evaluation.report.layout import Block, Cell, Code, Line, Page, ReportSection, Table
from evaluation.report.words import Words, joined, say

Judged = Mapping[str, Sequence[JudgedAnswer]]


def build_reading_page(name: str, judged: Judged, comparisons: Sequence[AnswerComparison]) -> Page:
    """Return the page of a run.

    Args:
        name: Name of the answer set.
        judged: System -> its answers with their verdicts, in the order of the questions.
        comparisons: Return value of `compare_answers`.
    """
    first = next(iter(judged.values()))
    parts: list[tuple[Words, tuple[Block, ...]]] = [(say("reading.scores"), _scores(judged))]
    if comparisons:
        parts.append((say("reading.compared"), (_compared(comparisons),)))
    for kind in QUESTION_TYPES:
        places = [place for place, each in enumerate(first) if each.question.type == kind]
        if places:
            blocks = [block for place in places for block in _question(judged, place)]
            parts.append((say("reading.type", type=kind, n=len(places)), tuple(blocks)))
    about = say("reading.about", questions=numbers.count(len(first)), systems=joined([*judged]))
    sections = tuple(
        ReportSection(number, title, blocks)
        for number, (title, blocks) in enumerate(parts, start=1)
    )
    return Page(say("reading.title"), name, about, sections)


def _scores(judged: Judged) -> tuple[Block, ...]:
    return tuple(_score_table(name, those) for name, those in judged.items())


def _score_table(name: str, those: Sequence[JudgedAnswer]) -> Table:
    rows = []
    for group in answer_groups(those):
        cells = [Cell(group.type), Cell(group.language), _number(group.n[0])]
        for score in (RIGHT_AND_READABLE, *PARTS, DECLINED_RIGHTLY):
            mean = group.means.get(score)
            under = (numbers.interval(mean.low, mean.high),) if mean else ()
            cells.append(Cell(share_of(mean), under=under, sort=mean.value if mean else -1))
        rows.append((*cells, _number(group.n[1])))
    return Table(
        caption=say("reading.table", system=name, ms=numbers.milliseconds(median_ms(those))),
        columns=(
            say("reading.of_type"), say("reading.language"), "n", RIGHT_AND_READABLE, *PARTS,
            DECLINED_RIGHTLY, say("reading.without"),
        ),
        rows=tuple(rows),
        note=say("reading.note"),
    )  # fmt: skip


def _number(value: int) -> Cell:
    return Cell(numbers.count(value), sort=value)


def _compared(comparisons: Sequence[AnswerComparison]) -> Table:
    return Table(
        caption=say("reading.pairs"),
        columns=(say("compare.metric"), say("compare.pair"), say("compare.difference"), "p", "n"),
        rows=tuple(
            (
                Cell(each.score),
                Cell(f"{each.a} - {each.b}"),
                Cell(
                    numbers.signed(each.values[0] - each.values[1]),
                    under=(numbers.interval(*each.interval, sign=True),),
                ),
                Cell(numbers.p_value(each.p)),
                _number(each.n),
            )
            for each in comparisons
        ),
    )


def _question(judged: Judged, place: int) -> list[Block]:
    """Return a question with the answers of all systems."""
    question = next(iter(judged.values()))[place].question
    wanted = [" / ".join(group) for group in question.needed]
    needs = say("reading.needed", groups=" + ".join(wanted)) if wanted else say("reading.none")
    blocks: list[Block] = [
        Line(f"{question.question_id} ({question.language}): {question.question}", "heading"),
        Line(needs, "note"),
    ]
    for name, those in judged.items():
        blocks += _answer(name, those[place])
    return blocks


def _answer(name: str, each: JudgedAnswer) -> list[Block]:
    made, verdict = each.made, each.verdict
    key = "right" if verdict.right else "wrong"
    lines = [made.short, ""] if made.short else []
    lines += (made.answer or made.reason or made.error or "").splitlines()
    said = tuple(line for line in lines if line is not None)
    caption = say(f"reading.{'declined' if made.abstained else 'said'}", system=name)
    sources = [f"[{n}] {place.source}" for n, place in enumerate(made.citations, start=1)]
    told = say(f"reading.{key}", reasons="; ".join(verdict.reasons))
    blocks: list[Block] = [
        Code(caption, said),
        Line(told, "plain" if verdict.right else "warning"),
    ]
    return [*blocks, Line("; ".join(sources), "note")] if sources else blocks
