"""A small finished run for the tests of the report: three systems, 60 questions, all parts."""

import random
from dataclasses import replace

from evaluation.metrics.abstention import (
    abstention_scores,
    aurc,
    brier_score,
    expected_calibration_error,
    risk_coverage_curve,
)
from evaluation.metrics.corrections import holm
from evaluation.metrics.intervals import bootstrap_difference, bootstrap_mean
from evaluation.metrics.retrieval import recall_at_k, reciprocal_rank, success_at_k
from evaluation.metrics.significance import (
    minimal_detectable_difference,
    paired_t_test,
    randomization_test,
    wins_ties_losses,
)
from evaluation.report.rendering import charts
from evaluation.results.conventions import CONVENTIONS
from evaluation.results.schema import (
    CitationMade,
    Comparison,
    Confidence,
    DatasetInfo,
    FunnelStage,
    MetricMean,
    QueryResult,
    RankedItem,
    Results,
    ShownPassage,
    SliceMeans,
    SpanAt,
    StageTiming,
    SystemResult,
    Timings,
)
from evaluation.run.aggregation import relevance_calibration
from evaluation.run.no_answer_threshold import choose_threshold

METRICS = ("recall@5", "RR", "F1", "EM", "citation precision")
STAGES = ("retrieved@50", "in the prompt", "answered", "right", "cited right")
CAUSES = ("not retrieved", "ranked low", "declined", "wrong answer", "wrong citation")
QUESTIONS = (
    ("How long does the battery last?", "eleven hours", "en"),
    ("Who repaired the weather mast in 2019?", "Ingrid Halvorsen", "en"),
    ("望远镜圆顶哪一年建成？", "1987年", "zh"),
    ("What is the resale price in the first week?", "40 dollars", "en"),
)
SPLIT = 4  # a seed by which both halves have questions without an answer
TEXT = (
    "The reviewers of this model agree on one thing: with the backlight dimmed it runs for "
    "{gold} on a single charge, which is more than its predecessor managed. The cable is short, "
    "the case scratches easily, and the speaker is thin, but nobody complains about the screen."
)


def shown(gold, document, rank, *, has_gold):
    text = TEXT.format(gold=gold if has_gold else "a good while")
    start = text.index(gold) if has_gold else 0
    return ShownPassage(
        rank=rank,
        passage_id=f"{document}:{rank}",
        document_id=document,
        source=f"reviews/{document}.txt",
        title="Review",
        text=text,
        gold=((start, start + len(gold)),) if has_gold else (),
        cited=((start - 10, start + len(gold) + 20),) if has_gold else (),
        stages={"bm25": (rank + 2, 12.5 - rank), "dense": (rank, 0.81 - rank / 50)},
    )


def query(place, strength, chance, *, keep):
    words, gold, language = QUESTIONS[place % len(QUESTIONS)]
    rank = next((r for r in range(1, 21) if chance.random() < strength / (1 + r / 4)), None)
    answerable = place % 10 != 9
    ranking = tuple(
        RankedItem(
            f"e{place}" if r == rank else f"x{r}", f"d{r}:{r}", 21.0 - r, int(r == rank), 0.8 / r
        )
        for r in range(1, 21)
    )
    found, grades = [item.item for item in ranking], {f"e{place}": 1}
    right = answerable and rank is not None and rank <= 3 and chance.random() < 0.9
    confidence = min(0.99, max(0.01, chance.gauss(0.75 if right else 0.4, 0.2)))
    abstained = confidence < 0.35
    metrics = {"F1": float(not answerable and abstained), "EM": float(not answerable and abstained)}
    if answerable:
        metrics = {
            "recall@5": recall_at_k(found, grades, 5),
            "RR": reciprocal_rank(found, grades),
            "F1": 0.0 if abstained else 0.8 if right else chance.choice([0.0, 0.25]),
            "EM": float(right and not abstained and place % 3 == 0),
        }
    citations = ()
    if not abstained:
        metrics["citation precision"] = float(right)
        citations = (CitationMade(1, "d1", "reviews/d1.txt", 4, 20, "a quote", right),)
    return QueryResult(
        question_id=f"q{place:03d}",
        question=words,
        cluster=f"d{place % 20}",
        slices={"language": language, "answerable": "yes" if answerable else "no"},
        golds=(gold,) if answerable else (),
        gold_spans=(SpanAt(f"d{place % 20}", 10, 20),) if answerable else (),
        answerable=answerable,
        ranking=ranking,
        first_relevant=rank if answerable else None,
        metrics=metrics,
        answer="" if abstained else f"It lasts {gold} [1].",
        best_answer=f"It lasts {gold} [1].",
        abstained=abstained,
        confidence=confidence,
        right=right,
        citations=citations,
        reached=STAGES[-1] if right and not abstained else STAGES[0] if rank else "",
        cause=None if right and not abstained else CAUSES[place % len(CAUSES)],
        passages=tuple(shown(gold, f"d{r}", r, has_gold=answerable and r == 2) for r in range(1, 5))
        if keep
        else (),
    )


def mean_of(values):
    low, high = bootstrap_mean(values, samples=500)
    return MetricMean(sum(values) / len(values), len(values), low, high, "bootstrap")


def means(queries):
    found = {}
    for name in METRICS:
        values = [q.metrics[name] for q in queries if name in q.metrics]
        if values:
            found[name] = mean_of(values)
    return found


def curve(queries, metric):
    those = [q for q in queries if q.answerable]
    grades = [{f"e{int(q.question_id[1:])}": 1} for q in those]
    rankings = [[item.item for item in q.ranking] for q in those]
    return tuple(
        sum(metric(r, g, k) for r, g in zip(rankings, grades, strict=True)) / len(those)
        for k in range(1, 11)
    )


def confidence_of(queries):
    sure, right = [q.confidence for q in queries], [q.right for q in queries]
    declined = abstention_scores([q.abstained for q in queries], [q.answerable for q in queries])
    points = risk_coverage_curve(sure, right)
    return Confidence(
        ece=expected_calibration_error(sure, right),
        brier=brier_score(sure, right),
        aurc=aurc(sure, right),
        error_rate=1 - sum(right) / len(right),
        curve=tuple((p.threshold, p.coverage, p.risk) for p in points),
        threshold=0.35,
        abstention_precision=declined.precision,
        abstention_recall=declined.recall,
        abstained=declined.abstained,
        unanswerable=declined.unanswerable,
        n=len(queries),
    )


def funnel_of(queries):
    those = [q for q in queries if q.answerable]
    found = [
        sum(q.first_relevant is not None for q in those),
        sum((q.first_relevant or 99) <= 5 for q in those),
        sum((q.first_relevant or 99) <= 5 and not q.abstained for q in those),
        sum(bool(q.right) and not q.abstained for q in those),
        sum(bool(q.right) and not q.abstained for q in those),
    ]
    return tuple(FunnelStage(n, c, len(those)) for n, c in zip(STAGES, found, strict=True))


def judged(question):
    return replace(question, metrics={**question.metrics, "recall@1": 0.0})


def slices_of(queries):
    kinds = [(name, value) for q in queries for name, value in q.slices.items()]
    found = []
    for name, value in sorted(set(kinds)):
        those = [q for q in queries if q.slices[name] == value]
        found.append(SliceMeans(name, value, len(those), means(those)))
    return tuple(found)


def system(name, strength, seed, n):
    chance = random.Random(seed)  # noqa: S311 - made-up results
    queries = tuple(query(place, strength, chance, keep=place < 6) for place in range(n))
    return SystemResult(
        name=name,
        overrides={"retrieval.method": name},
        config={"retrieval": {"method": name, "top_k": 5}},
        manifest={"embedder": "all-MiniLM-L6-v2", "generation": 3},
        passages=412,
        metrics=means(queries) | {"judged@10": mean_of([0.1] * n)},
        recall_curve=curve(queries, recall_at_k),
        success_curve=curve(queries, success_at_k),
        slices=slices_of(queries),
        funnel=funnel_of(queries),
        confidence=confidence_of(queries),
        unanswered=0,
        errors={},
        worst=tuple(q.question_id for q in queries if q.passages),
        queries=queries,
        chosen_threshold=choose_threshold(queries, 0.35, seed=SPLIT),
        relevance=relevance_calibration([judged(q) for q in queries if q.answerable]),
    )


def compared(a, b, metric):
    values = [
        (q.metrics[metric], r.metrics[metric])
        for q, r in zip(a.queries, b.queries, strict=True)
        if metric in q.metrics and metric in r.metrics
    ]
    ours, theirs = (list(column) for column in zip(*values, strict=True))
    low, high = bootstrap_difference(ours, theirs, samples=500)
    wins, ties, losses = wins_ties_losses(ours, theirs)
    p = paired_t_test(ours, theirs).p_value
    return Comparison(
        metric=metric,
        a=a.name,
        b=b.name,
        difference=(sum(ours) - sum(theirs)) / len(ours),
        low=low,
        high=high,
        interval="cluster bootstrap",
        n=len(ours),
        clusters=20,
        t_p=p,
        randomization_p=randomization_test(ours, theirs, samples=2000).p_value,
        mcnemar_p=None,
        p=p,
        p_holm=p,
        wins=wins,
        ties=ties,
        losses=losses,
        detectable=minimal_detectable_difference(0.3, len(ours)),
    )


def adjusted(comparisons):
    raised = holm([item.p for item in comparisons])
    return tuple(replace(c, p_holm=p) for c, p in zip(comparisons, raised, strict=True))


def build_results(*, names=("bm25", "dense", "hybrid"), n=60):
    """Return a run; the same arguments give the same one."""
    strengths = (0.35, 0.3, 0.75, 0.5)
    systems = tuple(system(name, strengths[i % 4], i, n) for i, name in enumerate(names))
    pairs = [(a, b) for i, b in enumerate(systems) for a in systems[i + 1 :]]
    comparisons = [compared(a, b, metric) for metric in METRICS[:4] for a, b in pairs]
    stages = {"retrieve": StageTiming(3.1, 5.2, 3.4, n), "total": StageTiming(14.2, 31.9, 16.0, n)}
    return Results(
        dataset=DatasetInfo(
            name="subjqa-electronics",
            matching="spans",
            questions_sha256="4f" * 32,
            qrels_sha256="a1" * 32,
            questions=n,
            answerable=n - n // 10,
            judgements=n - n // 10,
            without_relevant=0,
            documents=20,
            clusters=20,
            sampled_from=358,
            notes=("2 gold spans are not in the collection",),
        ),
        systems=systems,
        comparisons=adjusted(comparisons) if comparisons else (),
        main_metrics=METRICS,
        conventions=CONVENTIONS,
        seed=7,
        limit=n,
        timings=Timings(
            stages=dict.fromkeys(names, stages),
            throughput=dict.fromkeys(names, 62.5),
            indexing_seconds=dict.fromkeys(names, 4.2),
            index_bytes=dict.fromkeys(names, 1_530_000),
            peak_memory_mb=812.0,
            finished="2026-11-22T17:00:00Z",
        ),
        environment={
            "packages": {"citewell": "0.1.0", "numpy": "2.3.1"},
            "python": "3.11.14",
            "platform": "Linux x86_64",
            "cpu": "Some CPU",
            "git_sha": "0123abc",
            "command": ["rag", "evaluate", "subjqa-electronics", "--systems", "bm25,dense,hybrid"],
            "seed": 7,
            "limit": n,
        },
    )


def leave_charts_out(monkeypatch):
    """Let reports have empty charts, for tests of what is written beside them: drawing is slow."""

    def draw(figure, name, labels):
        return f'<svg role="img" aria-labelledby="{name}-caption {name}-said"></svg>'

    monkeypatch.setattr(charts, "to_svg", draw)
