"""The configuration of the reader."""

from typing import Literal

from pydantic import Field

from rag.config.section import ConfigSection


class ReaderConfig(ConfigSection):
    """How evidence is found in the best passages, and how much of it is quoted.

    Attributes:
        kind: `sentences`: the sentences of the passages, by meaning and shared words; `spans`: a
            model finds the exact words that answer, and the sentence around them is quoted.
        sentences: Most sentences in an answer.
        share: A further sentence is added only above this share of the best one's score.
        model: For `spans`: `auto`, by the question's language the one that was trained here or
            comes with this package; or a folder or hub name of a reader or a joint reader-ranker.
        languages: Languages that a named model serves; in others sentences are looked for. None is
            what the model says of itself, or English.
        longest_answer: Most tokens of a span.
        n_best: Spans looked at in each passage.
        enough: Where ranker and reader are one model and an answer is quoted, passages are ranked
            until one answers with this probability; 1 ranks all candidates.
        device: `auto` takes a GPU if there is one.
        dtype: `auto` is bfloat16 where the processor has it, else float32.
        batch_size: Windows read at once.
    """

    kind: Literal["sentences", "spans"] = "spans"
    sentences: int = Field(default=2, ge=1, le=10)
    share: float = Field(default=0.8, ge=0, le=1)
    model: str = "auto"
    languages: tuple[str, ...] | None = None
    longest_answer: int = Field(default=60, ge=1, le=512)
    n_best: int = Field(default=5, ge=1, le=100)
    enough: float = Field(default=0.9, gt=0, le=1)
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: int = Field(default=16, ge=1, le=4096)
