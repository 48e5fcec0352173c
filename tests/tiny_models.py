"""Tiny BERTs with random weights, saved in folders as real ones are."""

# ruff: noqa: S106 - tokens of a tokenizer, not passwords

import json

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertModel,
    PreTrainedTokenizerFast,
)

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = list("abcdefghijklmnopqrstuvwxyz0123456789.,?!:-") + [
    f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789"
]


def save_tokenizer(folder):
    vocabulary = {word: place for place, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        mask_token="[MASK]",
        model_max_length=128,
    ).save_pretrained(folder)
    return folder


def tiny_config(**values):
    return BertConfig(
        vocab_size=len(SPECIAL) + len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
        initializer_range=0.6,  # so that scores differ
        **values,
    )


def save_cross_encoder(folder, *, labels=1, seed=0):
    torch.manual_seed(seed)
    BertForSequenceClassification(tiny_config(num_labels=labels)).save_pretrained(folder)
    return save_tokenizer(folder)


def save_reader(folder, *, seed=0):
    torch.manual_seed(seed)
    BertForQuestionAnswering(tiny_config()).save_pretrained(folder)
    return save_tokenizer(folder)


def save_encoder(folder, *, seed=0):
    torch.manual_seed(seed)
    BertModel(tiny_config()).save_pretrained(folder)
    return save_tokenizer(folder)


def change_config(folder, **values):
    path = folder / "config.json"
    content = json.loads(path.read_text(encoding="utf-8")) | values
    path.write_text(json.dumps(content), encoding="utf-8")
