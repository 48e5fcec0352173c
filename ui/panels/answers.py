"""One exchange of a conversation: the question, and the answer as far as it has come.

An answer always draws the same elements in the same order, whether it is waiting, being written or
done: so the browser keeps its elements, and with them open, focused and targeted ones. The output
depends on nothing but the exchange itself.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from rag.config import Config
from rag.schema import Answer, Stage
from ui.render import (
    answer_anchor,
    blocks_markdown,
    citation_anchors,
    citation_cards,
    element,
    nearest_cards,
    passage_anchors,
    passage_cards,
    plain,
    quoted_markdown,
    safe_markdown,
    seconds,
    steps_table,
)
from ui.services import Services
from ui.services.conversations import OPEN, Exchange
from ui.services.jobs import Snapshot
from ui.words import Say

WAIT = 0.25  # maximum seconds between two checks for clicks
PAINT = 0.08  # minimum seconds between two repaints
CURSOR = " ▍"
NOTHING = "\u200b"  # Streamlit removes an element without text


@dataclass
class AnswerSlots:
    """Placeholders of an answer on the page, and their current contents."""

    exchange: Exchange
    status: DeltaGenerator
    text: DeltaGenerator
    sources: DeltaGenerator
    passages: DeltaGenerator
    version: int = 0

    @property
    def is_open(self) -> bool:
        """Whether the answer is unfinished."""
        return self.exchange.state in OPEN


@dataclass(frozen=True)
class Reader:
    """The visitor of a conversation, with language and collection."""

    services: Services
    owner: str
    say: Say
    collection: str

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.services.config


def draw_exchange(reader: Reader, exchange: Exchange) -> AnswerSlots:
    """Draw a question and its answer, and return the answer's placeholders."""
    now = _as_it_is(reader, exchange)
    question = element("h2", now.question, class_="cw-question", dir="auto")
    st.html(element("div", question, class_="cw-asked"))
    with st.container(key=f"answer_{now.id}", gap="xsmall"):
        slots = AnswerSlots(
            now,
            st.html(status_line(reader, now)),
            st.markdown(answer_markdown(reader, now)),
            st.html(source_list(reader, now)),
            st.html(passage_list(reader, now)),
        )
        st.html(step_list(reader, now))
    return slots


def follow(reader: Reader, running: Sequence[AnswerSlots]) -> None:
    """Repaint answers until they are done, and then rerun the page.

    A page calls it last. A click anywhere ends this loop, never the answer; Streamlit checks for
    clicks whenever something is drawn, so the status is drawn even if nothing changed.
    """
    while True:
        ended = False
        for slots in running:
            timeout = WAIT / len(running)
            snapshot = reader.services.answers.wait(
                reader.owner, slots.exchange.id, slots.version, timeout
            )
            _paint(reader, slots, snapshot)
            ended = ended or not snapshot.is_open
        if ended:
            st.rerun()
        time.sleep(PAINT)


def status_line(reader: Reader, exchange: Exchange) -> str:
    """Return the progress line of an answer; screen readers speak its changes."""
    text = _status(reader, exchange)
    kind = "open" if exchange.state in OPEN else exchange.state
    return element(
        "p",
        text,
        class_=f"cw-status cw-{kind}",
        role="status",
        id=answer_anchor(exchange.id),
        tabindex="-1",
    )


def answer_markdown(reader: Reader, exchange: Exchange) -> str:
    """Return the answer's text with links to its sources, or the reason why there is none."""
    answer, shown = exchange.answer, _text(exchange)
    if exchange.state in OPEN:
        return f"{shown}{CURSOR}" if shown else NOTHING
    if exchange.state == "done" and answer is not None and answer.abstained:
        return _abstention(reader, answer)
    if exchange.error:
        note = plain(exchange.error)
    elif answer is None or answer.abstained:
        note = plain(reader.say("answer.unchecked")) if shown else ""
    else:
        note = plain(_remark(reader, answer))
    return (
        "\n\n".join(part for part in (shown, f":small[{note}]" if note else "") if part) or NOTHING
    )


def source_list(reader: Reader, exchange: Exchange) -> str:
    """Return the cards of an answer's citations, or of the nearest passages without an answer."""
    answer = exchange.answer
    if answer is None or (answer.abstained and exchange.state != "done"):
        return element("div")
    if answer.abstained:
        return nearest_cards(
            exchange.question, answer.passages, collection=answer.collection, say=reader.say
        )
    return citation_cards(exchange.id, answer, reader.say)


def passage_list(reader: Reader, exchange: Exchange) -> str:
    """Return the collapsed list of the passages behind an answer."""
    collection = exchange.answer.collection if exchange.answer else reader.collection
    return passage_cards(
        exchange.id, exchange.question, exchange.passages, collection=collection, say=reader.say
    )


def step_list(reader: Reader, exchange: Exchange) -> str:
    """Return the collapsed steps of a finished answer."""
    if exchange.answer is None:
        return element("div")
    trace, failed = exchange.answer.trace, reader.say("answer.model_failed")
    stages = [replace(each, note=failed) if _has_failed(each) else each for each in trace.stages]
    return steps_table(stages, trace.total_ms, reader.say)


def _remark(reader: Reader, answer: Answer) -> str:
    """Return the remark on an answer, without the location of models."""
    if any(_has_failed(stage) for stage in answer.trace.stages):
        return reader.say("answer.model_failed")
    return answer.reason or ""


def _has_failed(stage: Stage) -> bool:
    return stage.name == "generate" and (stage.note or "").startswith("failed")


def _as_it_is(reader: Reader, exchange: Exchange) -> Exchange:
    """Return the current state of an exchange."""
    if exchange.state not in OPEN:
        return exchange
    return _merge(exchange, reader.services.answers.snapshot(reader.owner, exchange.id))


def _merge(exchange: Exchange, snapshot: Snapshot) -> Exchange:
    return replace(
        exchange,
        state=snapshot.state,
        text=snapshot.text,
        passages=snapshot.passages,
        answer=snapshot.answer,
        error=snapshot.error,
    )


def _paint(reader: Reader, slots: AnswerSlots, snapshot: Snapshot) -> None:
    before, now = slots.exchange, _merge(slots.exchange, snapshot)
    slots.exchange, slots.version = now, snapshot.version
    slots.status.html(status_line(reader, now))
    if before.passages != now.passages:
        slots.passages.html(passage_list(reader, now))
    if before.text != now.text:
        slots.text.markdown(answer_markdown(reader, now))


def _status(reader: Reader, exchange: Exchange) -> str:
    say, answer = reader.say, exchange.answer
    if exchange.state in OPEN:
        if exchange.text:
            return say("answer.writing")
        if exchange.passages:
            return say("answer.reading", count=len(exchange.passages))
        return say("answer.searching" if exchange.state == "running" else "answer.waiting")
    if answer is None or exchange.state != "done":
        return say(f"answer.{exchange.state}")
    if answer.abstained:
        return say("answer.abstained")
    count = len(answer.citations)
    places = say("answer.one_source") if count == 1 else say("answer.some_sources", count=count)
    done = say("answer.done", sources=places, seconds=seconds(answer.trace.total_ms))
    return f"{done} · {say('answer.confidence', percent=round(100 * answer.confidence))}"


def _text(exchange: Exchange) -> str:
    answer = exchange.answer
    if answer is None or answer.abstained:
        return safe_markdown(exchange.text, passage_anchors(exchange.id, exchange.passages))
    anchors = citation_anchors(exchange.id, answer.citations)
    if answer.blocks:
        return blocks_markdown(answer.blocks, anchors)
    if any(stage.name == "quote" for stage in answer.trace.stages):  # by an older version
        quotes = {citation.n: citation.shown for citation in answer.citations}
        return quoted_markdown(exchange.text, quotes, anchors)
    return safe_markdown(exchange.text, anchors)


def _abstention(reader: Reader, answer: Answer) -> str:
    """Return the reason of an abstention, in the visitor's language."""
    say, needed = reader.say, reader.config.abstention.threshold
    if not answer.passages:
        why = say("abstain.nothing", collection=answer.collection)
    elif any(stage.name == "generate" for stage in answer.trace.stages):
        why = say("abstain.model")
    elif answer.missing:
        why = say("abstain.missing", terms=", ".join(f"“{each}”" for each in answer.missing))
    elif answer.confidence == 0:
        why = say("abstain.lacking")
    else:
        why = say(
            "abstain.weak", confidence=round(100 * answer.confidence), needed=round(100 * needed)
        )
    return f"**{plain(say('abstain.lead'))}** {plain(why)}"
