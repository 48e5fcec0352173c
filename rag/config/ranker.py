"""Configuration of the ranker."""

from typing import Literal

from pydantic import Field

from rag.config.section import ConfigSection


class RankerConfig(ConfigSection):
    """A cross-encoder that reads the question together with each candidate and orders them.

    A ranker trained with `rag train` has seen only questions: results for keywords are not ranked,
    see `rag.retrieval.ranking_depth`.

    Attributes:
        model: `auto`, which selects by the question's language a model trained here or shipped with
            this package; or a folder or hub name: a cross-encoder, or a joint reader-ranker.
        candidates: Number of passages that are ranked; the others follow them. More than five gain
            nothing on the sets that were measured (benchmarks/README.md).
        weight: Share of the model's score in the final one, against the retrieval score; 1 is the
            model's alone. On texts unlike its training data a small model alone does harm; half of
            each does not (benchmarks/README.md).
        languages: Languages that a named model serves; questions in others are not ranked. None
            takes the languages that the model declares, or English.
        runtime: `auto` is ONNX Runtime on a processor, if the model has a graph, else torch.
        device: `auto` takes a GPU if there is one.
        dtype: `auto` is float32 in ONNX Runtime, and bfloat16 in torch where the processor has it.
        batch_size: Number of passages per batch.
    """

    model: str = "auto"
    candidates: int = Field(default=5, ge=1, le=1000)
    weight: float = Field(default=0.5, gt=0, le=1)
    languages: tuple[str, ...] | None = None
    runtime: Literal["auto", "onnx", "torch"] = "auto"
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: int = Field(default=16, ge=1, le=4096)
