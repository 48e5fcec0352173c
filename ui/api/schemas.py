"""Schemas of requests, and of responses that `rag.schema` does not define.

Unknown fields are refused, and everything has a maximum size.
"""

from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from rag.collections import check_name
from rag.config import Method
from rag.errors import CollectionError, QuestionError
from rag.language.question_rules import QuestionType
from rag.retrieval.query import MOST_TURNS
from rag.schema import SearchOptions, Turn
from rag.stores.filters import Filter, parse_filter
from ui.api.errors import told
from ui.api.limits import DEEPEST_JSON, depth_of
from ui.services.library import CollectionInfo, DocumentRow
from ui.services.uploads import FileState, IndexSnapshot, JobState

LONGEST_QUESTION = 1_000_000  # `retrieval.max_question` limits what is answered
LONGEST_TURN_SENT = 100_000
MOST_COLLECTIONS = 16
MOST_READ = 100  # passages whose sentences are read

CutText = Annotated[str, AfterValidator(lambda text: text[:LONGEST_TURN_SENT])]
Question = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_QUESTION,
        description="The question, of at most `retrieval.max_question` characters.",
        examples=["How thick is the ice?"],
    ),
]
CollectionName = Annotated[
    str, Field(min_length=1, max_length=64, description="A collection.", examples=["default"])
]
CollectionNames = Annotated[
    Annotated[list[CollectionName], Field(min_length=1, max_length=MOST_COLLECTIONS)]
    | Literal["all"],
    Field(description="Where to look: names, or `all` for all that you may ask."),
]
MethodField = Annotated[Method | None, Field(description="None is the configured method.")]


def _read_filter(value: dict[str, Any] | str | None) -> Filter | None:
    """Return a filter that can be used, from an expression or as it was given."""
    if isinstance(value, str):
        try:
            return parse_filter(value)
        except QuestionError as error:
            raise ValueError(str(error)) from None
    if value is not None and depth_of(value) > DEEPEST_JSON:
        raise ValueError(f"conditions stand more than {DEEPEST_JSON} deep")
    return value or None


Filters = Annotated[
    dict[str, Any] | str | None,
    AfterValidator(_read_filter),
    Field(
        description="Only passages that match: a filter of Haystack's form, or an expression.",
        examples=['format == "pdf" and "Unit Price" >= 20'],
    ),
]


class Request(BaseModel):
    """Base of all request bodies."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class QuestionRequest(Request):
    """Fields shared by search and ask."""

    question: Question
    method: MethodField = None
    top_k: int | None = Field(
        None, ge=1, le=1000, description="Most passages; None is the configured number."
    )
    filters: Filters = None
    rank: bool | None = Field(
        None, description="Whether the ranker orders the passages; None does so if there is one."
    )

    min_relevance: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Passages less likely than this to bear on the question are left out; None is "
        "the configured number.",
    )

    @property
    def options(self) -> SearchOptions:
        """The way the collection is searched."""
        filters = self.filters if isinstance(self.filters, dict) else None  # parsed by then
        return SearchOptions(self.method, self.top_k, filters, self.rank, self.min_relevance)


class SearchRequest(QuestionRequest):
    """Where to look for what."""

    collections: CollectionNames = ["default"]
    read: bool = Field(
        False,
        description="Also find the sentence of each passage that answers best. Takes longer, and "
        f"at most {MOST_READ} passages.",
    )

    @model_validator(mode="after")
    def _not_too_much_is_read(self) -> Self:
        if self.read and (self.top_k or 0) > MOST_READ:
            raise ValueError(f"top_k: at most {MOST_READ} together with `read`")
        return self


class TurnRequest(Request):
    """One exchange of a conversation."""

    question: CutText
    answer: CutText = ""


class AskRequest(QuestionRequest):
    """A question, and where to find its answer."""

    collection: CollectionName = "default"
    collections: CollectionNames | None = Field(
        None, description="Several to answer from together, in place of `collection`."
    )
    top_k: int | None = Field(
        None, ge=1, le=MOST_READ, description="Most passages that the answer is made from."
    )
    history: list[TurnRequest] = Field(
        [],
        description="What was said before, oldest first; the last "
        f"{MOST_TURNS} are read, and the trace says so.",
    )
    budget: float | None = Field(
        None, ge=0, description="Seconds; steps are left out if it runs short."
    )
    kind: QuestionType | None = Field(
        None, description="Type of the question; None takes what its form tells."
    )
    write: bool = Field(
        True, description="False quotes the evidence even if a generator is configured."
    )
    stream: bool = Field(False, description="Answer as server-sent events.")

    @property
    def options(self) -> SearchOptions:
        """The way the collection is searched, and the type of the question."""
        return replace(super().options, kind=self.kind)

    @property
    def asked_collections(self) -> list[str] | Literal["all"]:
        """Where the answer is looked for."""
        return [self.collection] if self.collections is None else self.collections

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        if self.collections is not None and "collection" in self.model_fields_set:
            raise ValueError("give either `collection` or `collections`")
        return self

    @property
    def turns(self) -> list[Turn]:
        """History in the engine's format."""
        return [Turn(turn.question, turn.answer) for turn in self.history]


class CollectionRequest(Request):
    """A collection to be made."""

    name: str = Field(examples=["manuals"], description="1 to 64 letters, digits, `_`, `-`, `.`.")
    private: bool = Field(False, description="For those with this key alone.")

    @field_validator("name")
    @classmethod
    def _name_can_be_used(cls, value: str) -> str:
        try:
            check_name(value)
        except CollectionError as error:
            raise ValueError(str(error)) from None
        return value


class CollectionResponse(BaseModel):
    """A collection: how much is in it, and whether it can be asked."""

    name: str
    private: bool
    documents: int
    passages: int
    failures: int = Field(description="Files that could not be indexed.")
    generation: int = Field(description="Grows with every change; 0: nothing was indexed yet.")
    embedder: str | None
    updated: float | None = Field(description="Seconds since the epoch.")
    usable: bool = Field(description="Whether it can be asked.")

    @classmethod
    def of(cls, info: CollectionInfo) -> Self:
        """Return the public view of a collection."""
        return cls(
            name=info.name,
            private=bool(info.owner),
            documents=info.documents,
            passages=info.passages,
            failures=info.failures,
            generation=info.generation,
            embedder=info.embedder,
            updated=info.updated,
            usable=info.problem is None and info.generation > 0,
        )


class DocumentResponse(BaseModel):
    """A document of a collection."""

    document_id: str
    source: str = Field(description="Where it came from, as shown to people.")
    title: str
    kind: str = Field(description="Its suffix, such as `pdf`.")
    passages: int
    uploaded: bool

    @classmethod
    def of(cls, row: DocumentRow) -> Self:
        """Return the public view of a document."""
        return cls(
            document_id=row.document_id,
            source=row.source,
            title=row.title,
            kind=row.kind,
            passages=row.passages,
            uploaded=row.uploaded,
        )


class DocumentsResponse(BaseModel):
    """A page of a list of documents."""

    total: int
    documents: list[DocumentResponse]


class JobResponse(BaseModel):
    """Files being indexed, as far as it has come; `version` grows with every change."""

    job_id: str
    collection: str
    version: int
    state: JobState
    files: list[FileState]
    error: str | None = Field(description="Why the whole job failed.")

    @classmethod
    def of(cls, now: IndexSnapshot) -> Self:
        """Return the public view of a job: its failure without paths and names."""
        files, error = list(now.files), now.error
        if now.failure is not None:
            _, _, error = told(now.failure)
            files = [
                replace(file, reason=error) if file.reason == now.error else file for file in files
            ]
        return cls(
            job_id=now.job_id,
            collection=now.collection,
            version=now.version,
            state=now.state,
            files=files,
            error=error,
        )


class TextResponse(BaseModel):
    """A document's text, in which the offsets of passages and citations count."""

    document_id: str
    text: str
