"""Sections 9 and 10: errors, and the worst questions with their retrieved passages."""

from collections.abc import Iterator
from itertools import pairwise

from evaluation.report import baseline, numbers
from evaluation.report.layout import Block, Case, Cases, Cell, Line, Piece, ShownText, Table, Text
from evaluation.report.sections.funnel import cause_name
from evaluation.report.words import say
from evaluation.results.records import QueryResult, ShownPassage
from evaluation.results.schema import Results, SystemResult

WORST = 20
FULL = 5  # ranks that are shown even without gold or citation
EXCERPT = 240


def reliability(results: Results) -> tuple[Block, ...]:
    """Return the blocks of section 9."""
    names = ("system", "errors", "unanswered", "empty", "abstained", "judged")
    table = Table(
        say("reliable.caption", n=numbers.count(results.dataset.questions)),
        tuple(say(f"reliable.{name}") for name in names),
        tuple(_counters(system) for system in results.systems),
        note=say("reliable.note"),
    )
    failed = tuple(
        (Cell(system.name), Cell(question), Cell(error))
        for system in results.systems
        for question, error in system.errors.items()
    )
    if not failed:
        return (table, Line(say("reliable.none"), "note"))
    columns = (say("main.system"), say("case.question"), say("reliable.error"))
    return (table, Table(say("reliable.failed", n=len(failed)), columns, failed))


def _counters(system: SystemResult) -> tuple[Cell, ...]:
    n = len(system.queries)
    asked = [query for query in system.queries if query.answer is not None]
    empty = sum(not query.answer and not query.abstained and not query.error for query in asked)
    declined = sum(bool(query.abstained) for query in asked)
    judged = system.metrics.get("judged@10")
    silent = Cell("–", state="muted", sort=-1)
    return (
        Cell(system.name),
        _counted(len(system.errors), n, bad=True),
        _counted(system.unanswered, n, bad=True),
        _counted(empty, len(asked), bad=True) if asked else silent,
        _counted(declined, len(asked)) if asked else silent,
        Cell(numbers.fixed(judged.value), (f"n = {numbers.count(judged.n)}",), "", judged.value)
        if judged
        else silent,
    )


def _counted(part: int, whole: int, *, bad: bool = False) -> Cell:
    return Cell(numbers.share(part, whole), sort=part, state="bad" if bad and part else "")


def worst_cases(results: Results) -> tuple[Block, ...]:
    """Return the blocks of section 10."""
    blocks: list[Block] = []
    for place, system in enumerate(results.systems):
        by_id = {query.question_id: query for query in system.queries}
        chosen = [by_id[name] for name in system.worst[:WORST] if name in by_id]
        if not chosen:
            blocks.append(Line(say("missing.worst", system=system.name), "missing"))
            continue
        cases = tuple(one_case(results, system, query) for query in chosen)
        caption = say("case.caption", system=system.name, count=len(cases), n=len(by_id))
        blocks.append(Cases(system.name, caption, cases, folded=place > 0))
    return tuple(blocks)


def one_case(results: Results, system: SystemResult, query: QueryResult) -> Case:
    """Return a question's result under a system, next to the baseline's."""
    first = baseline.baseline(results)
    other = next((q for q in first.queries if q.question_id == query.question_id), None)
    compared = other if first is not system else None
    metrics = baseline.shown_metrics(results)
    passages = [shown_text(system.name, item) for item in _chosen(query.passages)]
    if compared:
        passages += [shown_text(first.name, item) for item in _chosen(compared.passages)]
    return Case(
        query=query,
        cause=cause_name(query.cause or "none"),
        pairs=tuple(_pairs(query)),
        scores=_scores(query, metrics),
        baseline=f"{first.name}: {_scores(compared, metrics)}" if compared else "",
        passages=tuple(passages),
    )


def _pairs(query: QueryResult) -> Iterator[tuple[Text, tuple[Text, ...]]]:
    """Yield the facts of a case; each piece of data is a text of its own."""
    golds = [text for gold in query.golds for text in ("·", gold)][1:]
    yield say("case.gold"), tuple(golds) or (say("case.no_gold"),)
    yield say("case.answer"), _answer(query)
    first = query.first_relevant
    yield say("case.first"), (str(first) if first else say("case.not_found"),)
    if query.confidence is not None:
        yield say("case.confidence"), (f"{query.confidence:.3f}",)
    if query.error:
        yield say("case.error"), (query.error,)


def _answer(query: QueryResult) -> tuple[Text, ...]:
    if query.answer is None:
        return (say("case.not_asked"),)
    if query.abstained:
        return (say("case.declined"), query.best_answer or "–")
    return (query.answer or "–",)


def _scores(query: QueryResult, metrics: list[str]) -> str:
    found = (f"{m} {numbers.fixed(query.metrics[m])}" for m in metrics if m in query.metrics)
    return " · ".join(found)


def _chosen(passages: tuple[ShownPassage, ...]) -> list[ShownPassage]:
    return [p for p in passages if p.rank <= FULL or p.gold or p.cited]


def shown_text(system: str, passage: ShownPassage) -> ShownText:
    """Return a passage for the page, its gold and cited characters marked.

    A passage without either is cut after its first characters.
    """
    pieces = marked(passage.text, passage.gold, passage.cited)
    if not passage.gold and not passage.cited and len(passage.text) > EXCERPT:
        pieces = ((_excerpt(passage.text), ""),)
    stages = " · ".join(
        f"{name} #{rank} ({score:.4g})" for name, (rank, score) in passage.stages.items()
    )
    source = passage.source or passage.document_id
    return ShownText(system, passage.rank, source, stages, pieces)


def _excerpt(text: str) -> str:
    """Return the first characters, up to a word boundary in scripts with spaces."""
    start = text[:EXCERPT]
    cut = start.rfind(" ")
    return (start[:cut] if cut > EXCERPT // 2 else start).rstrip() + " …"


def marked(
    text: str, gold: tuple[tuple[int, int], ...], cited: tuple[tuple[int, int], ...]
) -> tuple[Piece, ...]:
    """Cut a text at the ends of its spans; the joined pieces equal the text.

    Args:
        text: A passage.
        gold: Spans of gold evidence in the text.
        cited: Cited spans; may overlap those of `gold` and each other.

    Returns:
        Pieces with "", "gold", "cited" or "gold cited", none of them empty.

    Example:
        >>> marked("the brown fox", ((4, 9),), ((4, 13),))
        (('the ', ''), ('brown', 'gold cited'), (' fox', 'cited'))
    """
    ends = {0, len(text)}
    ends.update(end for span in (*gold, *cited) for end in span if 0 <= end <= len(text))
    cuts = sorted(ends)
    pieces = []
    for start, end in pairwise(cuts):
        kinds = [
            kind
            for kind, spans in (("gold", gold), ("cited", cited))
            if any(low <= start and end <= high for low, high in spans)
        ]
        pieces.append((text[start:end], " ".join(kinds)))
    return tuple(pieces)
