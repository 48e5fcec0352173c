"""An embedder's model without sentence-transformers, whose import takes seconds.

Taken for folders that hold a plain BERT encoder, mean or first-token pooling and, if any,
normalisation; sentence-transformers reads every other one. Order, batches, truncation, prompts and
number formats are those of `SentenceTransformer.encode_query` and `encode_document`, so that the
vectors are the same.
"""

import json
from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from rag.models.bert import (
    BertEncoder,
    encoder_weights,
    plain_bert,
    plain_tokenizer,
)
from rag.models.int8 import load_weights
from rag.models.model_files import ModelFiles

_POOLINGS = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}
_KINDS = ("Transformer", "Pooling", "Normalize")
_FORWARD = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}
# Settings of the first module, with the values that are followed here.
_READS: dict[str, Container[Any]] = {
    "max_seq_length": range(1, 1 << 20),
    "do_lower_case": (False,),
    "modality_config": (_FORWARD,),
    "module_output_name": ("token_embeddings",),
    "transformer_task": ("feature-extraction",),
}


class SentenceEncoder:
    """Vectors of texts by a BERT encoder, with the methods of a `SentenceTransformer` used here.

    Args:
        files: The model's files.
        encoder: The encoder, on its device and in its number format.
        pooling: `mean` of the tokens, or `cls`, the first.
        normalises: Whether vectors are brought to length 1 in the encoder's number format.

    Attributes:
        prompts: Texts put before a question (`query`) and a passage (`document`).
    """

    def __init__(
        self, files: ModelFiles, encoder: BertEncoder, *, pooling: str, normalises: bool
    ) -> None:
        self._tokenizer, self._longest = files.tokenizer, _longest(files)
        self._encoder, self._pooling, self._normalises = encoder, pooling, normalises
        prompts = files.read("config_sentence_transformers.json").get("prompts") or {}
        self.prompts = {role: prompts.get(role) or "" for role in ("query", "document")}

    def encode_query(self, texts: Sequence[str], **options: Any) -> npt.NDArray[np.float32]:  # noqa: ANN401
        """Return the vectors of questions; see `encode_document`."""
        return self._encode(self.prompts["query"], texts, **options)

    def encode_document(self, texts: Sequence[str], **options: Any) -> npt.NDArray[np.float32]:  # noqa: ANN401
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

    @torch.inference_mode()
    def _encode(
        self,
        prompt: str,
        texts: Sequence[str],
        batch_size: int = 32,
        **_: Any,  # noqa: ANN401
    ) -> npt.NDArray[np.float32]:
        order = np.argsort([-len(text) for text in texts])
        found = []
        for start in range(0, len(order), batch_size):
            batch = [prompt + texts[place] for place in order[start : start + batch_size]]
            found.append(self._embed(batch))
        vectors = torch.cat(found).float().cpu().numpy()
        rows: npt.NDArray[np.float32] = np.empty_like(vectors)
        rows[order] = vectors
        return rows

    def _embed(self, texts: Sequence[str]) -> torch.Tensor:
        ids, mask = self._tokens(texts)
        hidden = self._encoder(ids, mask, torch.zeros_like(ids)).last_hidden_state
        vectors = hidden[:, 0] if self._pooling == "cls" else _mean(hidden, mask)
        return functional.normalize(vectors, dim=-1) if self._normalises else vectors

    def _tokens(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return tokens and mask, of shape (texts, tokens), padded to the longest text."""
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        cut = [
            row if len(row) <= self._longest else [*row[: self._longest - 1], row[-1]]
            for row in rows
        ]
        longest, padding = max(map(len, cut)), self._encoder.config.pad_token_id or 0
        device = self._encoder.embeddings.word_embeddings.weight.device
        ids = torch.tensor([row + [padding] * (longest - len(row)) for row in cut], device=device)
        lengths = torch.tensor([len(row) for row in cut], device=device)
        mask = (torch.arange(longest, device=device)[None] < lengths[:, None]).long()
        return ids, mask


def _mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean of the tokens that are no padding, summed in float32."""
    exact = torch.float32 if hidden.dtype in (torch.float16, torch.bfloat16) else hidden.dtype
    taken = mask.unsqueeze(-1).to(hidden.dtype)
    total = (hidden * taken).sum(dim=1, dtype=exact)
    return (total / taken.sum(dim=1, dtype=exact).clamp(min=1e-9)).to(hidden.dtype)


def load_sentence_encoder(
    files: ModelFiles, *, device: str, dtype: torch.dtype
) -> SentenceEncoder | None:
    """Return the embedder's model, or None if its folder is one for sentence-transformers.

    Raises:
        OSError: If the folder cannot be read.
        RuntimeError: If weights are missing or do not fit the configuration.
        safetensors.SafetensorError: If the weights are damaged.
    """
    settings, modules = plain_bert(files), _modules(files)
    if settings is None or not _is_plain(files, modules) or not plain_tokenizer(files):
        return None
    pooling = _pooling(files.read(f"{modules[1][1]}/config.json"))
    ends = files.tokenizer.num_special_tokens_to_add(is_pair=False)
    if pooling is None or ends != 2 or _longest(files) > settings.max_position_embeddings:
        return None
    encoder = BertEncoder(settings)
    weights = encoder_weights(load_weights(files.folder), encoder)
    if weights is None:  # under other names
        return None
    encoder.load_state_dict(weights, assign=True)
    encoder = encoder.to(device=device, dtype=dtype).eval()
    return SentenceEncoder(files, encoder, pooling=pooling, normalises=len(modules) == len(_KINDS))


def _modules(files: ModelFiles) -> list[tuple[str, str]]:
    """Return the model's modules, each with its kind and folder; none if it lists none."""
    path = files.folder / "modules.json"
    listed = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    if not all(isinstance(each, dict) for each in listed):
        return []
    return [(_kind(str(each.get("type"))), str(each.get("path"))) for each in listed]


def _kind(name: str) -> str:
    library, _, kind = name.partition(".")
    return kind.rpartition(".")[-1] if library == "sentence_transformers" else ""


def _longest(files: ModelFiles) -> int:
    """Return the number of tokens that are read, special tokens included."""
    return int(files.read("sentence_bert_config.json")["max_seq_length"])


def _is_plain(files: ModelFiles, modules: Sequence[tuple[str, str]]) -> bool:
    """Return whether there are an encoder of text, pooling and perhaps normalisation alone."""
    if len(modules) < 2 or tuple(kind for kind, _ in modules) != _KINDS[: len(modules)]:
        return False
    reads = files.read("sentence_bert_config.json")
    normal = files.read(f"{modules[2][1]}/config.json") if len(modules) == len(_KINDS) else {}
    return (
        modules[0][1] == ""
        and bool(reads.get("max_seq_length"))
        and all(name in _READS and value in _READS[name] for name, value in reads.items())
        and set(normal.values()) <= {"sentence_embedding"}
    )


def _pooling(settings: Mapping[str, Any]) -> str | None:
    """Return `mean` or `cls`; None for any other pooling."""
    if not settings.get("include_prompt", True):
        return None
    names = [name for name in settings if name.startswith("pooling_mode_") and settings[name]]
    found = settings.get("pooling_mode") or _POOLINGS.get("+".join(names))
    return found if found in _POOLINGS.values() else None
