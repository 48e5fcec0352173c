"""Everything a finished run holds, as plain frozen values that survive a trip through JSON.

`Results` is what the runner writes and what report, comparison and gate read: `results.json` is
`to_json(results)`, and the same inputs give the same bytes but for `timings`. What differs between
machines and moments (versions, git sha, command) is in `env.json` and comes back as
`Results.environment` when a run's folder is read with `load_results`. One question's part is in
`records`, what is counted over all of them in `summaries`; the names are repeated here.

Conventions that hold for all of it: metric values are from 0 to 1; ranks start at 1; `start` and
`end` are character offsets, end exclusive; a metric that does not apply to a question is missing
from its `metrics`, and a question with an error counts as 0 in all that apply. Metric names:
`recall@k`, `success@k`, `RR` (its mean is MRR), `AP` (mAP; denominator: all relevant), `nDCG@10`
(linear gain), `Rprec`, `judged@10`, `EM`, `F1` (SQuAD 2.0 or CMRC 2018, by the question's
language), `F1 mlqa` (Chinese), `gold in answer`, `citation precision`, `citation recall` (spans
that overlap), `citation characters precision` and `... recall`, `abstained right`.
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
    """What was asked.

    Attributes:
        name: File or folder name.
        matching: `documents`: a ranked document is relevant by its id, its best passage giving the
            rank (BEIR). `spans`: a passage is relevant if it overlaps a gold span (reading sets).
        questions_sha256: Hash of ids, questions, gold answers and filters that were asked.
        qrels_sha256: Hash of their judgements; runs are only comparable if both are equal.
        questions: Number of questions asked.
        answerable: How many of them have an answer or a judgement.
        judgements: Number of judged (question, document or evidence) pairs.
        without_relevant: Judged questions without anything relevant; they count as 0.
        documents: Number of documents in the collection.
        clusters: Number of different documents (or articles) that the questions belong to.
        sampled_from: Questions in the whole set if `limit` took a sample, else None.
        synthetic: Whether the questions were made by `rag evaluate questions`.
        has_answers: Whether gold answers are known, so that answers were scored.
        notes: What a reader has to know, such as gold spans that are not in the collection.
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
    """One system: its configuration and all it came to.

    Attributes:
        name: As asked for.
        overrides: Dotted key -> value, where it differs from the run's configuration.
        config: The whole effective configuration, secrets left out.
        manifest: What its collection was made with.
        passages: Number of passages in the collection.
        metrics: Metric -> mean over all questions it applies to.
        recall_curve: Mean recall@k for k = 1..10.
        success_curve: Mean success@k for k = 1..10.
        slices: Means of parts of the questions.
        funnel: From `retrieved@N` to `cited right`.
        confidence: None if no answers were asked for.
        unanswered: Judged questions without any result.
        errors: Question id -> what went wrong.
        worst: Ids of the worst questions, worst first; these hold passages.
        queries: Every question, in the set's order.
        chosen_threshold: A no-answer threshold chosen on half of the documents and reported on the
            rest; None if no answers were asked for, or every question has an answer.
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


@dataclass(frozen=True)
class Results:
    """A finished run.

    Attributes:
        dataset: What was asked.
        systems: In the order asked for; the first is the baseline.
        comparisons: Every pair of systems on each main metric, the later one against the earlier.
        main_metrics: The metrics for the main table and the comparisons, most important first.
        conventions: Question of convention -> the rule that was followed.
        seed: Of sample, bootstrap and randomisation.
        limit: Most questions asked, or None.
        timings: What depends on machine and moment.
        environment: Contents of `env.json`: `packages`, `python`, `platform`, `cpu`, `git_sha`,
            `command`, `seed`, `limit`; not part of `results.json`.
        schema_version: Of this structure.
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
        source: Named in errors.

    Raises:
        DatasetError: If it is not JSON, of another schema version, or lacks something; says what.
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
    """Where the first problem is and what, without what stands there: it may be long."""
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
