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


def save_embedder(folder, *, seed=0, prompts=("ask: ", "")):
    """A sentence-transformers model with prompts, mean pooling and normalisation."""
    save_encoder(folder, seed=seed)
    kinds = ("models.Transformer", "models.Pooling", "models.Normalize")
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.{kind}"}
        for n, (path, kind) in enumerate(zip(("", "1_Pooling", "2_Normalize"), kinds, strict=True))
    ]
    facts = {"prompts": dict(zip(("query", "document"), prompts, strict=True))}
    pooling = {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling").mkdir()
    for name, content in (
        ("modules.json", modules),
        ("config_sentence_transformers.json", facts | {"similarity_fn_name": "cosine"}),
        ("1_Pooling/config.json", pooling),
        ("sentence_bert_config.json", {"max_seq_length": 100, "do_lower_case": False}),
    ):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


def change_config(folder, **values):
    path = folder / "config.json"
    content = json.loads(path.read_text(encoding="utf-8")) | values
    path.write_text(json.dumps(content), encoding="utf-8")
