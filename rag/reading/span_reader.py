"""Reader that finds the exact words that answer a question in the retrieved passages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from haystack import Document, component

from rag.clock import Stopwatch
from rag.language.analysis import tokens
from rag.language.sentences import behind_bullet, sentence_spans
from rag.models.pair_model import PairModel
from rag.models.windows import WindowOutput, find_spans, read_text, span_features
from rag.reading.evidence import (
    Evidence,
    heading_names,
    is_heading,
    locate,
    locate_words,
    on_one_line,
)
from rag.reading.table_rows import named_row, row_spans
from rag.schema import Stage
from rag.view import Span, view_of


@component
class SpanReader:
    """Haystack component: spans of passages, each with the probability that it answers.

    A span's margin is its start and end logit less the score of no answer in the same window: it
    has the same scale in every passage, so that spans of all passages compete. The model's
    calibration turns it, with the logits of the null and relevance heads, into a probability.

    Args:
        model: The reader's model.
        n_best: Maximum number of spans in a passage; none of them overlap.
        longest_answer: Maximum length of a span, in tokens.
    """

    def __init__(self, model: PairModel, n_best: int = 5, longest_answer: int = 30) -> None:
        self.model, self.n_best, self.longest_answer = model, n_best, longest_answer

    def warm_up(self) -> None:
        """Load the model."""
        self.model.warm_up()

    @component.output_types(evidence=list[Evidence], stage=Stage)
    def run(
        self, question: str, documents: list[Document], deadline: float | None = None
    ) -> dict[str, Any]:
        """Return the evidence, best first, and the time it took.

        Args:
            question: The question; only the beginning of a very long one is read.
            documents: Passages, best first; content may be empty or None.
            deadline: Time limit on the clock of `time.monotonic`.

        Returns:
            `evidence`: the sentence around each span, with the span; of two spans in the same
            sentences the better one. None if the deadline came first.
        """
        watch = Stopwatch()
        held = [document for document in documents if (document.content or "").strip()]
        tables = _tables(question, held)
        pairs = [(question, read_text(document)) for document in held]
        pairs += [(question, table.text) for table in tables]
        read = self.model.read(pairs, deadline=deadline)
        if read is None:
            return {"evidence": None, "stage": watch.stage("read", note="the budget was used up")}
        others = {table.document.id: table.others for table in tables}
        every = [
            each
            for table, windows in zip(tables, read[len(held) :], strict=True)
            for each in self.evidence(table.document, windows, part=table.row)
        ]
        for document, windows in zip(held, read, strict=False):
            without = others.get(document.id, ())
            every += self.evidence(document, windows, without=without)
        every.sort(key=lambda each: (-each.score, -each.features[0]))
        best: dict[tuple[str, int, int], Evidence] = {}
        for each in every:
            best.setdefault((each.passage_id, each.start, each.end), each)
        ordered = list(best.values())
        name, runtime = self.model.files.name, self.model.ran_by
        stage = watch.stage(
            "read", count=len(ordered), note="by spans", model=name, runtime=runtime
        )
        return {"evidence": ordered, "stage": stage}

    def answered(self, question: str, documents: Sequence[Document]) -> float:
        """Return the probability of the likeliest answer in some passages; 0 without any.

        Args:
            question: The question.
            documents: Passages; recent results of the model are reused.
        """
        read = self.model.read([(question, read_text(document)) for document in documents]) or ()
        found = [
            each.score
            for document, windows in zip(documents, read, strict=True)
            for each in self.evidence(document, windows)[:1]
        ]
        return max(found, default=0.0)

    def evidence(
        self,
        document: Document,
        windows: Sequence[WindowOutput],
        *,
        part: Span | None = None,
        without: Sequence[Span] = (),
    ) -> list[Evidence]:
        """Return the evidence in one passage, the best span first.

        Args:
            document: The passage.
            windows: Output of the model for its view, or for a part of it.
            part: The part that was read, in the view; None is all of it.
            without: Parts in which nothing is looked for.
        """
        view = view_of(document.content, document.meta)
        content = view.text
        begin = len(read_text(document)) - len(content)
        shift = begin - (part[0] if part else 0)
        sentences = sentence_spans(content, lines_end=view.lines_end)
        spans = find_spans(windows, most=self.n_best, longest=self.longest_answer, begin=begin)
        headings = heading_names(document.meta)
        found = []
        for span in spans:
            first, last = _trimmed(content, span.start - shift, span.end - shift)
            while first < last and (heading := _heading_at(content, sentences, first, headings)):
                first, last = _trimmed(content, min(heading, last), last)
            if not any(map(str.isalnum, content[first:last])) or any(
                a < last and first < b for a, b in without
            ):
                continue
            start, end = _around(content, sentences, first, last)
            place = locate(view, start, end)
            exact = locate_words(view, first, last, place) if place else None
            if place is None or exact is None:
                continue
            features = span_features(span, windows)
            score = self.model.calibration.probability(features)
            wordings = on_one_line(content[start:end]), on_one_line(content[first:last])
            found.append(Evidence(document.id, *place, features, score, exact, *wordings))
        return found


@dataclass(frozen=True)
class _NamedRow:
    """A passage with rows of a table, of which the question names one."""

    document: Document
    text: str
    row: Span
    others: tuple[Span, ...]


def _tables(question: str, documents: Sequence[Document]) -> list[_NamedRow]:
    """Return the passages in which the question names one row of several."""
    wanted, found = tokens(question), []
    for document in documents:
        view = view_of(document.content, document.meta)
        rows = row_spans(view)
        row = named_row(wanted, view, rows) if len(rows) > 1 else None
        if row is not None:
            title = read_text(document)[: -len(view.text)]
            others = tuple(each for each in rows if each != row)
            found.append(_NamedRow(document, title + view.text[slice(*row)], row, others))
    return found


def _heading_at(
    text: str, sentences: Sequence[Span], offset: int, headings: frozenset[str]
) -> int | None:
    """Return where the heading at an offset ends; None if there stands something else."""
    for first, last in sentences:
        if first <= offset < last and is_heading(text[first:last], headings):
            return last
    return None


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a span without white space at its borders."""
    part = text[start:end]
    first = start + len(part) - len(part.lstrip())
    return first, first + len(part.strip())


def _around(
    text: str, sentences: Sequence[tuple[int, int]], start: int, end: int
) -> tuple[int, int]:
    """Return the sentence around a span, or all sentences that it touches."""
    touched = [(first, last) for first, last in sentences if first < end and start < last]
    first, last = touched[0][0], touched[-1][1]
    return min(behind_bullet(text, first, last), start), last
