"""The reader alone: each question with its gold context, without any retrieval.

Writes the two files that the official SQuAD script takes: `predictions.json`, the best span of each
question, never empty, and `na_prob.json`, the probability that the context does not answer.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from haystack import Document

from evaluation.datasets import Question
from evaluation.metrics.answers import (
    PredictionScores,
    Version,
    cmrc_exact_match,
    cmrc_f1,
    evaluate_predictions,
    mlqa_f1,
)
from evaluation.outputs import json_text, write_file
from rag.collections import open_temporary
from rag.config import Config
from rag.embedders import Embedder, embedder_settings
from rag.errors import ConfigError
from rag.evidence import Evidence
from rag.rankers import read_text
from rag.readers import SentenceReader
from rag.roles import open_roles, serving
from rag.span_reader import SpanReader
from rag.text import language_of

READERS = ("sentences", "spans")
CHUNK = 128  # questions that a span reader reads together
Best = tuple[str, float]  # a span and the probability that it answers
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Reading:
    """What a reader made of some questions.

    Attributes:
        reader: Its name.
        predictions: Question id -> the best span of the context; never empty.
        na_probs: Question id -> probability that the context does not answer, from 0 to 1.
        scores: SQuAD's exact match and F1.
        chinese: CMRC's and MLQA's measures over the Chinese questions that have an answer, and
            their number; None if there is no such question.
    """

    reader: str
    predictions: dict[str, str]
    na_probs: dict[str, float]
    scores: PredictionScores
    chinese: dict[str, float] | None


def read_contexts(
    questions: Sequence[Question],
    config: Config,
    *,
    reader: str | None = None,
    progress: Progress = lambda done, total, name: None,
) -> Reading:
    """Return the best span of each question's own context, and the scores.

    Args:
        questions: With their contexts.
        config: The embedder, and the confidence under which a question counts as declined.
        reader: Name of the reader; None is the configured one.
        progress: Told about each question.

    Raises:
        ConfigError: If there is no such reader, or no model is configured for it.
        ModelError: If its model is missing.
    """
    reader = reader or config.reader.kind
    if reader not in READERS:
        known = ", ".join(READERS)
        raise ConfigError(f"--reader: there is no reader `{reader}`; expected one of: {known}")
    if reader == "spans":
        found = _by_spans(questions, config, progress)
    else:
        found = _by_sentences(questions, config, progress)
    predictions = {name: text for name, (text, _) in found.items()}
    na_probs = {name: 1 - chance for name, (_, chance) in found.items()}
    golds = {question.question_id: question.answers for question in questions}
    version: Version = "2.0" if any(not answers for answers in golds.values()) else "1.1"
    threshold = 1 - config.abstention.confidence if version == "2.0" else 1.0
    scores = evaluate_predictions(golds, predictions, na_probs, threshold, version=version)
    return Reading(reader, predictions, na_probs, scores, _chinese(questions, predictions))


def write_reading(folder: Path, reading: Reading) -> None:
    """Write predictions.json, na_prob.json and scores.json into a folder."""
    write_file(folder / "predictions.json", json_text(reading.predictions))
    write_file(folder / "na_prob.json", json_text(reading.na_probs))
    scores = {"reader": reading.reader, **asdict(reading.scores), "chinese": reading.chinese}
    write_file(folder / "scores.json", json_text(scores))


def reading_lines(reading: Reading) -> list[str]:
    """Return the scores as lines for people; values from 0 to 1, each with its number."""
    lines = []
    for name in ("total", "has_answer", "no_answer"):
        part = getattr(reading.scores, name)
        if part.n:
            lines.append(f"{name}: EM {part.exact:.4f}, F1 {part.f1:.4f} (n = {part.n})")
    for name in ("best_exact", "best_f1"):
        best = getattr(reading.scores, name)
        if best is not None and reading.scores.no_answer.n:
            lines.append(f"{name}: {best.score:.4f} at na_prob {best.threshold:.4f}, chosen here")
    if reading.chinese:
        shown = (f"{name} {value:.4f}" for name, value in reading.chinese.items() if name != "n")
        lines.append(f"Chinese: {', '.join(shown)} (n = {reading.chinese['n']})")
    return lines


def _passage(text: str, title: str) -> Document:
    return Document(content=text, meta={"title": title.replace("_", " ")})


def _by_sentences(
    questions: Sequence[Question], config: Config, progress: Progress
) -> dict[str, Best]:
    found = {}
    languages = Counter(language_of(question.question) for question in questions)
    language = languages.most_common(1)[0][0]
    embedder = Embedder(embedder_settings(config.embedder, language=language))
    with open_temporary(config) as store:
        contexts = {question.context: question.document for question in questions}
        passages = {text: _passage(text, title) for text, title in contexts.items()}
        store.write_documents(list(passages.values()))
        component = SentenceReader(store, embedder)
        for done, question in enumerate(questions, start=1):
            passage = passages[question.context]
            found[question.question_id] = _best(component, question, passage, embedder)
            progress(done, len(questions), question.question_id)
    return found


def _by_spans(questions: Sequence[Question], config: Config, progress: Progress) -> dict[str, Best]:
    readers = open_roles(config).readers
    if not readers:
        raise ConfigError("--reader spans: set `reader.kind: spans` and `reader.model`")
    languages = [language_of(question.question) for question in questions]
    found: dict[str, Best] = {}
    for language in dict.fromkeys(languages):
        model = serving(readers, language) or next(iter(readers.values()))
        own = [each for each, its in zip(questions, languages, strict=True) if its == language]
        component = SpanReader(model, 1, config.reader.longest_answer)
        found |= _spans_of(own, component, len(found), len(questions), progress)
    return found


def _spans_of(
    questions: Sequence[Question],
    component: SpanReader,
    done: int,
    total: int,
    progress: Progress,
) -> dict[str, Best]:
    found = {}
    for start in range(0, len(questions), CHUNK):
        some = questions[start : start + CHUNK]
        passages = [_passage(question.context, question.document) for question in some]
        pairs = [
            (question.question, read_text(passage))
            for question, passage in zip(some, passages, strict=True)
        ]
        read = component.model.read(pairs) or []
        for question, passage, windows in zip(some, passages, read, strict=True):
            evidence = component.evidence(passage, windows)
            found[question.question_id] = _exact(question, evidence)
        progress(done + start + len(some), total, some[-1].question_id)
    return found


def _exact(question: Question, evidence: Sequence[Evidence]) -> Best:
    if not evidence or evidence[0].span is None:
        return question.context.strip() or "-", 0.0
    start, end = evidence[0].span
    return question.context[start:end], evidence[0].score


def _best(
    reader: SentenceReader, question: Question, passage: Document, embedder: Embedder
) -> Best:
    """Return the best span and its probability; the whole context if no sentence was found."""
    serves = embedder.serves(language_of(question.question))
    evidence = reader.run(question.question, [passage], similarity=serves)["evidence"]
    if not evidence:
        return question.context.strip() or "-", 0.0
    best = evidence[0]
    return question.context[best.start : best.end], best.score


def _chinese(questions: Sequence[Question], predictions: dict[str, str]) -> dict[str, float] | None:
    pairs = [
        (predictions[question.question_id], question.answers)
        for question in questions
        if question.answers and language_of(question.question) == "zh"
    ]
    if not pairs:
        return None
    return {
        "CMRC EM": fmean(cmrc_exact_match(text, golds) for text, golds in pairs),
        "CMRC F1": fmean(cmrc_f1(text, golds) for text, golds in pairs),
        "MLQA F1": fmean(mlqa_f1(text, golds, "zh") for text, golds in pairs),
        "n": len(pairs),
    }
