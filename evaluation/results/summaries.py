"""Results over all questions of a run; `evaluation.results.schema` names the conventions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class MetricMean:
    """A metric's mean with its 95 % interval.

    Attributes:
        value: The mean over `n` questions.
        n: Number of questions it applies to.
        low: Lower end.
        high: Upper end.
        interval: `wilson` (values 0 and 1 only), `bootstrap` or `cluster bootstrap` (percentile).
    """

    value: float
    n: int
    low: float
    high: float
    interval: str


@dataclass(frozen=True)
class SliceMeans:
    """The means of one part of the questions: slice `language`, value `zh`, for example.

    Slices are `language`, `question type` (its first word), `answerable`, `hops`, `answer length`
    and `gold position`.
    """

    slice: str
    value: str
    n: int
    metrics: Mapping[str, MetricMean]


@dataclass(frozen=True)
class FunnelStage:
    """How many of the `n` answerable questions got this far, through all stages before."""

    name: str
    count: int
    n: int


@dataclass(frozen=True)
class Confidence:
    """How well confidence fits being right, over all questions as if none were declined.

    Attributes:
        ece: Expected calibration error over 10 bins of equal width.
        brier: Brier score.
        aurc: Area under the risk-coverage curve; `error_rate` is that of a useless confidence.
        error_rate: Share of wrong answers if all are answered.
        curve: (threshold, coverage, risk) by rising coverage, at most 100 points.
        threshold: The configured one, below which it abstains.
        abstention_precision: Share of the abstentions that were called for.
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
class Half:
    """What one half of a set holds that was split by document."""

    documents: int
    questions: int
    answerable: int
    unanswerable: int


@dataclass(frozen=True)
class AtThreshold:
    """The answers of one half if every question of less confidence than `threshold` is declined.

    Attributes:
        threshold: From 0 to 1; a question of just this confidence is answered.
        metrics: `EM` and `F1` over all, `HasAns EM` and `HasAns F1` over those with an answer, and
            `NoAns` (where EM and F1 are the same) over those without.
        abstention_precision: Share of the abstentions that were called for.
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
    """A no-answer threshold that was chosen on one half of the documents, reported on the other.

    Attributes:
        dev: The half it was chosen on.
        test: The half it is reported on; no document is in both.
        not_measured: Why there are no scores: `few questions`, `one kind` (a half has only
            answerable or only unanswerable questions), or empty.
        chosen_on_dev: Scores of the chosen threshold where it was chosen; they flatter.
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
    """Two systems on one metric, question by question; differences are `a` - `b`.

    Attributes:
        metric: Its name.
        a: The system compared.
        b: The one it is compared with; the first of a run is the baseline.
        difference: Mean of the differences.
        low: Lower end of the 95 % interval.
        high: Upper end.
        interval: `bootstrap`, or `cluster bootstrap` where questions share documents.
        n: Questions.
        clusters: Independent units (documents); n if nothing is shared.
        t_p: Paired t test (of cluster means where questions share documents).
        randomization_p: Sign-flip test (the signs of whole documents where questions share them).
        mcnemar_p: Exact test of right/wrong pairs; None unless all values are 0 or 1.
        p: The one that decides: `t_p`.
        p_holm: `p` adjusted for all comparisons of this table.
        wins: Questions where `a` is higher.
        ties: Where they are equal.
        losses: Where `b` is.
        detectable: Smallest true difference that this set finds with 80 % power; None if the
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
    """What depends on the machine and the moment.

    Attributes:
        stages: System -> stage -> milliseconds.
        queries: System -> question id -> stage -> milliseconds.
        throughput: System -> questions a second, one after the other.
        indexing_seconds: System -> seconds to make its collection; 0 if it was reused.
        index_bytes: System -> size of its collection's folder.
        peak_memory_mb: Of the process.
        finished: When, in UTC, ISO 8601.
    """

    stages: Mapping[str, Mapping[str, StageTiming]] = field(default_factory=dict)
    queries: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    throughput: Mapping[str, float] = field(default_factory=dict)
    indexing_seconds: Mapping[str, float] = field(default_factory=dict)
    index_bytes: Mapping[str, int] = field(default_factory=dict)
    peak_memory_mb: float = 0.0
    finished: str = ""
