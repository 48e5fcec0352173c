"""The evaluation run of a data set under several systems: asked, scored, written, resumable.

Every question is asked of all systems before the next one, so that they share work, and is on disk
before the next one begins. A killed run resumes where it stopped, and ends in the same bytes but
for timings.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from evaluation.datasets.schema import Dataset
from evaluation.results.comparison import compare_systems
from evaluation.results.conventions import BY_DOCUMENT, BY_SPAN, CONVENTIONS, OF_ANSWERS
from evaluation.results.records import QueryResult
from evaluation.results.schema import DatasetInfo, Results, SystemResult, Timings
from evaluation.run import aggregation, systems_under_test
from evaluation.run.environment import environment, peak_memory_mb
from evaluation.run.journal import RunJournal, open_journal
from evaluation.run.no_answer_threshold import choose_threshold
from evaluation.run.question_run import (
    FinishedQuestion,
    QuestionTask,
    SystemUnderTest,
    ask,
    show_passages,
)
from evaluation.run.run_files import write_outputs
from evaluation.run.systems import System
from rag.errors import DatasetError

if TYPE_CHECKING:
    from evaluation.run.corpus import Progress

WORST = 20  # questions that keep their passages


@dataclass
class RunOptions:
    """Options of a run.

    Attributes:
        out: Folder for the run.
        seed: Random seed of bootstrap, randomisation and sample.
        limit: Recorded in the results; the sample was taken before.
        collection: Existing collection to query, or None for a throw-away collection.
        answers: Whether the systems answer; None means if gold answers are known.
        command: Command line, recorded in `env.json`.
        indexing: Called while documents are indexed.
        asking: Called after each question.
    """

    out: Path
    seed: int = 0
    limit: int | None = None
    collection: str | None = None
    answers: bool | None = None
    command: Sequence[str] = ()
    indexing: "Progress" = field(default=lambda done, total, what: None)
    asking: "Progress" = field(default=lambda done, total, what: None)


def run_evaluation(dataset: Dataset, systems: Sequence[System], options: RunOptions) -> Results:
    """Ask all questions of all systems, and write the results.

    Args:
        dataset: The data set, or its sample.
        systems: Systems to compare; the first is the baseline.
        options: Options of the run.

    Returns:
        The results, as written to `results.json`.

    Raises:
        DatasetError: If the folder holds another run, or cannot be written, or nothing is judged.
        RagError: If the documents cannot be indexed or a model cannot be loaded.
    """
    asks = dataset.has_answers if options.answers is None else options.answers
    if not asks and not any(question.is_judged for question in dataset.questions):
        raise DatasetError(f"`{dataset.path}` has neither gold answers nor judgements.")
    with ExitStack() as stack:
        made = systems_under_test.prepare(
            dataset,
            systems,
            collection=options.collection,
            answers=asks,
            progress=options.indexing,
            stack=stack,
        )
        run = _run_key(dataset, made, options)
        journal = stack.enter_context(open_journal(options.out, run))
        finished = _ask_all(made, journal, options)
        results = _results(dataset, made, finished, options)
        qrels = {
            task.question.question_id: task.judgement.grades
            for task in made[0].tasks
            if task.judgement.grades
        }
        write_outputs(options.out, results, finished, qrels)
    return results


def _run_key(
    dataset: Dataset, made: Sequence[systems_under_test.PreparedSystem], options: RunOptions
) -> dict[str, Any]:
    return {
        "dataset": dataset.name,
        "questions": dataset.questions_sha256,
        "judgements": dataset.qrels_sha256,
        "seed": options.seed,
        "limit": options.limit,
        "collection": options.collection,
        "systems": {each.under_test.system.name: each.facts for each in made},
    }


def _ask_all(
    made: Sequence[systems_under_test.PreparedSystem], journal: RunJournal, options: RunOptions
) -> dict[str, list[FinishedQuestion]]:
    """Return system -> finished questions; those not in the journal are asked."""
    finished: dict[str, list[FinishedQuestion]] = {each.under_test.system.name: [] for each in made}
    count = len(made[0].tasks)
    for number in range(count):
        made[0].under_test.shared.next_question()
        for each in made:
            name, task = each.under_test.system.name, each.tasks[number]
            finished[name].append(_ask_once(task, each.under_test, journal))
        options.asking(number + 1, count, "questions")
    return finished


def _ask_once(
    task: QuestionTask, under_test: SystemUnderTest, journal: RunJournal
) -> FinishedQuestion:
    key = (under_test.system.name, task.question.question_id)
    if key not in journal.found:
        journal.append(*key, asdict(ask(task, under_test)))
    line = journal.found[key]  # new lines take the same path as old ones: same bytes
    return TypeAdapter(FinishedQuestion).validate_python(
        {name: line[name] for name in ("result", "ranking", "ms")}
    )


def _results(
    dataset: Dataset,
    made: Sequence[systems_under_test.PreparedSystem],
    finished: Mapping[str, Sequence[FinishedQuestion]],
    options: RunOptions,
) -> Results:
    metrics = _main_metrics(dataset, answers=made[0].under_test.answers)
    systems: list[SystemResult] = []
    for each in made:
        asked = finished[each.under_test.system.name]
        systems.append(_system(each, asked, metrics, options.seed, systems[:1]))
    present = {name for system in systems for name in system.metrics}
    metrics = tuple(name for name in metrics if name in present)
    return Results(
        dataset=_dataset_info(dataset, made[0]),
        systems=tuple(systems),
        comparisons=compare_systems(systems, metrics, seed=options.seed),
        main_metrics=metrics,
        conventions=CONVENTIONS,
        seed=options.seed,
        limit=options.limit,
        timings=_timings(made, finished),
        environment=environment(options.command, seed=options.seed, limit=options.limit),
    )


def _main_metrics(dataset: Dataset, *, answers: bool) -> tuple[str, ...]:
    found = BY_DOCUMENT if dataset.matching == "documents" else BY_SPAN
    if not answers:
        return found
    declines = any(not question.is_answerable for question in dataset.questions)
    return (*found, *OF_ANSWERS, *(("abstained right",) if declines else ()))


def _system(
    prepared: systems_under_test.PreparedSystem,
    asked: Sequence[FinishedQuestion],
    metrics: Sequence[str],
    seed: int,
    baseline: Sequence[SystemResult],
) -> SystemResult:
    under_test = prepared.under_test
    queries = [each.result for each in asked]
    worst = _worst(queries, baseline[0].queries if baseline else None)
    tasks = {task.question.question_id: task for task in prepared.tasks}
    for place, each in enumerate(queries):
        if each.question_id in worst:
            under_test.shared.next_question()
            queries[place] = show_passages(tasks[each.question_id], under_test, each)
    recall, success = aggregation.curves(asked, [task.judgement.grades for task in prepared.tasks])
    return SystemResult(
        name=under_test.system.name,
        overrides=under_test.system.overrides,
        config=under_test.system.config.model_dump(mode="json"),
        manifest=prepared.manifest,
        passages=prepared.passages,
        metrics=aggregation.metric_means(queries, seed=seed),
        recall_curve=tuple(recall),
        success_curve=tuple(success),
        slices=aggregation.slice_means(queries, seed=seed, only=metrics),
        funnel=aggregation.funnel(queries, under_test),
        confidence=aggregation.confidence_of(queries, under_test),
        unanswered=sum(not each.ranking and "recall@1" in each.metrics for each in queries),
        errors={each.question_id: each.error for each in queries if each.error},
        worst=worst,
        queries=tuple(queries),
        chosen_threshold=choose_threshold(
            queries, under_test.system.config.abstention.threshold, seed=seed
        ),
        relevance=aggregation.relevance_calibration(queries),
    )


def _worst(
    queries: Sequence[QueryResult], baseline: Sequence[QueryResult] | None
) -> tuple[str, ...]:
    """Return the ids of the failed questions, largest loss against the baseline first."""
    before = {each.question_id: _worth(each) for each in baseline or ()}

    def order(each: QueryResult) -> tuple[float, float, str]:
        worth = _worth(each)
        return (worth - before.get(each.question_id, worth), worth, each.question_id)

    wrong = sorted((each for each in queries if each.cause), key=order)
    return tuple(each.question_id for each in wrong[:WORST])


def _worth(each: QueryResult) -> float:
    """Return the quality of a result from 0 to 1: retrieval and, in a run with answers, answer."""
    found = each.metrics.get("nDCG@10", each.metrics.get("abstained right", 0.0))
    said = each.metrics.get("gold in answer", each.metrics.get("EM"))
    return found if said is None else (found + said) / 2


def _dataset_info(dataset: Dataset, prepared: systems_under_test.PreparedSystem) -> DatasetInfo:
    questions, tasks = dataset.questions, prepared.tasks
    judged = [task.judgement for task in tasks if task.judgement.grades]
    lost = sum(not each.by_document and not all(each.pieces.values()) for each in judged)
    notes = list(dataset.notes)
    unplaced = sum(bool(each.answers) and not each.is_judged for each in questions)
    if unplaced:
        notes.append(
            f"{unplaced} of {len(questions)} questions have answers but no evidence: what was "
            "retrieved and cited for them is not measured."
        )
    if lost:
        notes.append(f"{lost} questions have gold evidence that is not in the collection.")
    notes += [f"not indexed: {failure}" for failure in prepared.corpus.failures]
    return DatasetInfo(
        name=dataset.name,
        matching=dataset.matching,
        questions_sha256=dataset.questions_sha256,
        qrels_sha256=dataset.qrels_sha256,
        questions=len(questions),
        answerable=sum(question.is_answerable for question in questions),
        judgements=sum(len(each.grades) for each in judged),
        without_relevant=sum(max(each.grades.values()) < 1 for each in judged),
        documents=prepared.corpus.documents,
        clusters=len({each.cluster or each.question_id for each in questions}),
        sampled_from=dataset.sampled_from,
        synthetic=dataset.synthetic,
        has_answers=dataset.has_answers,
        notes=tuple(notes),
    )


def _timings(
    made: Sequence[systems_under_test.PreparedSystem],
    finished: Mapping[str, Sequence[FinishedQuestion]],
) -> Timings:
    spent = {
        name: sum(each.ms.get("total", 0.0) for each in asked) for name, asked in finished.items()
    }
    return Timings(
        stages={name: aggregation.stage_timings(asked) for name, asked in finished.items()},
        queries={
            name: {each.result.question_id: each.ms for each in asked}
            for name, asked in finished.items()
        },
        throughput={
            name: round(1000 * len(finished[name]) / ms, 3) if ms else 0.0
            for name, ms in spent.items()
        },
        indexing_seconds={each.under_test.system.name: each.corpus.seconds for each in made},
        index_bytes={each.under_test.system.name: each.corpus.index_bytes for each in made},
        peak_memory_mb=peak_memory_mb(),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )
