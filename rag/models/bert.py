"""BERT's encoder in torch alone, for questions: transformers' model code takes seconds to import.

Operations, their order and the names of the weights are those of transformers' `BertModel` without
its pooler, so that results agree to 1e-5 or better (tested). Only folders that hold
exactly such a model are taken, see `plain_bert`; every other one is left to transformers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from rag.models.model_files import ModelFiles

PREFIX = "bert"  # of the encoder's weights in a model with heads
_OTHER_WEIGHTS = "adapter_config.json"
# Settings that change what is computed, with the only value that is computed here.
_FIXED: dict[str, Any] = {
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
    "chunk_size_feed_forward": 0,
    "auto_map": None,
    "quantization_config": None,
}


@dataclass(frozen=True)
class BertSettings:
    """Sizes of a BERT encoder, as in its `config.json`; defaults are those of transformers."""

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    pad_token_id: int | None = 0


class BertOutput(NamedTuple):
    """Output of the encoder: a tensor of shape (texts, tokens, hidden size)."""

    last_hidden_state: torch.Tensor


def plain_bert(files: ModelFiles) -> BertSettings | None:
    """Return the sizes of a folder's encoder if `BertEncoder` computes it exactly, else None."""
    found = files.read("config.json")
    if found.get("model_type") != "bert" or not _has_plain_weights(files.folder):
        return None
    if any(found.get(name, value) != value for name, value in _FIXED.items()):
        return None
    names = BertSettings.__dataclass_fields__
    given = {name: found[name] for name in names if name in found}
    sizes = [given[name] for name in given if name not in ("layer_norm_eps", "pad_token_id")]
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        return None
    settings = BertSettings(**given)
    return None if settings.hidden_size % settings.num_attention_heads else settings


def plain_tokenizer(files: ModelFiles) -> bool:
    """Return whether `tokenizer.json` alone gives the tokens that transformers would give.

    For the class `BertTokenizer`, transformers takes the vocabulary from it and builds the rest
    from `tokenizer_config.json`: the two must agree.
    """
    own, found = files.read("tokenizer_config.json"), files.read("tokenizer.json")
    kind = own.get("tokenizer_class")
    if not found or own.get("auto_map") or own.get("added_tokens_decoder"):
        return False
    if kind in ("PreTrainedTokenizerFast", "TokenizersBackend"):
        return True
    normalizer = {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": own.get("tokenize_chinese_chars", True),
        "strip_accents": own.get("strip_accents"),
        "lowercase": own.get("do_lower_case", True),
    }
    model = found.get("model") or {}
    return (
        kind in ("BertTokenizer", "BertTokenizerFast")
        and found.get("normalizer") == normalizer
        and found.get("pre_tokenizer") == {"type": "BertPreTokenizer"}
        and (model.get("unk_token"), model.get("continuing_subword_prefix")) == ("[UNK]", "##")
        and model.get("max_input_chars_per_word") == 100
    )


def _has_plain_weights(folder: Path) -> bool:
    names = [path.name for path in folder.glob("*.safetensors")]
    return names == ["model.safetensors"] and not (folder / _OTHER_WEIGHTS).exists()


def encoder_weights(
    weights: Mapping[str, torch.Tensor], encoder: nn.Module
) -> dict[str, torch.Tensor] | None:
    """Return an encoder's weights, which may stand under the prefix of a model with heads.

    None if some are missing.
    """
    names = [name for name, _ in encoder.named_parameters()]
    found = {name: weights.get(name, weights.get(f"{PREFIX}.{name}")) for name in names}
    kept = {name: each for name, each in found.items() if each is not None}
    return kept if len(kept) == len(names) else None


class _Linear(nn.Linear):
    """A linear layer whose weights are assigned; drawing numbers for them would take time."""

    def reset_parameters(self) -> None:
        """Leave the memory as it is."""


class _Embedding(nn.Embedding):
    """Vectors of tokens that are assigned, see `_Linear`."""

    def reset_parameters(self) -> None:
        """Leave the memory as it is."""


class BertEncoder(nn.Module):
    """BERT's embeddings and layers, for inference; its weights are to be assigned.

    Args:
        config: Sizes.
    """

    def __init__(self, config: BertSettings) -> None:
        super().__init__()
        self.config = config
        self.embeddings = _Embeddings(config)
        self.encoder = _Layers(config)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor,
    ) -> BertOutput:
        """Return the hidden states of the last layer.

        Args:
            input_ids: Tokens, of shape (texts, tokens).
            attention_mask: 1 for a token and 0 for padding, of the same shape.
            token_type_ids: 0 for the first text of a pair and 1 for the second, of the same shape.
        """
        hidden = self.embeddings(input_ids, token_type_ids)
        mask = attention_mask.bool()
        padded = None if bool(mask.all()) else mask[:, None, None, :]
        for layer in self.encoder.layer:
            hidden = layer(hidden, padded)
        return BertOutput(hidden)


class _Embeddings(nn.Module):
    def __init__(self, config: BertSettings) -> None:
        super().__init__()
        size = config.hidden_size
        self.word_embeddings = _Embedding(config.vocab_size, size)
        self.position_embeddings = _Embedding(config.max_position_embeddings, size)
        self.token_type_embeddings = _Embedding(config.type_vocab_size, size)
        self.LayerNorm = nn.LayerNorm(size, eps=config.layer_norm_eps)

    def forward(self, ids: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        places = torch.arange(ids.shape[1], device=ids.device)[None]
        found = self.word_embeddings(ids) + self.token_type_embeddings(types)
        normalised: torch.Tensor = self.LayerNorm(found + self.position_embeddings(places))
        return normalised


class _Layers(nn.Module):
    def __init__(self, config: BertSettings) -> None:
        super().__init__()
        self.layer = nn.ModuleList([_Layer(config) for _ in range(config.num_hidden_layers)])


class _Layer(nn.Module):
    def __init__(self, config: BertSettings) -> None:
        super().__init__()
        self.attention = _Attention(config)
        self.intermediate = _Dense(config.hidden_size, config.intermediate_size)
        self.output = _Joined(config.intermediate_size, config)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        attended = self.attention(hidden, mask)
        wide = functional.gelu(self.intermediate.dense(attended))
        joined: torch.Tensor = self.output(wide, attended)
        return joined


class _Attention(nn.Module):
    def __init__(self, config: BertSettings) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.self = _Projections(config.hidden_size)
        self.output = _Joined(config.hidden_size, config)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        count, tokens, size = hidden.shape
        query, key, value = (
            project(hidden).view(count, tokens, self.heads, -1).transpose(1, 2)
            for project in (self.self.query, self.self.key, self.self.value)
        )
        taken = mask if mask is None else mask.expand(-1, 1, tokens, -1)
        scale = 1 / math.sqrt(size // self.heads)
        found = functional.scaled_dot_product_attention(query, key, value, taken, scale=scale)
        joined: torch.Tensor = self.output(
            found.transpose(1, 2).reshape(count, tokens, size), hidden
        )
        return joined


class _Projections(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (_Linear(size, size) for _ in range(3))


class _Dense(nn.Module):
    def __init__(self, size: int, wide: int) -> None:
        super().__init__()
        self.dense = _Linear(size, wide)


class _Joined(nn.Module):
    """A linear layer whose result is added to what came before, and normalised."""

    def __init__(self, size: int, config: BertSettings) -> None:
        super().__init__()
        self.dense = _Linear(size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, found: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        joined: torch.Tensor = self.LayerNorm(self.dense(found) + before)
        return joined
