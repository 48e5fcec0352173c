"""Evaluation of the reader alone: each question with its gold context, without retrieval.

Writes the two input files of the official SQuAD script: `predictions.json`, the best span of each
question, never empty, and `na_prob.json`, the probability that the context does not answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from haystack import Document

from evaluation.datasets import Question
from evaluation.metrics.answers import (
    PredictionScores,
    Version,
    cmrc_exact_match,
    cmrc_f1,
    evaluate_predictions,
    exact_match,
    f1,
    mlqa_f1,
)
from evaluation.results.summaries import MetricMean
from evaluation.run.aggregation import mean_of
from evaluation.run.run_files import json_text, write_file
from indexing.collection_language import settings_for_texts
from rag.collections import open_temporary
from rag.config import Config
from rag.errors import ConfigError
from rag.language.analysis import language_of
from rag.models.embedder import Embedder
from rag.models.selection import open_roles, serving
from rag.models.windows import read_text
from rag.reading.evidence import Evidence
from rag.reading.sentence_reader import SentenceReader
from rag.reading.span_reader import SpanReader

READERS = ("sentences", "spans")
CHUNK = 128  # questions that a span reader reads together
CHINESE: dict[str, Callable[[str, Sequence[str]], float]] = {
    "CMRC EM": cmrc_exact_match,
    "CMRC F1": cmrc_f1,
    "MLQA F1": lambda text, golds: mlqa_f1(text, golds, "zh"),
}
Best = tuple[str, float]  # a span and the probability that it answers
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class ReaderResult:
    """Predictions and scores of a reader.

    Attributes:
        reader: Name of the reader.
        predictions: Question id -> the best span of the context; never empty.
        na_probs: Question id -> probability that the context does not answer, from 0 to 1.
        scores: SQuAD's exact match and F1.
        means: EM and F1 of `scores` over all questions, and if there are Chinese ones CMRC's and
            MLQA's metrics over those that have an answer; with 95 % intervals, resampled by
            document where questions share documents.
    """

    reader: str
    predictions: dict[str, str]
    na_probs: dict[str, float]
    scores: PredictionScores
    means: dict[str, MetricMean]

    @property
    def chinese(self) -> dict[str, float] | None:
        """CMRC's and MLQA's metrics with their number of questions; None if there are none."""
        own = {name: mean for name, mean in self.means.items() if name in CHINESE}
        if not own:
            return None
        return {name: mean.value for name, mean in own.items()} | {"n": own["CMRC EM"].n}

    def to_dict(self) -> dict[str, Any]:
        """Return the content of scores.json."""
        means = {name: asdict(mean) for name, mean in self.means.items()}
        scores = asdict(self.scores)
        return {"reader": self.reader, **scores, "chinese": self.chinese, "means": means}


def read_contexts(
    questions: Sequence[Question],
    config: Config,
    *,
    reader: str | None = None,
    progress: Progress = lambda done, total, name: None,
) -> ReaderResult:
    """Return the best span of each question's own context, and the scores.

    Args:
        questions: Questions with their contexts.
        config: Configuration of the embedder, and the confidence below which a reader declines.
        reader: Name of the reader; None is the configured one.
        progress: Called after each question.

    Raises:
        ConfigError: If there is no such reader, or it has no configured model.
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
    threshold = 1 - config.abstention.threshold if version == "2.0" else 1.0
    scores = evaluate_predictions(golds, predictions, na_probs, threshold, version=version)
    said = {q: "" if na_probs[q] > threshold else text for q, text in predictions.items()}
    means = _squad_means(questions, said, version) | _chinese_means(questions, predictions)
    return ReaderResult(reader, predictions, na_probs, scores, means)


def write_reading(folder: Path, reading: ReaderResult) -> None:
    """Write predictions.json, na_prob.json and scores.json into a folder."""
    write_file(folder / "predictions.json", json_text(reading.predictions))
    write_file(folder / "na_prob.json", json_text(reading.na_probs))
    write_file(folder / "scores.json", json_text(reading.to_dict()))


def reading_lines(reading: ReaderResult) -> list[str]:
    """Return the scores as lines of text; values from 0 to 1, each with its number of questions.

    Scores over all questions have their 95 % intervals.
    """
    lines = []
    for name in ("total", "has_answer", "no_answer"):
        part = getattr(reading.scores, name)
        if part.n:
            shown = [f"EM {part.exact:.4f}", f"F1 {part.f1:.4f}"]
            if name == "total":
                shown = [f"{each} {_mean(reading.means[each])}" for each in ("EM", "F1")]
            lines.append(f"{name}: {', '.join(shown)} (n = {part.n})")
    for name in ("best_exact", "best_f1"):
        best = getattr(reading.scores, name)
        if best is not None and reading.scores.no_answer.n:
            lines.append(f"{name}: {best.score:.4f} at na_prob {best.threshold:.4f}, chosen here")
    if reading.chinese:
        shown = [f"{name} {_mean(reading.means[name])}" for name in CHINESE]
        lines.append(f"Chinese: {', '.join(shown)} (n = {reading.chinese['n']})")
    return lines


def _mean(mean: MetricMean) -> str:
    return f"{mean.value:.4f} [{mean.low:.3f}, {mean.high:.3f}]"


def _passage(text: str, title: str) -> Document:
    return Document(content=text, meta={"title": title.replace("_", " ")})


def _by_sentences(
    questions: Sequence[Question], config: Config, progress: Progress
) -> dict[str, Best]:
    found = {}
    contexts = {question.context: question.document for question in questions}
    embedder = Embedder(settings_for_texts(contexts, config))
    with open_temporary(config) as store:
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


def _squad_means(
    questions: Sequence[Question], said: dict[str, str], version: Version
) -> dict[str, MetricMean]:
    """Return EM and F1 of the reader's answers, which are empty where it declines."""
    clusters = [question.document for question in questions]
    found = {}
    for name, measure in (("EM", exact_match), ("F1", f1)):
        values = [measure(said[q.question_id], q.answers, version=version) for q in questions]
        found[name] = mean_of(values, clusters, seed=0)
    return found


def _chinese_means(
    questions: Sequence[Question], predictions: dict[str, str]
) -> dict[str, MetricMean]:
    own = [each for each in questions if each.answers and language_of(each.question) == "zh"]
    if not own:
        return {}
    clusters = [question.document for question in own]
    return {
        name: mean_of(
            [measure(predictions[q.question_id], q.answers) for q in own], clusters, seed=0
        )
        for name, measure in CHINESE.items()
    }
