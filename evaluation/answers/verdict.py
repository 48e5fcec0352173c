"""The verdict on one answer: contains what is needed, readable, cited, declined rightly."""

from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.answers.answer_set import AnswerQuestion
from evaluation.answers.given_answers import AnswerMade
from evaluation.answers.needed_words import holds, missing_groups, overlap, without_markers
from evaluation.answers.readability import ShownAnswer, unreadable

RIGHT_AND_READABLE = "right and readable"
DECLINED_RIGHTLY, DECLINED_WRONGLY = "declined rightly", "declined wrongly"
IN_PASSAGES = "in passages"


@dataclass(frozen=True)
class AnswerVerdict:
    """The verdict on one answer.

    Attributes:
        right: For a question with an answer: contained, readable and cited; else: abstained.
        scores: Score -> 0 or 1; those that do not apply are missing. `contains`, `in passages`
            (the passages found hold all that is needed) and `declined wrongly` apply to questions
            with an answer, `readable` and `cited` to those of them that were answered,
            `declined rightly` to the others.
        reasons: What speaks against the answer.
    """

    right: bool
    scores: Mapping[str, float]
    reasons: tuple[str, ...]


def judge_answer(question: AnswerQuestion, made: AnswerMade) -> AnswerVerdict:
    """Return the verdict on an answer; an error counts as wrong."""
    if made.error is not None:
        scores = (
            {RIGHT_AND_READABLE: 0.0, "contains": 0.0}
            if question.answerable
            else {DECLINED_RIGHTLY: 0.0}
        )
        return AnswerVerdict(False, scores, (f"error: {made.error}",))
    if not question.answerable:
        reasons = () if made.abstained else ("answers what the documents do not",)
        return AnswerVerdict(made.abstained, {DECLINED_RIGHTLY: float(made.abstained)}, reasons)
    in_passages = not missing_groups("\n".join(made.passages), question.needed)
    scores = {DECLINED_WRONGLY: float(made.abstained), IN_PASSAGES: float(in_passages)}
    if made.abstained:
        reasons = (f"declined: {made.reason}",)
        return AnswerVerdict(False, {RIGHT_AND_READABLE: 0.0, "contains": 0.0, **scores}, reasons)
    wrong, faults = _wrong(question, made), _faults(question, made)
    cited = is_cited(question, made)
    right = not wrong and not faults and cited
    reasons = (*wrong, *faults, *(() if cited else ("cited at another place",)))
    scores = {
        RIGHT_AND_READABLE: float(right),
        "contains": float(not wrong),
        "readable": float(not faults),
        "cited": float(cited),
        **scores,
    }
    return AnswerVerdict(right, scores, reasons)


def is_cited(question: AnswerQuestion, made: AnswerMade) -> bool:
    """Return whether a citation overlaps the place of the answer, or quotes needed words."""
    alternatives = [each for group in question.needed for each in group]
    for citation in made.citations:
        texts = (citation.quote, citation.wording)
        at = any(_same_file(each, citation.source) for each in question.sources)
        if at and question.place and any(overlap(text, question.place) for text in texts):
            return True
        if any(holds(text, each) for text in texts for each in alternatives):
            return True
    return False


def _wrong(question: AnswerQuestion, made: AnswerMade) -> list[str]:
    text = without_markers(made.answer)
    missing = [f"lacks: {each}" for each in missing_groups(text, question.needed)]
    whole = f"{made.short or ''}\n{text}"
    return missing + [f"says: {each}" for each in question.unwanted if holds(whole, each)]


def _faults(question: AnswerQuestion, made: AnswerMade) -> list[str]:
    shown = ShownAnswer(made.answer, made.short, question.type, question.needed, made.citations)
    return unreadable(shown)


def _same_file(wanted: str, source: str) -> bool:
    """Return whether a source is the wanted file, given by the end of its path."""
    name = wanted.partition("#")[0].replace("\\", "/").strip("/")
    path = source.partition("#")[0].replace("\\", "/")
    return path == name or path.endswith(f"/{name}")
