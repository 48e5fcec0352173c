"""Configuration of the fusion."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from rag.config.section import ConfigSection


class FusionConfig(ConfigSection):
    """Joining of the lists of bm25 and dense retrieval.

    Only the weights' ratio counts: dense has the share dense / (bm25 + dense). If one of them is
    set, the other one is 1.

    Attributes:
        kind: `scores`: a weighted mean of both scores, each as a share of its list's best; or
            `ranks`: reciprocal rank fusion, the sum of weight / (k + rank). If only `k` is set it
            is `ranks`, the only kind of older versions, with equal weights.
        k: Constant of `ranks`; the larger, the slower the weight falls with the rank.
        bm25: Weight of bm25's list.
        dense: Weight of the dense list.
        dense_foreign: Weight of the dense list for a question in a language that the embedder does
            not serve.
    """

    kind: Literal["scores", "ranks"] = "scores"
    k: int = Field(default=60, ge=1)
    bm25: float = Field(default=0.35, ge=0)
    dense: float = Field(default=0.65, ge=0)
    dense_foreign: float = Field(default=0.001, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _as_before_kinds(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        if not isinstance(given, dict):
            return given
        implied = {"kind": "ranks"} if "k" in given and "kind" not in given else {}
        filled = {**implied, **given}
        weighed = filled.get("kind") == "ranks" or "bm25" in given or "dense" in given
        return {**({"bm25": 1.0, "dense": 1.0} if weighed else {}), **filled}

    @model_validator(mode="after")
    def _one_counts(self) -> Self:
        if not self.bm25 and not self.dense:
            raise ValueError("one of `bm25` and `dense` must be above 0")
        return self
