"""The joint reader-ranker: one encoder with heads for spans, for no answer, and for relevance.

Its folder holds `config.json`, `model.safetensors` and a tokenizer, and is also a stock
`...ForQuestionAnswering` model: encoder and span head have the names they have there, and all other
settings stand under `citewell` in `config.json`. The folder contains no code.
"""

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file
from torch import nn

from rag.models.int8 import load_weights
from rag.models.model_files import OWN
from rag.models.windows import Window

# Drawing so many random numbers takes a processor as long as the rest of a step.
DROPOUTS = ("attention_probs_dropout_prob", "hidden_dropout_prob")
ROUNDED = 32  # tokens: few shapes, as the processor plans each new one


class ReaderRankerOutput(NamedTuple):
    """Output of one forward pass over some windows.

    Attributes:
        starts: Tensor of shape (windows, tokens): logit that the answer starts at a token; place 0
            stands for no answer.
        ends: The same for the answer's last token.
        null: Tensor of shape (windows,): logit that the window does not answer.
        relevance: Tensor of shape (windows,): logit that the window is relevant to the question.
    """

    starts: torch.Tensor
    ends: torch.Tensor
    null: torch.Tensor
    relevance: torch.Tensor


class ReaderRanker(nn.Module):
    """An encoder with three heads.

    Args:
        config: The encoder's configuration, with or without `citewell`.
        encoder: The encoder.
        prefix: Name of the encoder's weights.
    """

    def __init__(self, config: Any, encoder: nn.Module, prefix: str) -> None:  # noqa: ANN401 - of transformers
        super().__init__()
        self.config, self.prefix = config, prefix
        self.add_module(prefix, encoder)
        size = config.hidden_size
        self.qa_outputs = nn.Linear(size, 2)
        self.summary = nn.Linear(size, size)
        self.null = nn.Linear(size, 1)
        self.relevance = nn.Linear(size, 1)
        self.dropout = nn.Dropout(0.1)

    @property
    def encoder(self) -> nn.Module:
        """The encoder without the heads."""
        return self.get_submodule(self.prefix)

    def forward(self, **inputs: torch.Tensor) -> ReaderRankerOutput:
        """Return the outputs of the heads for some windows.

        Args:
            **inputs: `input_ids`, `attention_mask` and, where the encoder has them,
                `token_type_ids`, each of shape (windows, tokens).
        """
        hidden = self.encoder(**inputs).last_hidden_state
        with torch.autocast(hidden.device.type, enabled=False):
            hidden = hidden.float()  # bfloat16 would round logits to a thirty-second
            starts, ends = self.qa_outputs(hidden).unbind(-1)
            summary = self.dropout(torch.tanh(self.summary(hidden[:, 0])))
            null, relevance = self.null(summary), self.relevance(summary)
        return ReaderRankerOutput(starts, ends, null.squeeze(-1), relevance.squeeze(-1))


def to_tensors(windows: Sequence[Window], model: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401
    """Return the inputs of an encoder for some windows, padded to a common length.

    Args:
        windows: At least one window.
        model: The encoder, or a model with the same inputs; determines device and input names.
    """
    padding = model.config.pad_token_id or 0
    longest = max(len(window.ids) for window in windows)
    most = getattr(model.config, "max_position_embeddings", longest) - padding - 1
    longest = max(longest, min(-(-longest // ROUNDED) * ROUNDED, most))
    ids = torch.full((len(windows), longest), padding)
    types, mask = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, window in enumerate(windows):
        count = len(window.ids)
        ids[row, :count] = torch.tensor(window.ids)
        types[row, :count] = torch.tensor(window.types)
        mask[row, :count] = 1
    found = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    taken = inspect.signature(model.forward).parameters
    device = next(model.parameters()).device
    return {name: each.to(device) for name, each in found.items() if name in taken}


def _unfitted(folder: Path, *, dropouts: bool = True) -> ReaderRanker:
    """Return a model of the shape that a folder's configuration says, with new weights."""
    from transformers import MODEL_MAPPING, AutoConfig

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    for name in () if dropouts else DROPOUTS:
        if hasattr(config, name):
            setattr(config, name, 0.0)
    kind: Any = MODEL_MAPPING[type(config)]
    pools = "add_pooling_layer" in inspect.signature(kind.__init__).parameters
    encoder = kind(config, add_pooling_layer=False) if pools else kind(config)
    return ReaderRanker(config, encoder, kind.base_model_prefix)


def reader_ranker_from_encoder(folder: Path) -> ReaderRanker:
    """Return a model with the encoder of a folder and new heads; a joint model keeps its heads.

    Raises:
        KeyError: If the encoder's type is unknown, or some of its weights are missing.
        OSError: If the folder cannot be read.
        ValueError: If its configuration cannot be read.
    """
    model = _unfitted(folder, dropouts=False)
    weights = load_weights(folder)
    wanted = model.state_dict()
    own = {name: _weight(weights, name, model.prefix) for name in wanted}
    start = f"{model.prefix}."
    missing = [name for name, each in own.items() if each is None and name.startswith(start)]
    if missing:
        raise KeyError(f"no weights for {missing[0]} and {len(missing) - 1} others")
    kept = getattr(model.config, OWN, None) is not None
    found = {
        name: each.float()
        for name, each in own.items()
        if each is not None and (kept or name.startswith(start))
    }
    model.load_state_dict(wanted | found)
    return model


def load_reader_ranker(folder: Path) -> ReaderRanker:
    """Return the joint model of a folder.

    Raises:
        KeyError: If weights are missing.
        OSError: If the folder cannot be read.
        RuntimeError: If weights do not fit the configuration.
    """
    model = _unfitted(folder)
    model.load_state_dict(load_weights(folder))
    return model.eval()


def save_reader_ranker(
    model: ReaderRanker, folder: Path, *, facts: dict[str, Any], dtype: str = "float16"
) -> None:
    """Write `config.json` and `model.safetensors` into a folder.

    Args:
        model: The model.
        folder: An existing folder.
        facts: Settings stored under `citewell` in `config.json`.
        dtype: Number format of the stored weights.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    from transformers import MODEL_FOR_QUESTION_ANSWERING_MAPPING

    content = model.config.to_dict() | {OWN: facts, "dtype": dtype}
    stock: Any = MODEL_FOR_QUESTION_ANSWERING_MAPPING.get(type(model.config), None)
    content["architectures"] = [stock.__name__ if stock else type(model).__name__]
    text = json.dumps(content, indent=2, sort_keys=True, default=str) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")
    kind = getattr(torch, dtype)
    weights = {
        name: each.detach().cpu().to(kind).contiguous() if each.is_floating_point() else each
        for name, each in model.state_dict().items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _weight(weights: dict[str, torch.Tensor], name: str, prefix: str) -> torch.Tensor | None:
    """Return a weight by its own name, or by its name in the encoder alone."""
    found = weights.get(name)
    return weights.get(name.removeprefix(f"{prefix}.")) if found is None else found
