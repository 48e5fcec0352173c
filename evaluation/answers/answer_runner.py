"""Every question of an answer set asked of every system, resumable.

An answer is on disk before the next question is asked, and without its verdict: verdicts are given
afterwards, so that they follow the set and the rules as they are. A run that is started again asks
only what is new; changed code or settings are another run.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from evaluation.answers.answer_set import AnswerQuestion, AnswerSet
from evaluation.answers.corpora import CorpusEngines, code_sha256
from evaluation.answers.given_answers import AnswerMade, QuotedPlace
from evaluation.run.corpus import Progress
from evaluation.run.journal import RunJournal, open_journal
from evaluation.run.systems import System
from rag.errors import RagError
from rag.schema import Answer

if TYPE_CHECKING:
    from rag.engine import RAG
    from rag.stores.contract import Store

AROUND = 160  # characters of the document before and behind a quote


@dataclass(frozen=True)
class AskOptions:
    """Options of a run.

    Attributes:
        collection: Existing collection to ask, or None for the files of the set's corpora.
        indexing: Called while documents are indexed.
        asking: Called after each question.
        noting: Called with every file that cannot be indexed, and why.
    """

    collection: str | None
    indexing: Progress
    asking: Progress
    noting: Callable[[str], None]


def run_identity(answers: AnswerSet, systems: Sequence[System], collection: str | None) -> Any:  # noqa: ANN401 - any JSON
    """Return what an answer depends on besides its question, JSON-ready."""
    return {
        "kind": "answers",
        "set": answers.name,
        "data": str(answers.data),
        "collection": collection,
        "systems": {each.name: each.config.model_dump(mode="json") for each in systems},
        "code": [code_sha256("rag"), code_sha256("indexing")],
    }


def ask_all(
    answers: AnswerSet, systems: Sequence[System], folder: Path, options: AskOptions
) -> dict[str, dict[str, AnswerMade]]:
    """Return system -> question id -> answer; those in the folder's journal are not asked again.

    Args:
        answers: The questions.
        systems: Systems to ask, at least one.
        folder: Folder of the run.
        options: Options of the run.

    Raises:
        DatasetError: If the folder holds another run, or cannot be written.
        RagError: If documents cannot be indexed or a model cannot be loaded.
    """
    made: dict[str, dict[str, AnswerMade]] = {each.name: {} for each in systems}
    run = run_identity(answers, systems, options.collection)
    names = list(dict.fromkeys(each.corpus for each in answers.questions))
    with ExitStack() as stack:
        journal = stack.enter_context(open_journal(folder, run))
        engines = CorpusEngines(stack, options.indexing, options.noting)
        total, done = len(answers.questions) * len(systems), 0
        for name in [""] if options.collection else names:
            questions = answers.questions if options.collection else answers.of_corpus(name)
            for system in systems:
                open_engine = _opener(engines, system, answers, name, options.collection)
                for each in _asked(system.name, questions, journal, open_engine):
                    made[system.name][each.question_id] = each
                    done += 1
                    options.asking(done, total, "questions")
    return made


def _opener(
    engines: CorpusEngines, system: System, answers: AnswerSet, name: str, collection: str | None
) -> "Callable[[], RAG]":
    if collection is not None:
        return lambda: engines.of_collection(system, collection)
    return lambda: engines.of_files(system, name, answers.corpora[name])


def _asked(
    system: str,
    questions: Sequence[AnswerQuestion],
    journal: RunJournal,
    open_engine: "Callable[[], RAG]",
) -> "Any":  # noqa: ANN401
    """Yield the answers; the engine is opened and warmed up at the first that is missing."""
    engine: RAG | None = None
    for question in questions:
        key = (system, f"{question.question_id} {question.asked}")
        if key not in journal.found:
            if engine is None:
                engine = open_engine()
                engine.warm_up()
            journal.append(*key, {"made": asdict(_ask(question, engine))})
        yield TypeAdapter(AnswerMade).validate_python(journal.found[key]["made"])


def _ask(question: AnswerQuestion, engine: "RAG") -> AnswerMade:
    try:
        answer = engine.ask(question.question)
        return _made(question, answer, engine.store)
    except (RagError, RuntimeError, ValueError) as error:
        return AnswerMade(question.question_id, error=f"{type(error).__name__}: {error}")


def _made(question: AnswerQuestion, answer: Answer, store: "Store") -> AnswerMade:
    texts: Mapping[str, str] = {
        each.document_id: store.text_of(each.document_id) for each in answer.citations
    }
    return AnswerMade(
        question_id=question.question_id,
        answer=answer.answer,
        short=answer.short,
        abstained=answer.abstained,
        reason=answer.reason,
        confidence=answer.confidence,
        citations=tuple(
            QuotedPlace(
                source=each.source,
                heading=each.heading or "",
                quote=each.quote,
                wording=each.wording,
                before=texts[each.document_id][max(0, each.start - AROUND) : each.start],
                behind=texts[each.document_id][each.end : each.end + AROUND],
            )
            for each in answer.citations
        ),
        passages=tuple(each.view.text for each in answer.passages),
        ms=answer.trace.total_ms,
    )
