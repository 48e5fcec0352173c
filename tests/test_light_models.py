"""Models read without transformers and sentence-transformers: the same numbers, or theirs."""

import itertools
import json

import numpy as np
import pytest
import torch
from tiny_models import change_config, save_embedder, save_encoder, save_tokenizer
from transformers import AutoTokenizer

from rag.config import EmbedderConfig
from rag.models import embedder as embedders
from rag.models.bert import plain_bert, plain_tokenizer
from rag.models.embedder import Embedder, load_sentence_transformer
from rag.models.model_files import find_model
from rag.models.reader_ranker import (
    load_reader_ranker,
    open_reader_ranker,
    reader_ranker_from_encoder,
    save_reader_ranker,
    to_tensors,
)
from rag.models.sentence_encoder import SentenceEncoder, load_sentence_encoder
from rag.models.windows import WindowCutter

TEXTS = [
    "What is the dog called?",
    "A naïve café, Ärger [SEP] and a ﬁ ligature;\ttabs\nand \x07 lines",
    "",
    "电池组能用多久? 台北 🙂",
    "x",
    "word " * 120,
]
SHIPPED = ("all-MiniLM-L6-v2", "citewell-embedder-zh")


def find(name):
    return find_model(str(name), setting="embedder.model")


def edit(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values))


def made(folder, *, pooling="mean", normalises=True, **values):
    """A made embedder; `values` are settings of its encoder."""
    folder.mkdir()
    save_embedder(folder, prompts=("ask: ", "read: "))
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"embedding_dimension": 16, "pooling_mode": pooling})
    )
    if not normalises:
        modules = json.loads((folder / "modules.json").read_text())
        (folder / "modules.json").write_text(json.dumps(modules[:2]))
    change_config(folder, **values)
    return folder


def both(name, dtype):
    files = find(name)
    light = load_sentence_encoder(files, device="cpu", dtype=dtype)
    return light, load_sentence_transformer(files, "cpu", dtype)


def check_agreement(light, full, texts):
    for method in ("encode_query", "encode_document"):
        ours = getattr(light, method)(texts, batch_size=3)
        theirs = getattr(full, method)(texts, batch_size=3, show_progress_bar=False)
        assert ours.dtype == np.float32 and ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < 1e-5
    assert light.prompts.items() <= full.prompts.items()


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_embedders_give_the_vectors_of_sentence_transformers(name):
    check_agreement(*both(name, torch.float32), TEXTS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("normalises", [True, False])
def test_made_embedders_give_the_vectors_of_sentence_transformers(
    tmp_path, pooling, normalises, dtype
):
    folder = made(tmp_path / "made", pooling=pooling, normalises=normalises)
    light, full = both(folder, dtype)
    check_agreement(light, full, TEXTS)
    assert not np.allclose(light.encode_query(TEXTS), light.encode_document(TEXTS), atol=1e-3)


def whole(folder):
    """Nothing is changed."""


def max_pooling(folder):
    edit(folder / "1_Pooling" / "config.json", pooling_mode="max")


def without_the_prompt(folder):
    edit(folder / "1_Pooling" / "config.json", include_prompt=False)


def another_module(folder):
    (folder / "modules.json").write_text(
        (folder / "modules.json").read_text().replace("models.Normalize", "models.LayerNorm")
    )


def another_activation(folder):
    change_config(folder, hidden_act="relu")


def no_heads(folder):
    change_config(folder, num_attention_heads=0)


def modules_that_are_none(folder):
    (folder / "modules.json").write_text('{"0": "Transformer"}')


def lower_case_in_one_place(folder):
    edit(folder / "tokenizer_config.json", tokenizer_class="BertTokenizer", do_lower_case=False)


def longer_than_its_places(folder):
    edit(folder / "sentence_bert_config.json", max_seq_length=1000)


def unknown_setting(folder):
    edit(folder / "sentence_bert_config.json", query_length=5)


def names_of_weights(folder):
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    renamed = {
        name.replace("LayerNorm.weight", "gamma"): each for name, each in load_file(path).items()
    }
    save_file(renamed, path)


@pytest.mark.parametrize(
    ("change", "light"),
    [(whole, True)]
    + [
        (change, False)
        for change in (
            max_pooling, no_heads, modules_that_are_none,
            without_the_prompt, another_module, another_activation,
            lower_case_in_one_place, longer_than_its_places, unknown_setting, names_of_weights,
        )
    ],
)  # fmt: skip
def test_any_other_folder_is_left_to_sentence_transformers(tmp_path, monkeypatch, change, light):
    folder = made(tmp_path / "made")
    change(folder)
    monkeypatch.setattr(embedders, "load_sentence_transformer", lambda *_: "theirs")
    model = embedders._load(find(folder), EmbedderConfig(model=str(folder), dtype="float32"))
    assert isinstance(model, SentenceEncoder) if light else model == "theirs"


# -- readers


PAIRS = [("Why?", "Because of the rain, on 3 May."), ("How long is it?", "It has 12 metres. " * 9)]


def joint(tmp_path):
    (tmp_path / "encoder").mkdir()
    torch.manual_seed(1)
    model = reader_ranker_from_encoder(save_encoder(tmp_path / "encoder"))
    folder = tmp_path / "joint"
    folder.mkdir()
    save_reader_ranker(model, folder, facts={"length": 96, "stride": 16}, dtype="float32")
    return save_tokenizer(folder)


def test_a_joint_model_gives_the_same_numbers_without_transformers(tmp_path):
    files = find(joint(tmp_path))
    full, light = load_reader_ranker(files.folder), open_reader_ranker(files)
    assert type(light.encoder) is not type(full.encoder)
    cutter = WindowCutter(files.tokenizer, length=96, stride=16, longest_question=24)
    for pairs in (PAIRS, PAIRS[:1]):  # padded, and not
        windows = cutter.cut_pairs(pairs)
        with torch.inference_mode():
            ours = light(**to_tensors(windows, light.encoder))
            theirs = full(**to_tensors(windows, full.encoder))
        for one, other in zip(ours, theirs, strict=True):
            assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("name", [*SHIPPED, "citewell-reader-en", "citewell-reader-zh"])
def test_shipped_tokenizers_give_the_tokens_of_transformers(name):
    files = find(name)
    assert plain_bert(files) and plain_tokenizer(files)
    theirs = AutoTokenizer.from_pretrained(files.folder).backend_tokenizer
    theirs.no_padding(), theirs.no_truncation()
    pairs = list(itertools.pairwise(TEXTS))
    for texts in (TEXTS, pairs):
        for ours, other in zip(
            files.tokenizer.encode_batch(texts), theirs.encode_batch(texts), strict=True
        ):
            assert (ours.ids, ours.type_ids, ours.offsets) == (
                other.ids, other.type_ids, other.offsets,
            )  # fmt: skip


def test_an_embedder_is_loaded_without_its_libraries(embedder):
    assert isinstance(embedder._model, SentenceEncoder)
    assert isinstance(embedder, Embedder)
