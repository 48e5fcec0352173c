"""Drafting of an answer: quote the evidence, let the generator write, or abstain."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from haystack.dataclasses import ChatMessage

from rag.answers.citations import CitedText, tie
from rag.answers.composition import compose
from rag.answers.generators import Generator
from rag.answers.prompts import abstain_sentence, render_answer
from rag.clock import Stopwatch
from rag.config import Config
from rag.errors import ModelError
from rag.language.analysis import language_of
from rag.reading.choice import UnitChoice, listed_terms
from rag.schema import Passage, Stage

FAILED = "the generator failed, quoted from the passages"  # followed by a colon and the reason

_NAMES = {"en": "English", "zh": "Chinese", "ja": "Japanese", "ko": "Korean", "ru": "Russian"}


class Timer:
    """Budget of seconds that starts at construction; None never ends."""

    def __init__(self, budget: float | None) -> None:
        self._start = time.monotonic()
        self.deadline = None if budget is None else self._start + budget

    @property
    def ms(self) -> float:
        """Milliseconds since the start."""
        return (time.monotonic() - self._start) * 1000

    @property
    def is_over(self) -> bool:
        """Whether the budget is used up."""
        return self.deadline is not None and time.monotonic() >= self.deadline


@dataclass(frozen=True)
class DraftInputs:
    """Question, passages and choices of units from which an answer is made.

    Attributes:
        question: The question as it was asked.
        passages: The passages found, best first.
        choices: For each question in it, at least one, the units that may be quoted.
        nearest: The passages that are shown if there is no answer.
    """

    question: str
    passages: Sequence[Passage]
    choices: Sequence[UnitChoice]
    nearest: Sequence[Passage] = ()


@dataclass
class Draft:
    """An answer before trace, collection and generation are added."""

    cited: CitedText = field(default_factory=CitedText)
    abstained: bool = False
    reason: str | None = None
    confidence: float = 0.0
    missing: tuple[str, ...] = ()
    stages: list[Stage] = field(default_factory=list)


def draft(
    drafts: DraftInputs,
    config: Config,
    generator: Generator | None,
    *,
    timer: Timer,
    on_token: Callable[[str], None] | None,
    stop: threading.Event | None,
) -> Draft:
    """Return the answer: written by the generator if there is one and time, else quoted.

    The draft abstains if the evidence is too weak.
    """
    needed = config.abstention.threshold
    weak = {id(each): _weakness(drafts, each, needed) for each in drafts.choices}
    strong = [each for each in drafts.choices if weak[id(each)] is None]
    made = Draft(confidence=min((each.probability for each in strong), default=0.0))
    if not strong:
        first = drafts.choices[0]
        made.abstained, made.reason, made.confidence = True, weak[id(first)], first.probability
        made.missing = first.missing
        return made
    if generator is not None and not timer.is_over:
        _write(drafts, generator, made, timer=timer, on_token=on_token, stop=stop)
        if made.abstained or made.cited.text:
            return made
    elif generator is not None:
        made.reason = "the budget was used up before the generator: quoted from the passages"
    watch = Stopwatch()
    for each in strong:
        units = each.candidates or each.refused
        compose(each.question, units, config.reader.characters, made.cited)
    kinds = ", ".join(each.question.kind for each in strong)
    made.stages.append(watch.stage("quote", count=made.cited.sentences, note=kinds))
    left = [f"`{c.question.text}` is left out: {weak[id(c)]}" for c in drafts.choices
            if weak[id(c)]]  # fmt: skip
    notes = [made.reason, made.cited.reservation, *left]
    made.reason = "; ".join(note for note in notes if note) or None
    return made


def _weakness(drafts: DraftInputs, choice: UnitChoice, needed: float) -> str | None:
    """Return why there is too little to answer a question; None if there is enough."""
    listed = "; the nearest passages are listed"
    if not drafts.passages:
        low = "no passage found is relevant enough to this question (`retrieval.min_relevance`)"
        return f"{low}{listed}" if drafts.nearest else "nothing was found for this question"
    if not needed and choice.refused:
        return None  # whatever comes nearest is wanted
    if choice.refusal:
        return f"{choice.refusal}{listed}"
    if not choice.candidates:
        return "the passages found hold no sentence that could answer"
    if choice.probability < needed:
        said = f"the best answer is right with probability {choice.probability:.2f}"
        lost = f"; no document has {listed_terms(choice.missing)}" if choice.missing else ""
        return f"{said}, and {needed:.2f} is asked for (`abstention.precision`){lost}{listed}"
    return None


def _write(
    drafts: DraftInputs,
    generator: Generator,
    made: Draft,
    *,
    timer: Timer,
    on_token: Callable[[str], None] | None,
    stop: threading.Event | None,
) -> None:
    """Let the generator write into `made`; on failure add a note and leave it without text."""
    watch = Stopwatch()
    language = _NAMES.get(language_of(drafts.question), "the language of the question")
    labels = [(_label(passage), passage.view.text) for passage in drafts.passages]
    roles = {"system": ChatMessage.from_system, "user": ChatMessage.from_user}
    messages = [
        roles[message["role"]](message["content"])
        for message in render_answer(drafts.question, labels, language)
    ]
    generator.warm_up()  # a model that cannot be loaded is an error, not a lesser answer
    try:
        reply = generator.run(
            messages, streaming_callback=on_token, stop=stop, deadline=timer.deadline
        )
    except ModelError as error:
        made.stages.append(watch.stage("generate", note=f"failed: {error}"))
        made.reason = f"{FAILED}: {error}"
        return
    text = reply["text"].strip()
    made.stages.append(watch.stage("generate", note=reply["finish_reason"]))
    if not text:
        made.reason = f"the generator wrote nothing ({reply['finish_reason']}): quoted instead"
    elif text.strip(" .。\"'").startswith(abstain_sentence(language).strip(" .。")):
        made.abstained, made.reason = True, "the generator found no answer in the passages"
    else:
        _tie(text, drafts, made, reply["finish_reason"])


def _tie(text: str, drafts: DraftInputs, made: Draft, finish_reason: str) -> None:
    watch = Stopwatch()
    cited = tie(text, drafts.passages)
    made.stages.append(watch.stage("cite", count=len(cited.citations)))
    if not cited.citations:
        made.abstained = True
        made.reason = "no sentence of the written answer is supported by the passages"
        return
    made.cited = cited
    made.confidence *= 1 - cited.unsupported / max(cited.sentences, 1)
    notes = []
    if cited.unsupported:
        notes.append(f"{cited.unsupported} of {cited.sentences} sentences unsupported, marked [?]")
    if cited.unknown:
        notes.append(f"cited passages that do not exist: {cited.unknown}")
    if finish_reason != "stop":
        notes.append(f"the answer ends early: {finish_reason}")
    made.reason = "; ".join(notes) or None


def _label(passage: Passage) -> str:
    pages = passage.pages
    if not pages:
        return passage.source
    shown = f"page {pages[0]}" if len(pages) == 1 else f"pages {pages[0]}-{pages[-1]}"
    return f"{passage.source}, {shown}"
