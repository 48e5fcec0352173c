"""The models that come with the package: whole, small, chosen by language, named in the trace."""

import hashlib
import re
import shutil
from pathlib import Path

import pytest
import torch
from loaded_models import load_shipped_once
from places import SAMPLE
from safetensors.torch import load_file, save_file

from evaluation.datasets import read_squad
from evaluation.training.promotion.promotion_set import mark_of, trained_on
from indexing.collection_language import language_of_files, settings_for
from indexing.conversions import Conversions
from indexing.pipeline import index_files, plan_index
from indexing.plan import FileSearch
from rag.collections import open_rag, open_store
from rag.config import Config, EmbedderConfig
from rag.config.ranker import RankerConfig
from rag.config.reader import ReaderConfig
from rag.errors import ModelError
from rag.models.default_models import SHIPPED, WEIGHTS, languages_of, model_for, promoted_folder
from rag.models.embedder import Embedder, embedder_settings
from rag.models.int8 import load_weights, pack
from rag.models.model_files import find_model
from rag.models.selection import open_roles, serving

MOST = 100_000_000  # bytes of everything that is shipped
OURS = sorted(path.name for path in WEIGHTS.iterdir() if path.is_dir())
ENGLISH = "The lamp in the tower is lit at dusk. Two keepers share the watch through the night."
CHINESE = "塔上的灯在黄昏时点亮。两名守塔人轮流值夜。灯油存放在地下室里。"
NOWHERE = Path("nowhere")


@pytest.fixture(autouse=True)
def _loaded_once(monkeypatch):
    load_shipped_once(monkeypatch)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RAG_HOME", str(tmp_path / "home"))
    return tmp_path


def write(folder, **texts):
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def index(folder, name):
    config = Config()
    store = open_store(name, config, create=True)
    search = FileSearch([folder], NOWHERE)
    with Conversions(config) as conversions:
        settings = settings_for(search, store, config, conversions)
        report = index_files(search, store, Embedder(settings), config, conversions)
    store.close()
    return report


# -- what is shipped


def test_every_file_is_what_its_checksum_says_and_none_is_missing():
    listed = {}
    for line in (WEIGHTS / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        listed[name] = digest
    there = {
        path.relative_to(WEIGHTS).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in WEIGHTS.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert there == listed


def test_all_of_it_is_small_and_only_ours():
    assert sum(path.stat().st_size for path in WEIGHTS.rglob("*")) <= MOST
    assert set(OURS) <= {name for names in SHIPPED.values() for name in names.values()}
    for name in OURS:
        files = find_model(name, setting="")
        assert files.origin == "citewell" and files.own["languages"]
        assert not list(files.folder.rglob("*.bin")) and not list(files.folder.rglob("*.py"))


@pytest.mark.parametrize("name", OURS)
def test_each_has_a_card_with_its_base_data_and_licences(name):
    card = (WEIGHTS / name / "README.md").read_text(encoding="utf-8")
    for part in ("Base:", "sha256", "## Data", "licence", "## Training", "## Scores"):
        assert part in card
    assert "not stated" not in card and not re.search(r"(^|[\s`])/\w", card)  # no one's folders


@pytest.mark.parametrize("name", OURS)
def test_each_says_what_it_was_trained_on_so_that_no_comparison_uses_it(name):
    marks = trained_on(name)
    assert len(marks) > 5_000
    sample = read_squad(SAMPLE / "questions.json")
    assert not [each.question for each in sample if mark_of(each.question) in marks]


def test_every_language_has_its_models_and_they_have_the_heads_for_it():
    roles = open_roles(Config())
    assert set(roles.readers) == set(roles.rankers) == {"en", "zh"} == set(languages_of("reader"))
    for language, model in roles.readers.items():
        assert model.reads and model.ranks and language in model.files.own["languages"]
        assert roles.rankers[language] is model  # one pass for both
    for language in languages_of("embedder"):
        embedder = Embedder(EmbedderConfig(model=model_for("embedder", language)))
        assert embedder.serves(language)


# -- chosen by language


def test_the_question_decides_which_model_ranks_and_reads(home):
    index(write(home / "both", lamp=ENGLISH, deng=CHINESE), "both")
    rag = open_rag("both", Config())
    for question, short in (("When is the lamp lit?", "dusk"), ("灯什么时候点亮？", "黄昏")):
        answer = rag.ask(question)
        language = "en" if question.isascii() else "zh"
        used = {stage.name: stage.model for stage in answer.trace.stages if stage.model}
        assert used["ranked"] == used["read"] == f"citewell-reader-{language}"
        assert used["embed"] == rag.store.manifest.embedder
        assert short in answer.short
    rag.store.close()


def test_a_language_without_a_model_is_neither_ranked_nor_read_and_says_so(home):
    index(write(home / "en", lamp=ENGLISH), "en")
    rag = open_rag("en", Config())
    answer = rag.ask("Когда зажигают lamp?")
    notes = {stage.name: stage.note for stage in answer.trace.stages}
    assert notes["ranked"] == "question in `ru`, ranker serves `en, zh`: not ranked"
    assert notes["read"] == "question in `ru`, reader serves `en, zh`: by sentences"
    rag.store.close()


def test_a_language_is_served_by_its_own_model_and_none_by_the_first():
    assert serving({"en": 1, "zh": 2}, "zh") == 2
    assert serving({"en": 1, "zh": 2}, "") == 1
    assert serving({"en": 1}, "zh") is None
    assert serving({}, "") is None


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        ({"a": ENGLISH}, "en"),
        ({"a": CHINESE}, "zh"),
        ({"a": ENGLISH, "b": CHINESE * 4}, "zh"),
        ({"a": ENGLISH * 4, "b": CHINESE}, "en"),
        ({"a": "1234 5678"}, ""),
        ({f"a{number}": CHINESE for number in range(40)} | {"z": ENGLISH}, "zh"),
    ],
)
def test_the_documents_decide_the_embedder(home, texts, language):
    folder = write(home / "texts", **texts)
    files = plan_index(FileSearch([folder], NOWHERE), None).new
    with Conversions(Config()) as conversions:
        assert language_of_files(files, conversions) == language
    report = index(folder, "made")
    assert not report.failures
    store = open_store("made", Config())
    assert store.manifest.embedder == SHIPPED["embedder"][language or "en"]
    store.close()


def test_a_collection_keeps_its_embedder_whatever_comes_into_it_later(home):
    index(write(home / "en", a=ENGLISH), "grows")
    report = index(write(home / "zh", b=CHINESE * 9, c=CHINESE * 9), "grows")
    assert not report.failures
    store = open_store("grows", Config())
    assert store.manifest.embedder == SHIPPED["embedder"]["en"]
    store.close()


def test_a_named_embedder_is_never_replaced(home):
    folder = write(home / "zh", a=CHINESE)
    store = open_store("named", Config(), create=True)
    named = Config(embedder=EmbedderConfig(model="all-MiniLM-L6-v2", languages=("en",)))
    with Conversions(named) as conversions:
        search = FileSearch([folder], NOWHERE)
        assert settings_for(search, store, named, conversions) == named.embedder
    assert embedder_settings(named.embedder, made_with="x", language="zh") == named.embedder
    store.close()


def test_what_was_promoted_comes_before_what_is_shipped(home):
    assert model_for("reader", "en") == "citewell-reader-en"
    folder = promoted_folder("promoted/reader-en")
    shutil.copytree(WEIGHTS / "citewell-reader-zh", folder)
    assert model_for("reader", "en") == "promoted/reader-en"
    roles = open_roles(Config())
    assert roles.readers["en"].files.folder == folder
    assert roles.rankers["en"].files.name == "citewell-reader-en"
    with pytest.raises(ModelError, match="rag train"):
        find_model("promoted/reader-zh", setting="reader.model")


def test_named_models_serve_the_languages_that_they_are_given_or_say_themselves():
    named = Config(reader=ReaderConfig(model="citewell-reader-zh"), ranker=None)
    assert set(open_roles(named).readers) == {"zh"} and not open_roles(named).rankers
    both = ReaderConfig(model="citewell-reader-zh", languages=("en", "zh"))
    assert set(open_roles(Config(reader=both, ranker=RankerConfig())).readers) == {"en", "zh"}


# -- eight bits


def test_packed_weights_are_within_half_a_step_and_everything_else_is_kept(tmp_path):
    draw = torch.Generator().manual_seed(0)
    made = {
        "a.weight": torch.randn(7, 33, generator=draw) * torch.logspace(-6, 3, 7)[:, None],
        "b.bias": torch.randn(5, generator=draw),
        "zero.weight": torch.zeros(3, 4),
        "ids": torch.arange(6).reshape(1, 6),
    }
    packed = pack(made)
    assert packed["a.weight"].dtype == torch.int8 and packed["ids"].dtype == torch.int64
    save_file(packed, tmp_path / "model.safetensors")
    found = load_weights(tmp_path)
    assert set(found) == set(made)
    step = made["a.weight"].abs().amax(1, keepdim=True) / 127
    assert bool(((found["a.weight"] - made["a.weight"]).abs() <= step * 0.5001).all())
    for name in ("b.bias", "zero.weight", "ids"):
        assert torch.equal(found[name], made[name])


def test_weights_that_are_not_packed_are_read_as_they_are(tmp_path):

    made = {"a.weight": torch.randn(3, 3), "a.scale": torch.randn(3)}
    save_file(made, tmp_path / "model.safetensors")
    assert all(torch.equal(load_weights(tmp_path)[name], each) for name, each in made.items())


@pytest.mark.parametrize("name", OURS)
def test_what_is_shipped_is_packed(name):
    kinds = [each.dtype for each in load_file(WEIGHTS / name / "model.safetensors").values()]
    assert torch.int8 in kinds


# -- early exit


def test_ranking_for_a_quoted_answer_ends_at_one_that_is_sure(home):
    texts = {f"{number:02}": f"Lamp {number} was lit in {1900 + number}." for number in range(30)}
    index(write(home / "lamps", **texts), "lamps")
    question = "In which year was lamp 7 lit?"
    found = {}
    for enough in (1.0, 0.0001):
        ranker = RankerConfig(candidates=20)
        rag = open_rag("lamps", Config(ranker=ranker, reader=ReaderConfig(enough=enough)))
        found[enough] = {stage.name: stage for stage in rag.ask(question).trace.stages}["ranked"]
        searched = {stage.name: stage for stage in rag.search(question).trace.stages}["ranked"]
        assert searched.count == 20  # an order is wanted there, of all
        rag.store.close()
    assert (found[1.0].count, found[0.0001].count) == (20, 5)
