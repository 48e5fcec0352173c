"""An embedder in ONNX Runtime, with the methods of a `SentenceTransformer` that are used here.

Prompts, order, batches and truncation are those of sentence-transformers, so that the vectors are
the same.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.models.model_files import ModelFiles
from rag.models.onnx_graphs import OnnxModel
from rag.models.windows import copy_tokenizer

Vectors = npt.NDArray[np.float32]
BATCH_TOKENS = 4096  # padding included: more at a time needs memory and gains no speed


class OnnxEncoder:
    """Vectors of texts by a model in ONNX Runtime.

    Args:
        files: The model's files.
        model: The model.

    Attributes:
        prompts: Texts put before a question (`query`) and a passage (`document`).
    """

    def __init__(self, files: ModelFiles, model: OnnxModel) -> None:
        self._tokenizer, self._model = copy_tokenizer(files.tokenizer), model
        self._tokenizer.enable_truncation(files.longest)
        self._padding = files.padding
        prompts = files.read("config_sentence_transformers.json").get("prompts") or {}
        self.prompts = {role: prompts.get(role) or "" for role in ("query", "document")}

    def encode_query(self, texts: Sequence[str], **options: Any) -> Vectors:  # noqa: ANN401
        """Return the vectors of questions; see `encode_document`."""
        return self._encode(self.prompts["query"], texts, **options)

    def encode_document(self, texts: Sequence[str], **options: Any) -> Vectors:  # noqa: ANN401
        """Return the vectors of passages.

        Args:
            texts: At least one text; what is longer than the model reads is cut off.
            **options: `batch_size`, 32 by default; others are of no effect here.

        Returns:
            float32 array of shape (len(texts), dim).

        Raises:
            RuntimeError: If memory is short.
        """
        return self._encode(self.prompts["document"], texts, **options)

    def _encode(
        self,
        prompt: str,
        texts: Sequence[str],
        batch_size: int = 32,
        **_: Any,  # noqa: ANN401
    ) -> Vectors:
        encodings = self._tokenizer.encode_batch([prompt + text for text in texts])
        order = sorted(range(len(texts)), key=lambda place: (-len(encodings[place].ids), place))
        rows: Vectors | None = None
        start = 0
        while start < len(order):
            fit = max(BATCH_TOKENS // len(encodings[order[start]].ids), 1)
            places = order[start : start + min(batch_size, fit)]
            some = [encodings[place] for place in places]
            found = self._model.run(
                pad([each.ids for each in some], self._padding),
                pad([each.attention_mask for each in some]),
                pad([each.type_ids for each in some]),
            )["vectors"]
            if rows is None:
                rows = np.empty((len(texts), found.shape[1]), np.float32)
            rows[places] = found
            start += len(places)
        assert rows is not None  # noqa: S101 - at least one text
        return rows


def pad(rows: Sequence[Sequence[int]], padding: int = 0) -> npt.NDArray[np.int64]:
    """Return rows of numbers as an array, filled up to the longest.

    Example:
        >>> pad([[5, 6], [7]]).tolist()
        [[5, 6], [7, 0]]
    """
    found = np.full((len(rows), max(map(len, rows))), padding, np.int64)
    for place, row in enumerate(rows):
        found[place, : len(row)] = row
    return found
