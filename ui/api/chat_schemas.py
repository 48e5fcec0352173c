"""Schemas of OpenAI's chat completions, as far as they apply to a collection."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from rag.schema import Citation, Trace
from ui.api.schemas import LONGEST_QUESTION, LONGEST_TURN_SENT, Filters, Request

MOST_MESSAGES = 500

Ignored = Annotated[Any, Field(description="Accepted and not used.")]


class TextPart(BaseModel):
    """A part of a message; only text can be read."""

    type: Literal["text"]
    text: str = Field(max_length=LONGEST_QUESTION)


class Message(BaseModel):
    """One message. System and developer messages are not used: documents alone decide answers."""

    model_config = ConfigDict(extra="ignore")  # clients send back fields of earlier answers

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Annotated[str, Field(max_length=LONGEST_QUESTION)] | list[TextPart] | None = None

    @property
    def text(self) -> str:
        """Text of the message."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """Additional contents of a stream."""

    include_usage: bool = False
    include_obfuscation: bool = False


class TextFormat(BaseModel):
    """The form of an answer: always text."""

    type: Literal["text"] = "text"


class ChatRequest(Request):
    """A conversation whose last message is to be answered."""

    model: str = Field(
        max_length=100,
        description="`citewell/COLLECTION`; `citewell` alone is the collection `default`, and "
        "`citewell/all` all that you may ask.",
        examples=["citewell/default"],
    )
    messages: list[Message] = Field(
        min_length=1,
        description="Of a conversation that is longer than is read the oldest messages are left "
        "out, and the trace says so.",
    )
    filters: Filters = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    response_format: TextFormat | None = None
    temperature: Ignored = None
    top_p: Ignored = None
    max_tokens: Ignored = None
    max_completion_tokens: Ignored = None
    presence_penalty: Ignored = None
    frequency_penalty: Ignored = None
    logit_bias: Ignored = None
    stop: Ignored = None
    seed: Ignored = None
    user: Ignored = None
    metadata: Ignored = None
    store: Ignored = None
    service_tier: Ignored = None
    safety_identifier: Ignored = None
    prompt_cache_key: Ignored = None
    reasoning_effort: Ignored = None
    verbosity: Ignored = None

    @field_validator("messages", mode="before")
    @classmethod
    def _newest(cls, messages: Any) -> Any:  # noqa: ANN401 - as it was sent
        """Keep what can be read of a long conversation, so that it can go on."""
        if not isinstance(messages, list):
            return messages
        kept = messages[:1] if _is_system(messages[0] if messages else None) else []
        kept = messages if len(messages) <= MOST_MESSAGES else kept + messages[-MOST_MESSAGES:]
        return [*map(_shortened, kept[:-1]), *kept[-1:]]


def _is_system(message: object) -> bool:
    return isinstance(message, dict) and message.get("role") in ("system", "developer")


def _shortened(message: Any) -> Any:  # noqa: ANN401 - as it was sent
    """Return an earlier message with no more text than is read."""
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str) and len(content) > LONGEST_TURN_SENT:
        return {**message, "content": content[:LONGEST_TURN_SENT]}
    if isinstance(content, list):
        parts = [each for each in content if isinstance(each, dict) and each.get("type") == "text"]
        cut = [{**each, "text": each["text"][:LONGEST_TURN_SENT]} for each in parts
               if isinstance(each.get("text"), str)]  # fmt: skip
        return {**message, "content": cut}
    return message


class Usage(BaseModel):
    """Tokens, counted with the embedder's tokenizer."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Said(BaseModel):
    """The answer as a message: its text with markers `[n]`, and the list of sources."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(BaseModel):
    """The one answer."""

    index: Literal[0] = 0
    message: Said
    finish_reason: Literal["stop", "length"]
    logprobs: None = None


class CitewellFields(BaseModel):
    """Fields of this API beside OpenAI's."""

    citations: list[Citation] = Field(description="The exact spans that the markers point to.")
    abstained: bool
    reason: str | None
    confidence: float
    trace: Trace = Field(description="The steps, and what was done otherwise than asked.")


class ChatResponse(CitewellFields):
    """An answer in OpenAI's form."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage


class Model(BaseModel):
    """A collection, as a model that can be chatted with."""

    id: str = Field(examples=["citewell/default"])
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "citewell"


class Models(BaseModel):
    """The collections that you may ask."""

    object: Literal["list"] = "list"
    data: list[Model]
