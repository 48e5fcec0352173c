"""Composition of a quoted answer from units, by the type of the question.

A fact is the sentence that holds it, a procedure the whole run of its steps, a list all its items
with what introduces them, a value of a table its row below the names of the columns. Every part is
quoted, never rewritten, and cited at its own place.
"""

import math
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

from rag.answers.citations import CitedText
from rag.answers.comparison import compared_units
from rag.answers.disagreement import disagreement
from rag.language.markup import whole_quotes, without_markup
from rag.language.question_rules import QuestionType
from rag.language.sentences import behind_bullet
from rag.reading.evidence import on_one_line
from rag.reading.surroundings import Surroundings
from rag.reading.unit_choice import AskedQuestion, UnitCandidate
from rag.schema import AnswerBlock, AnswerLine, BlockKind
from rag.view import Span

SECOND: Final = 0.3  # least odds of a second unit, against the first
SHARE: Final = 0.8  # least probability of its span, as a share of the first one's, for facts
FURTHEST: Final = 4.0  # difference of scores beyond which nothing is looked at
SIDES: Final = 3  # size of a comparison, as a multiple of that of other answers
FEW_ROWS: Final = 3  # of a table; more are cited as one
WHOLE: Final = 12  # a list with more parts is cited as one
# Least probability of the exact words, by the types that have any, to stand above the answer.
LEAST_SHORT: Final[dict[QuestionType, float]] = {"fact": 0.1, "table": 0.4}
_KINDS: Final[dict[str, BlockKind]] = {
    "item": "list", "list": "list", "steps": "steps", "row": "table", "table": "table",
    "code": "code",
}  # fmt: skip
_QUOTE = re.compile(r"^>\s*")  # of a block quote in Markdown
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uff00-\uffef，。、；：？！”’）】》]$")


@dataclass(frozen=True)
class _Part:
    """A part of a unit: its readable lines, and its span in the document."""

    text: str
    span: Span


def compose(
    question: AskedQuestion,
    candidates: Sequence[UnitCandidate],
    characters: int,
    cited: CitedText | None = None,
) -> CitedText:
    """Return an answer made of the best units, each part with its citation.

    Args:
        question: The question.
        candidates: Units, best first.
        characters: Size up to which a further unit is quoted; the first is quoted whole.
        cited: The answer to the question before, which this one is added to.
    """
    cited = CitedText() if cited is None else cited
    chosen = []
    if len(question.sides) > 1:
        chosen = compared_units(question, candidates, SIDES * characters)
    chosen = chosen or _chosen(candidates, characters, question.kind)
    shown = {each.quote for each in cited.citations}  # for the question before
    chosen = [each for each in chosen if not _stand_in(each, shown)]
    cited.sentences += len(chosen)
    first = {id(each.surroundings): place for place, each in reversed(list(enumerate(chosen)))}
    for each in sorted(chosen, key=lambda c: (first[id(c.surroundings)], c.unit.start)):
        cited.blocks.append(_block(each, cited))
    cited.text = "\n\n".join(map(block_text, cited.blocks))
    if question.kind == "fact" and cited.reservation is None:
        cited.reservation = disagreement(chosen)
    if chosen and not cited.short and _is_sure(chosen[0], question.kind):
        cited.short = _short(chosen[0])
    return cited


def _stand_in(candidate: UnitCandidate, quotes: Container[str]) -> bool:
    """Return whether every part of a unit is one of some quotes."""
    around, unit = candidate.surroundings, candidate.unit
    parts = unit.parts[unit.lead :]
    if _KINDS.get(unit.kind) is None:
        return around.quote(*around.to_document(unit.start, unit.end)) in quotes
    return all(around.quote(*around.to_document(*part)) in quotes for part in parts)


def _is_sure(candidate: UnitCandidate, kind: QuestionType) -> bool:
    """Return whether the exact words are likely enough to stand alone above the answer."""
    least = LEAST_SHORT.get(kind)
    return least is not None and candidate.best is not None and candidate.best.score >= least


def _short(candidate: UnitCandidate) -> str | None:
    """Return the exact words that a unit holds, on one line; None if only sentences are known."""
    exact = _exact_words(candidate)
    if exact is None or candidate.best is None:
        return None
    words = candidate.best.short or candidate.surroundings.quote(*exact)
    return whole_quotes(without_markup(on_one_line(words)))


def _exact_words(candidate: UnitCandidate) -> Span | None:
    """Return the span in the document of the words to which the best evidence points."""
    around, best = candidate.surroundings, candidate.best
    if best is None or best.span is None:
        return None
    holder = next(p for p in around.passages if p.passage_id == best.passage_id)
    return holder.start + best.span[0], holder.start + best.span[1]


def block_text(block: AnswerBlock) -> str:
    """Return a block as text with markers, its lines kept.

    Nothing stands behind a row of a table or the fence of code: their markers follow on a line.
    """
    lines, marks = [], ""
    for line in block.lines:
        mark = "" if line.citation is None else f"[{line.citation}]"
        if block.kind == "table" or line.text.rstrip().endswith(("```", "~~~")):
            marks, mark = marks + mark, ""
        lines.append(f"{line.text} {mark}".rstrip())
    return "\n".join([*lines, marks] if marks else lines)


def _chosen(
    candidates: Sequence[UnitCandidate], characters: int, kind: QuestionType
) -> list[UnitCandidate]:
    chosen: list[UnitCandidate] = []
    texts: list[str] = []
    size = 0
    for each in candidates:
        text = on_one_line(each.unit.text(each.surroundings))
        if chosen:
            if len(chosen) == 2 or each.score < chosen[0].score - FURTHEST:
                break
            if not _rivals(each, chosen[0], kind):
                continue
            if size + len(text) > characters or any(
                text in other or other in text or each.overlaps(one)
                for other, one in zip(texts, chosen, strict=True)
            ):
                continue
        chosen.append(each)
        texts.append(text)
        size += len(text)
    return chosen


def _rivals(each: UnitCandidate, first: UnitCandidate, kind: QuestionType) -> bool:
    """Return whether a unit is nearly as good as the first.

    For facts the spans decide: the reader's second is often the right one.
    """
    if kind in LEAST_SHORT and each.best is not None and first.best is not None:
        return each.best.score >= SHARE * first.best.score
    return math.exp(each.score - first.score) >= SECOND


def _block(candidate: UnitCandidate, cited: CitedText) -> AnswerBlock:
    around, unit = candidate.surroundings, candidate.unit
    kind = _KINDS.get(unit.kind, "text")
    if kind == "text":
        return AnswerBlock("text", (_prose(candidate, cited),))
    parts = [_part(around, part, kind) for part in unit.parts]
    if kind == "table":
        return _table(candidate, parts, cited)
    whole = kind == "code" or len(parts) > WHOLE
    lines = []
    number = None
    if whole:
        number = _cite(candidate, (parts[0].span[0], parts[-1].span[1]), cited)
    for place, part in enumerate(parts):
        if not whole:
            number = _cite(candidate, part.span, cited)
        last = place == len(parts) - 1 if kind != "code" else place == max(unit.lead - 1, 0)
        lines.append(AnswerLine(part.text, number if not whole or last else None))
    return AnswerBlock(kind, tuple(lines), unit.lead)


def _prose(candidate: UnitCandidate, cited: CitedText) -> AnswerLine:
    """Return consecutive sentences as one line with one citation."""
    around, unit = candidate.surroundings, candidate.unit
    text = ""
    for start, end in unit.parts:
        words = around.view.text[behind_bullet(around.view.text, start, end) : end]
        sentence = without_markup(on_one_line(_QUOTE.sub("", words)))
        text += sentence if not text or _WIDE.search(text) else f" {sentence}"
    span = around.to_document(unit.start, unit.end)
    return AnswerLine(text, _cite(candidate, span, cited, text))


def _part(around: Surroundings, part: Span, kind: BlockKind) -> _Part:
    text = around.view.text[part[0] : part[1]]
    if kind != "code" and "```" not in text and "~~~" not in text:
        lines = [without_markup(line).rstrip() for line in text.split("\n")]
        text = "\n".join(line for line in lines if line.strip())
    elif not text.lstrip().startswith(("```", "~~~")):
        first, _, rest = text.partition("\n")
        text = without_markup(first) + (f"\n{rest}" if rest else "")
    span = around.line_in_document(*part) if kind == "table" else around.to_document(*part)
    return _Part(text, span)


def _table(candidate: UnitCandidate, parts: Sequence[_Part], cited: CitedText) -> AnswerBlock:
    """Return rows of a table below its header, as they stand in the text."""
    unit, around = candidate.unit, candidate.surroundings
    whole = len(parts) - unit.lead > FEW_ROWS
    lines = []
    for place, part in enumerate(parts):
        row = around.quote(*part.span).strip()
        is_pipe = row.startswith("|") and row.endswith("|") and "\n" not in row
        shown = without_markup(row) if is_pipe else on_one_line(part.text)
        if place < unit.lead:
            width = row.count("|") - row.count("\\|") - 1
            lines += [AnswerLine(shown, None), AnswerLine("|" + " --- |" * width, None)]
            continue
        number = None
        if not whole:
            number = _cite(candidate, part.span, cited, on_one_line(part.text))
        elif place == len(parts) - 1:
            number = _cite(candidate, (parts[unit.lead].span[0], part.span[1]), cited)
        lines.append(AnswerLine(shown, number))
    return AnswerBlock("table", tuple(lines), 2 * unit.lead)


def _cite(candidate: UnitCandidate, span: Span, cited: CitedText, wording: str = "") -> int | None:
    """Return the number of a span's citation; None for words that the text has elsewhere."""
    if span[0] >= span[1]:
        return None
    around, answer = candidate.surroundings, _exact_words(candidate)
    passage = around.passage_at(span[0])
    if answer is not None and not (span[0] <= answer[0] and answer[1] <= span[1]):
        answer = None
    quote = around.quote(*span)
    shown = wording or without_markup(on_one_line(around.view.text[slice(*around.to_view(*span))]))
    return cited.cite_span(passage, span, quote, answer, shown)
