"""The configuration of the ranker."""

from typing import Literal

from pydantic import Field

from rag.config.section import ConfigSection


class RankerConfig(ConfigSection):
    """A cross-encoder that reads the question with each passage found and puts them in order.

    A model of `rag train` has learned from questions: keywords stay as found, see
    `rag.retrieval.ranking_depth`.

    Attributes:
        model: `auto`, by the question's language the one that was trained here or comes with this
            package; or a folder or hub name: a cross-encoder, or a joint reader-ranker.
        candidates: Passages that are ranked; what was found beyond them stays behind them.
        weight: Share of the model's score in the final one, against the score that the passages
            were found with; 1 is the model's alone. On texts unlike those it was trained on a small
            model alone does harm; half of each does not (benchmarks/README.md).
        languages: The languages that a named model serves; a question in another one is not ranked.
            None is what the model says of itself, or English.
        device: `auto` takes a GPU if there is one.
        dtype: `auto` is bfloat16 where the processor has it, else float32.
        batch_size: Passages read at once.
    """

    model: str = "auto"
    candidates: int = Field(default=20, ge=1, le=1000)
    weight: float = Field(default=0.5, gt=0, le=1)
    languages: tuple[str, ...] | None = None
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: int = Field(default=16, ge=1, le=4096)
