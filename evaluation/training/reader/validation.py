"""Validation and calibration of a reader or ranker on held-back examples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch

from evaluation.metrics.answers import cmrc_f1, f1
from evaluation.training.data.examples import Example
from evaluation.training.loop import autocast
from evaluation.training.reader.features import Feature
from rag.config.reader import ReaderConfig
from rag.language.analysis import language_of
from rag.models.calibration import Calibration, fit_calibration
from rag.models.reader_ranker import ReaderRanker, to_tensors
from rag.models.windows import WindowOutput, by_length, find_spans, prefix, span_features

BATCH = 32
RIGHT_F1 = 0.5  # F1
LONGEST_ANSWER = ReaderConfig().longest_answer  # tokens


@dataclass(frozen=True)
class ValidationScores:
    """Validation scores of a reader or ranker.

    Attributes:
        f1: Mean F1 of the best span in texts that answer; None if there are none.
        ranked: Share of pairs of a right and a wrong text of one question, or of all if no question
            has both, in which the right one scores higher; None if there are none.
        answers: Number of texts that answer.
        pairs: Number of pairs.
    """

    f1: float | None
    ranked: float | None
    answers: int
    pairs: int

    @property
    def score(self) -> float:
        """Mean of the scores that exist."""
        found = [each for each in (self.f1, self.ranked) if each is not None]
        return fmean(found) if found else 0.0


def measure(
    model: ReaderRanker, examples: Sequence[Example], features: Sequence[Feature], *, spans: bool
) -> ValidationScores:
    """Return the validation scores of a model on examples.

    Args:
        model: The model, in evaluation mode.
        examples: The held-back examples.
        features: Windows of the examples.
        spans: Whether to score spans.
    """
    relevance = [float("-inf")] * len(examples)
    read: list[list[WindowOutput]] = [[] for _ in examples]
    for each in _read(model, features):
        place = each.window.text
        relevance[place] = max(relevance[place], each.relevance or 0.0)
        read[place].append(each)
    scores = [
        _f1(example, each)
        for example, each in zip(examples, read, strict=True)
        if spans and example.kind == "answer"
    ]
    wins = _wins(examples, relevance)
    return ValidationScores(
        f1=fmean(scores) if scores else None,
        ranked=fmean(wins) if wins else None,
        answers=len(scores),
        pairs=len(wins),
    )


def _read(model: ReaderRanker, features: Sequence[Feature]) -> Iterator[WindowOutput]:
    """Yield the outputs of a model for windows, in no particular order."""
    windows = [each.window for each in features]
    order = by_length(windows)
    device = next(model.parameters()).device
    for start in range(0, len(order), BATCH):
        batch = [windows[place] for place in order[start : start + BATCH]]
        with torch.inference_mode(), autocast(device):
            heads = model(**to_tensors(batch, model.encoder))
        starts, ends = heads.starts.cpu().numpy(), heads.ends.cpu().numpy()
        for row, window in enumerate(batch):
            yield WindowOutput(
                window,
                starts[row],
                ends[row],
                null=float(starts[row, 0] + ends[row, 0]),
                doubt=heads.null[row].item(),
                relevance=heads.relevance[row].item(),
            )


def _f1(example: Example, readings: Sequence[WindowOutput]) -> float:
    begin = len(prefix(example.title))
    spans = find_spans(readings, most=1, longest=LONGEST_ANSWER, begin=begin)
    if not spans:
        return 0.0
    text = prefix(example.title) + example.text
    gold = example.text[example.start : example.end]
    said = text[spans[0].start : spans[0].end]
    golds = example.golds or (gold,)
    if language_of(example.question) == "zh":
        return cmrc_f1(said, golds)
    return f1(said, golds, version="1.1")


def _wins(examples: Sequence[Example], relevance: Sequence[float]) -> list[float]:
    """Return for each pair 1 if the right text scores higher, .5 if equal, else 0."""
    right: dict[str, list[float]] = {}
    wrong: dict[str, list[float]] = {}
    for example, score in zip(examples, relevance, strict=True):
        side = {"answer": right, "relevant": right, "negative": wrong}.get(example.kind)
        if side is not None:
            side.setdefault(example.question_id, []).append(score)
    return [
        (above > below) + (above == below) / 2
        for question_id, scores in right.items()
        for above in scores
        for below in wrong.get(question_id, ())
    ]


def calibrate(
    model: ReaderRanker, examples: Sequence[Example], features: Sequence[Feature]
) -> Calibration | None:
    """Return a calibration from a span's scores to the probability that it is right.

    It is fitted on the best span of each example's text, of every kind; a span is right if its F1
    is at least a half. None if all are right, or all are wrong.
    """
    read: list[list[WindowOutput]] = [[] for _ in examples]
    for each in _read(model, features):
        read[each.window.text].append(each)
    rows, right = [], []
    for example, readings in zip(examples, read, strict=True):
        if example.kind == "relevant":
            continue
        found = find_spans(
            readings, most=1, longest=LONGEST_ANSWER, begin=len(prefix(example.title))
        )
        if found:
            rows.append(span_features(found[0], readings))
            right.append(example.kind == "answer" and _f1(example, readings) >= RIGHT_F1)
    return fit_calibration(rows, right) if len(set(right)) == 2 else None
