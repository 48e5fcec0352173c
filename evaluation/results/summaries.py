"""Results over all questions of a run; for conventions see `evaluation.results.schema`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class MetricMean:
    """The mean of a metric with its 95 % interval.

    Attributes:
        value: The mean over `n` questions.
        n: Number of applicable questions.
        low: Lower end of the interval.
        high: Upper end of the interval.
        interval: `wilson` (values 0 and 1 only), `bootstrap` or `cluster bootstrap` (percentile).
    """

    value: float
    n: int
    low: float
    high: float
    interval: str


@dataclass(frozen=True)
class SliceMeans:
    """The means of one slice of the questions: slice `language`, value `zh`, for example.

    Slices are `language`, `question type` (its first word), `answerable`, `hops`, `answer length`
    and `gold position`.
    """

    slice: str
    value: str
    n: int
    metrics: Mapping[str, MetricMean]


@dataclass(frozen=True)
class FunnelStage:
    """Number of the `n` answerable questions that passed this stage and all before."""

    name: str
    count: int
    n: int


@dataclass(frozen=True)
class Confidence:
    """Calibration and abstention of a system, over all questions as if none were declined.

    Attributes:
        ece: Expected calibration error over 10 bins of equal width.
        brier: Brier score.
        aurc: Area under the risk-coverage curve; `error_rate` is that of a useless confidence.
        error_rate: Share of wrong answers if all are answered.
        curve: (threshold, coverage, risk) by rising coverage, at most 100 points.
        threshold: The configured threshold, below which it abstains.
        abstention_precision: Share of the abstentions that are on unanswerable questions.
        abstention_recall: Share of the unanswerable questions that were declined.
        abstained: Number of abstentions.
        unanswerable: Number of unanswerable questions.
        n: Number of questions.
    """

    ece: float
    brier: float
    aurc: float
    error_rate: float
    curve: tuple[tuple[float, float, float], ...]
    threshold: float
    abstention_precision: float
    abstention_recall: float
    abstained: int
    unanswerable: int
    n: int


@dataclass(frozen=True)
class RelevanceCalibration:
    """Calibration of the relevance of the passages that were found, over judged questions.

    Passages that nobody judged, or that hold no gold evidence, count as not relevant.

    Attributes:
        bins: (mean relevance, share of relevant passages, number of passages) of each bin of equal
            width that is not empty, of 10.
        ece: Expected calibration error over these bins.
        brier: Brier score.
        mean: Mean relevance.
        relevant: Share of relevant passages.
        passages: Number of passages, at most 20 of a question.
    """

    bins: tuple[tuple[float, float, int], ...]
    ece: float
    brier: float
    mean: float
    relevant: float
    passages: int


@dataclass(frozen=True)
class Half:
    """Contents of one half of a data set that is split by document."""

    documents: int
    questions: int
    answerable: int
    unanswerable: int


@dataclass(frozen=True)
class AtThreshold:
    """Scores of one half if every question of less confidence than `threshold` is declined.

    Attributes:
        threshold: From 0 to 1; a question of exactly this confidence is answered.
        metrics: `EM` and `F1` over all, `HasAns EM` and `HasAns F1` over those with an answer, and
            `NoAns` (where EM and F1 are the same) over those without.
        abstention_precision: Share of the abstentions that are on unanswerable questions.
        abstention_recall: Share of the unanswerable questions that were declined.
        abstained: Number of abstentions.
        unanswerable: Number of unanswerable questions.
    """

    threshold: float
    metrics: Mapping[str, MetricMean]
    abstention_precision: float
    abstention_recall: float
    abstained: int
    unanswerable: int


@dataclass(frozen=True)
class ChosenThreshold:
    """A no-answer threshold, chosen on one half of the documents and reported on the other.

    Attributes:
        dev: The half for the choice of the threshold; no document is in both halves.
        test: The half for the reported scores.
        not_measured: Reason for missing scores: `few questions`, `one kind` (a half has only
            answerable or only unanswerable questions), or empty.
        chosen_on_dev: Scores of the chosen threshold on the dev half; they are optimistic.
        chosen: Scores of the chosen threshold on the test half.
        configured: Scores of the configured threshold on the same test half.
    """

    dev: Half
    test: Half
    not_measured: Literal["", "few questions", "one kind"] = ""
    chosen_on_dev: AtThreshold | None = None
    chosen: AtThreshold | None = None
    configured: AtThreshold | None = None


@dataclass(frozen=True)
class Comparison:
    """Paired comparison of two systems on one metric; differences are `a` - `b`.

    Attributes:
        metric: Name of the metric.
        a: The system compared.
        b: The system it is compared against; the first of a run is the baseline.
        difference: Mean of the differences.
        low: Lower end of the 95 % interval.
        high: Upper end of the 95 % interval.
        interval: `bootstrap`, or `cluster bootstrap` where questions share documents.
        n: Number of questions.
        clusters: Number of independent units (documents); n if nothing is shared.
        t_p: P-value of the paired t test (of cluster means where questions share documents).
        randomization_p: P-value of the sign-flip test (of whole documents if questions share them).
        mcnemar_p: P-value of the exact McNemar test; None unless all values are 0 or 1.
        p: The p-value that decides: `t_p`.
        p_holm: `p` adjusted for all comparisons of this table.
        wins: Number of questions where `a` is higher.
        ties: Number of questions where both are equal.
        losses: Number of questions where `b` is higher.
        detectable: Smallest true difference that this set detects with 80 % power; None if the
            systems never differ.
    """

    metric: str
    a: str
    b: str
    difference: float
    low: float
    high: float
    interval: str
    n: int
    clusters: int
    t_p: float
    randomization_p: float
    mcnemar_p: float | None
    p: float
    p_holm: float
    wins: int
    ties: int
    losses: int
    detectable: float | None


@dataclass(frozen=True)
class StageTiming:
    """Milliseconds of one stage over `n` questions; `total` is the whole question."""

    p50: float
    p95: float
    mean: float
    n: int


@dataclass(frozen=True)
class Timings:
    """Times and sizes, which depend on the machine and the moment.

    Attributes:
        stages: System -> stage -> milliseconds.
        queries: System -> question id -> stage -> milliseconds.
        throughput: System -> questions per second, one after the other.
        indexing_seconds: System -> seconds to make its collection; 0 if it was reused.
        index_bytes: System -> size of its collection's folder.
        peak_memory_mb: Peak memory of the process.
        finished: End of the run, in UTC, ISO 8601.
    """

    stages: Mapping[str, Mapping[str, StageTiming]] = field(default_factory=dict)
    queries: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    throughput: Mapping[str, float] = field(default_factory=dict)
    indexing_seconds: Mapping[str, float] = field(default_factory=dict)
    index_bytes: Mapping[str, int] = field(default_factory=dict)
    peak_memory_mb: float = 0.0
    finished: str = ""
