"""Configuration of the reader."""

from typing import Literal

from pydantic import Field

from rag.config.section import ConfigSection


class ReaderConfig(ConfigSection):
    """The reader of evidence in the best passages, and the amount that is quoted.

    Attributes:
        kind: `sentences` scores the sentences of the passages by embedding and shared words;
            `spans` finds the exact words of the answer with a model and quotes their sentence.
        characters: Size of a quoted answer up to which a second unit is quoted; the first unit,
            such as a list or a procedure, is quoted whole.
        model: For `spans`: `auto`, which selects by the question's language a model trained here
            or shipped with this package; or a folder or hub name of a reader or reader-ranker.
        languages: Languages that a named model serves; for others `sentences` is used. None takes
            the languages that the model declares, or English.
        longest_answer: Maximum length of a span, in tokens.
        n_best: Number of spans considered in each passage.
        enough: If ranker and reader are one model and an answer is quoted, passages are ranked
            until one answers with this probability; 1 ranks all candidates.
        runtime: `auto` is ONNX Runtime on a processor, if the model has a graph, else torch.
        device: `auto` takes a GPU if there is one.
        dtype: `auto` is float32 in ONNX Runtime, and bfloat16 in torch where the processor has it.
        batch_size: Number of windows per batch.
    """

    kind: Literal["sentences", "spans"] = "spans"
    characters: int = Field(default=700, ge=0, le=20_000)
    model: str = "auto"
    languages: tuple[str, ...] | None = None
    longest_answer: int = Field(default=60, ge=1, le=512)
    n_best: int = Field(default=5, ge=1, le=100)
    enough: float = Field(default=0.9, gt=0, le=1)
    runtime: Literal["auto", "onnx", "torch"] = "auto"
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: int = Field(default=16, ge=1, le=4096)
