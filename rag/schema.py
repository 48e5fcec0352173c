"""Public result types of `rag`: plain frozen values, without Haystack types.

Conventions for all of them: ranks start at 1; scores are higher-is-better and comparable only
within their stage; `start` and `end` are character offsets into the document's stored text, end
exclusive; `page` starts at 1 and is None where a format has no pages; milliseconds are floats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rag.view import Edit, View

Method = Literal["bm25", "dense", "hybrid"]
# Fields that are left out of JSON if they are unset.
OMITTED = frozenset({"short", "answer_start", "answer_end", "gist", "collection", "runtime"})


@dataclass(frozen=True)
class StageScore:
    """Rank, from 1, and score of a passage in one stage."""

    rank: int
    score: float


@dataclass(frozen=True)
class Place:
    """Page and heading that hold from an offset on, up to that of the next place.

    `start` is an offset into the document's stored text.
    """

    start: int
    page: int | None
    heading: str | None


@dataclass(frozen=True)
class Passage:
    """A retrieved unit of a document; `text` is exactly the document's text from start to end.

    Attributes:
        rank: Position in the result, from 1.
        passage_id: `document_id:number`.
        document_id: Id of the document that contains it.
        source: Origin of the document, as shown to people.
        title: The document's title, or an empty string.
        heading: Heading path at the passage's start (`A > B`), or None.
        page: Page number at the passage's start, from 1, or None.
        start: Offset of the first character in the document's stored text.
        end: Offset behind the last character.
        text: The characters from `start` to `end`.
        score: Score of the last stage.
        stages: Stage name -> rank and score there; only stages that returned the passage.
        edits: Changes that make `text` readable, with offsets in it; None if nobody has made a
            view of it (collections of older versions).
        places: Pages and headings that begin inside the passage.
        copies: Number of other passages in the collection, among those the filters let through,
            that read the same; they take no place of their own.
        relevance: Calibrated probability, from 0 to 1, that it bears on the question; comparable
            across questions and collections, which a score is not. None in answers of older
            versions, and if nothing about it is known.
        collection: Name of its collection; "" in answers of older versions.
    """

    rank: int
    passage_id: str
    document_id: str
    source: str
    title: str
    heading: str | None
    page: int | None
    start: int
    end: int
    text: str
    score: float
    stages: Mapping[str, StageScore] = field(default_factory=dict)
    edits: tuple[Edit, ...] | None = None
    places: tuple[Place, ...] = ()
    copies: int = 0
    relevance: float | None = None
    collection: str = ""

    @property
    def view(self) -> View:
        """The passage in readable form."""
        return View(self.text, self.edits or (), lines_end=self.edits is not None)

    @property
    def pages(self) -> tuple[int, ...]:
        """The numbers of the pages on which the passage stands, ascending; none without pages."""
        found = {self.page, *(place.page for place in self.places)}
        return tuple(sorted(page for page in found if page is not None))

    def place_at(self, offset: int) -> Place:
        """Return page and heading at an offset into the document's stored text."""
        place = Place(self.start, self.page, self.heading)
        for each in self.places:
            if each.start <= offset:
                place = each
        return place


@dataclass(frozen=True)
class Citation:
    """A pointer from an answer sentence to the span of a document that supports it.

    `n` is the number shown in the answer as `[n]`; `quote` equals the document's stored text from
    `start` to `end`, character by character; page and heading are those of the words
    that answer, else of `start`.
    `answer_start` and `answer_end` delimit the exact words in it that answer, if the reader found
    them. `wording` is the quote in readable form, on one line, and `collection` the name of its
    collection; empty in answers of older versions.
    """

    n: int
    passage_id: str
    document_id: str
    source: str
    page: int | None
    heading: str | None
    start: int
    end: int
    quote: str
    answer_start: int | None = None
    answer_end: int | None = None
    wording: str = ""
    collection: str = ""

    @property
    def shown(self) -> str:
        """The quote as people read it."""
        return self.wording or " ".join(self.quote.split())


BlockKind = Literal["text", "list", "steps", "table", "code"]


@dataclass(frozen=True)
class AnswerLine:
    """A part of a quoted answer, and the number of its citation, if it has its own.

    `text` is readable; the parts of code and items of lists may have several lines.
    """

    text: str
    citation: int | None


@dataclass(frozen=True)
class AnswerBlock:
    """A quoted unit: sentences, a list or steps, rows of a table, or code.

    The first `lead` lines introduce the others: a sentence before a list, or a table's header,
    whose rows are those of a Markdown table.
    """

    kind: BlockKind
    lines: tuple[AnswerLine, ...]
    lead: int = 0


@dataclass(frozen=True)
class Stage:
    """One step of a run: its name, duration, number of results, and a note.

    `model` is the name of the model used, if any, and `runtime` what runs it, `onnx` or `torch`;
    `collection` is the name of the collection, if several were asked.
    """

    name: str
    ms: float
    count: int | None = None
    note: str | None = None
    model: str | None = None
    collection: str | None = None
    runtime: str | None = None


@dataclass(frozen=True)
class Trace:
    """The steps of one run, in order."""

    stages: tuple[Stage, ...]
    total_ms: float


@dataclass(frozen=True)
class SearchOptions:
    """The way a collection is searched; None is as configured.

    Attributes:
        method: `bm25`, `dense` or `hybrid`.
        top_k: Most passages, from 1 to 1000.
        filters: Only passages that match; see `rag.stores.filters`.
        rank: Whether the ranker puts passages in order; None does so if a ranker is configured,
            serves the question's language and was trained for it (`rag.retrieval.ranking_depth`).
        min_relevance: Passages below this relevance are left out, from 0 (none) to 1.
        kind: Type of the question for its answer, in place of the one that its form tells
            (`rag.language.question_types`).
    """

    method: Method | None = None
    top_k: int | None = None
    filters: dict[str, Any] | None = None
    rank: bool | None = None
    min_relevance: float | None = None
    kind: str | None = None


AS_CONFIGURED = SearchOptions()


@dataclass(frozen=True)
class SearchResult:
    """The passages found for a question, best first.

    Collection and generation are as in `Answer`. `gist` is what ranker and reader got of a long
    question; None if all of it.
    """

    question: str
    collection: str
    generation: int
    results: tuple[Passage, ...]
    trace: Trace
    gist: str | None = None


@dataclass(frozen=True)
class Answer:
    """An answer with its citations.

    Attributes:
        question: The question as it was asked.
        answer: The answer's text, with markers `[n]`; empty if abstained.
        abstained: True if the evidence is too weak to answer.
        reason: Reason for abstaining, or a note on omitted steps; None if there is none.
        confidence: Calibrated probability, from 0 to 1, that the answer is supported and right.
        citations: Citations in the order of their numbers.
        passages: Passages that the answer is based upon, best first.
        trace: Steps of the run.
        collection: Name of the collection; of several, names joined by commas.
        generation: Generation of the collection that was read; of several, the sum, which grows
            with every change.
        short: The exact words that answer best, on one line; None if no fact was asked for, the
            reader finds only sentences, or a language model wrote the answer.
        kind: Type of the question (`rag.language.question_types`); None in answers of older
            versions.
        blocks: The quoted units of which `answer` is made; empty if a language model wrote it.
        missing: Names and words of the question that no document has, if there is no answer.
    """

    question: str
    answer: str
    abstained: bool
    reason: str | None
    confidence: float
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    trace: Trace
    collection: str
    generation: int
    short: str | None = None
    kind: str | None = None
    blocks: tuple[AnswerBlock, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Turn:
    """One exchange of a conversation."""

    question: str
    answer: str


def answer_from_json(value: Mapping[str, Any]) -> Answer:
    """Return the answer from its JSON form, made by `to_json`.

    Raises:
        KeyError: If a field is missing.
        TypeError: If there is an unknown field.
    """
    trace = value["trace"]
    return Answer(
        **{
            **value,
            "citations": tuple(Citation(**each) for each in value["citations"]),
            "passages": passages_from_json(value["passages"]),
            "trace": Trace(tuple(Stage(**each) for each in trace["stages"]), trace["total_ms"]),
            "blocks": tuple(map(_block, value.get("blocks", ()))),
            "missing": tuple(value.get("missing", ())),
        }
    )


def passages_from_json(values: Sequence[Mapping[str, Any]]) -> tuple[Passage, ...]:
    """Return the passages from their JSON form, made by `to_json`."""
    return tuple(
        Passage(
            **{
                **value,
                "stages": {name: StageScore(**at) for name, at in value["stages"].items()},
                "edits": _edits(value.get("edits")),
                "places": tuple(Place(**each) for each in value.get("places", ())),
            }
        )
        for value in values
    )


def _block(value: Mapping[str, Any]) -> AnswerBlock:
    lines = tuple(AnswerLine(**each) for each in value["lines"])
    return AnswerBlock(value["kind"], lines, value["lead"])


def _edits(values: Sequence[Mapping[str, Any]] | None) -> tuple[Edit, ...] | None:
    return None if values is None else tuple(Edit(**each) for each in values)


def to_json(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass of this module
    """Return a value of this module as JSON-ready dictionaries and lists.

    Fields in `OMITTED` are left out if they are unset.
    """
    return asdict(value, dict_factory=_without_unset)


def _without_unset(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    return {name: each for name, each in pairs if each is not None or name not in OMITTED}
