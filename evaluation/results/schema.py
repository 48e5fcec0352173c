"""The results of a finished run: frozen dataclasses that round-trip through JSON.

The runner writes `Results`; report, comparison and gate read it: `results.json` is
`to_json(results)`, and the same inputs give the same bytes but for `timings`. Facts about machine
and moment (versions, git sha, command) are in `env.json`, which `load_results` reads back as
`Results.environment`. `records` has the result of one question, `summaries` has those over all
questions; the names are re-exported here.

Conventions that hold for all of it: metric values are from 0 to 1; ranks start at 1; `start` and
`end` are character offsets, end exclusive; a metric that does not apply to a question is missing
from its `metrics`, and a question with an error counts as 0 in all that apply. Metric names:
`recall@k`, `success@k`, `RR` (its mean is MRR), `AP` (mAP; denominator: all relevant), `nDCG@10`
(linear gain), `Rprec`, `judged@10`, `EM`, `F1` (SQuAD 2.0 or CMRC 2018, by the question's
language), `F1 mlqa` (Chinese), `gold in answer`, `citation precision`, `citation recall` (spans
that overlap), `citation characters precision` and `... recall`, `supported sentences` (of written
answers), `abstained right`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evaluation.results.records import CitationMade, QueryResult, RankedItem, ShownPassage, SpanAt
from evaluation.results.summaries import (
    AtThreshold,
    ChosenThreshold,
    Comparison,
    Confidence,
    FunnelStage,
    Half,
    MetricMean,
    RelevanceCalibration,
    SliceMeans,
    StageTiming,
    Timings,
)
from rag.errors import DatasetError

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = [
    "SCHEMA_VERSION",
    "AtThreshold",
    "ChosenThreshold",
    "CitationMade",
    "Comparison",
    "Confidence",
    "DatasetInfo",
    "FunnelStage",
    "Half",
    "MetricMean",
    "QueryResult",
    "RankedItem",
    "RelevanceCalibration",
    "Results",
    "ShownPassage",
    "SliceMeans",
    "SpanAt",
    "StageTiming",
    "SystemResult",
    "Timings",
    "from_json",
    "load_results",
    "to_json",
]

SCHEMA_VERSION = 1

Matching = Literal["documents", "spans"]


@dataclass(frozen=True)
class DatasetInfo:
    """The data set of a run.

    Attributes:
        name: File or folder name.
        matching: `documents`: a ranked document is relevant by its id, its best passage giving the
            rank (BEIR). `spans`: a passage is relevant if it overlaps a gold span (reading sets).
        questions_sha256: Hash of ids, questions, gold answers and filters of the run.
        qrels_sha256: Hash of their judgements; runs are only comparable if both are equal.
        questions: Number of questions asked.
        answerable: Number of them with an answer or a judgement.
        judgements: Number of judged (question, document or evidence) pairs.
        without_relevant: Number of judged questions without anything relevant; they count as 0.
        documents: Number of documents in the collection.
        clusters: Number of clusters (documents or articles) among the questions.
        sampled_from: Number of questions in the whole set if `limit` took a sample, else None.
        synthetic: Whether `rag evaluate questions` made the questions.
        has_answers: Whether gold answers are known, so that answers were scored.
        notes: Caveats, such as gold spans that are not in the collection.
    """

    name: str
    matching: Matching
    questions_sha256: str
    qrels_sha256: str
    questions: int
    answerable: int
    judgements: int
    without_relevant: int
    documents: int
    clusters: int
    sampled_from: int | None = None
    synthetic: bool = False
    has_answers: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SystemResult:
    """One system: its configuration and its results.

    Attributes:
        name: Name of the system, as given on the command line.
        overrides: Dotted key -> value, where it differs from the run's configuration.
        config: The whole effective configuration, secrets left out.
        manifest: Manifest of its collection.
        passages: Number of passages in the collection.
        metrics: Metric -> mean over all applicable questions.
        recall_curve: Mean recall@k for k = 1..10.
        success_curve: Mean success@k for k = 1..10.
        slices: Means of slices of the questions.
        funnel: Stages from `retrieved@N` to `cited right`.
        confidence: Quality of the confidence; None in a run without answers.
        unanswered: Number of judged questions without any result.
        errors: Question id -> error message.
        worst: Ids of the worst questions, worst first; their results hold passages.
        queries: Results of all questions, in the data set's order.
        chosen_threshold: A no-answer threshold chosen on half of the documents and reported on the
            rest; None in a run without answers, or if every question has an answer.
        relevance: Calibration of the passages' relevance; None if nothing is judged, or in a run
            of an older version.
    """

    name: str
    overrides: Mapping[str, Any]
    config: Mapping[str, Any]
    manifest: Mapping[str, Any]
    passages: int
    metrics: Mapping[str, MetricMean]
    recall_curve: tuple[float, ...]
    success_curve: tuple[float, ...]
    slices: tuple[SliceMeans, ...]
    funnel: tuple[FunnelStage, ...]
    confidence: Confidence | None
    unanswered: int
    errors: Mapping[str, str]
    worst: tuple[str, ...]
    queries: tuple[QueryResult, ...]
    chosen_threshold: ChosenThreshold | None = None
    relevance: RelevanceCalibration | None = None


@dataclass(frozen=True)
class Results:
    """A finished run.

    Attributes:
        dataset: The data set.
        systems: Systems in the order of the command line; the first is the baseline.
        comparisons: Every pair of systems on each main metric, the later one against the earlier.
        main_metrics: The metrics for the main table and the comparisons, most important first.
        conventions: Question of convention -> the rule that was followed.
        seed: Random seed of sample, bootstrap and randomisation.
        limit: Maximum number of questions, or None.
        timings: Times and sizes, which depend on machine and moment.
        environment: Contents of `env.json`: `packages`, `python`, `platform`, `cpu`, `git_sha`,
            `command`, `seed`, `limit`; not part of `results.json`.
        schema_version: Version of this structure.
    """

    dataset: DatasetInfo
    systems: tuple[SystemResult, ...]
    comparisons: tuple[Comparison, ...]
    main_metrics: tuple[str, ...]
    conventions: Mapping[str, str]
    seed: int
    limit: int | None
    timings: Timings = field(default_factory=Timings)
    environment: Mapping[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION


def to_json(results: Results) -> str:
    """Return the text of `results.json`, ending in a line feed."""
    content = asdict(results)
    del content["environment"]
    content = {"schema_version": content.pop("schema_version"), **content}
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def from_json(text: str, *, source: str = "results.json") -> Results:
    """Return the results that `to_json` wrote.

    Args:
        text: The JSON.
        source: Name of the file in error messages.

    Raises:
        DatasetError: If it is not JSON, of another schema version, or lacks a field; names it.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        content = json.loads(text)
        version = content["schema_version"]
        if version != SCHEMA_VERSION:
            raise DatasetError(
                f"`{source}` has schema version {version}; this citewell reads {SCHEMA_VERSION}. "
                "Evaluate again, or use the citewell that wrote it."
            )
        return TypeAdapter(Results).validate_python(content)
    except (ValueError, KeyError, TypeError) as error:
        problem = _first_problem(error) if isinstance(error, ValidationError) else error
        raise DatasetError(f"`{source}` is not the result of a run: {problem}.") from None


def _first_problem(error: "ValidationError") -> str:
    """Return location and kind of the first problem, without the value, which may be long."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def load_results(folder: Path) -> Results:
    """Return the finished run in a folder, with its environment.

    Raises:
        DatasetError: If there is no finished run.
    """
    path = folder / "results.json" if folder.is_dir() else folder
    try:
        results = from_json(path.read_text(encoding="utf-8"), source=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"there is no finished run in `{folder}`: {error}. Make one with: "
            f"rag evaluate DATASET --out {folder}"
        ) from None
    environment = path.with_name("env.json")
    if not environment.is_file():
        return results
    try:
        found = json.loads(environment.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"`{environment}` cannot be read: {error}.") from None
    return replace(results, environment=found)
