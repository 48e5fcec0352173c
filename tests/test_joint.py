"""The joint reader-ranker: its files, and one pass for both roles."""

import numpy as np
import pytest
import torch
from haystack import Document
from tiny_models import change_config, save_encoder, save_tokenizer
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

from rag.config import Config
from rag.config.ranker import RankerConfig
from rag.config.reader import ReaderConfig
from rag.engine import RAG
from rag.errors import ModelError
from rag.models.pair_model import PairModel
from rag.models.reader_ranker import (
    load_reader_ranker,
    reader_ranker_from_encoder,
    save_reader_ranker,
    to_tensors,
)
from rag.models.selection import Roles, open_roles
from rag.models.windows import WindowCutter
from rag.retrieval.ranker import Ranker
from rag.schema import SearchOptions

FACTS = {
    "heads": ["spans", "null", "relevance"], "languages": ["en"], "length": 96, "stride": 16,
}  # fmt: skip
QUESTION = "Why did the heating cable not protect the summer pipe in 2014?"
LONG = " ".join(f"Room {number} has {number * 7} beds." for number in range(30))


def save_joint_folder(folder, encoder, **facts):
    torch.manual_seed(1)
    model = reader_ranker_from_encoder(encoder)
    for head in (model.qa_outputs, model.null, model.relevance, model.summary):
        torch.nn.init.normal_(head.weight)
    folder.mkdir()
    save_reader_ranker(model, folder, facts=FACTS | facts, dtype="float32")
    return save_tokenizer(folder)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("joint") / "encoder")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, encoder):
    return save_joint_folder(tmp_path_factory.mktemp("joint") / "model", encoder)


@pytest.fixture
def model(folder):
    return PairModel(str(folder), setting="reader.model", dtype="float32", batch_size=4)


def test_what_was_read_is_forgotten_when_it_is_told_to(model):
    roles = Roles({"en": model}, {"en": model})
    (first,) = model.read([(QUESTION, LONG)])
    assert model.read([(QUESTION, LONG)])[0] is first
    roles.forget()
    assert model.read([(QUESTION, LONG)])[0] is not first


def settings(folder):
    return Config(
        ranker=RankerConfig(model=str(folder), candidates=7, dtype="float32"),
        reader=ReaderConfig(kind="spans", model=str(folder), dtype="float32", enough=1),
        abstention={"precision": 0},
    )


def windows_of(folder, *pairs):
    tokenizer = AutoTokenizer.from_pretrained(folder).backend_tokenizer
    return WindowCutter(tokenizer, length=96, stride=16, longest_question=24).cut_pairs(list(pairs))


def test_what_was_saved_says_the_same_when_loaded(folder, encoder, tmp_path):
    first = load_reader_ranker(folder)
    save_reader_ranker(first, tmp_path, facts=FACTS, dtype="float32")
    inputs = to_tensors(windows_of(folder, ("a cat?", LONG)), first.encoder)
    with torch.no_grad():
        for one, other in zip(first(**inputs), load_reader_ranker(tmp_path)(**inputs), strict=True):
            assert torch.equal(one, other)


def test_the_encoder_of_the_base_is_kept(folder, encoder):
    joint = load_reader_ranker(folder).state_dict()
    from safetensors.torch import load_file

    for name, weight in load_file(encoder / "model.safetensors").items():
        if not name.startswith("pooler"):
            assert torch.equal(joint[f"bert.{name}"], weight), name


def test_the_folder_is_a_stock_reader_as_well(folder):
    stock = AutoModelForQuestionAnswering.from_pretrained(folder).eval()
    assert type(stock).__name__ == "BertForQuestionAnswering"
    joint = load_reader_ranker(folder)
    inputs = to_tensors(windows_of(folder, ("a cat?", "the cat sleeps.")), joint.encoder)
    with torch.no_grad():
        torch.testing.assert_close(stock(**inputs).start_logits, joint(**inputs).starts)


def test_padding_changes_nothing(model):
    texts = ["Rain.", LONG, "The cat sleeps on the mat."]
    together = model.read([("a cat?", text) for text in texts])
    for text, windows in zip(texts, together, strict=True):
        fresh = PairModel(str(model.files.folder), setting="", dtype="float32", batch_size=1)
        (alone,) = fresh.read([("a cat?", text)])
        for one, other in zip(windows, alone, strict=True):
            np.testing.assert_allclose(one.starts, other.starts, atol=1e-4)
            assert (one.doubt, one.relevance) == pytest.approx(
                (other.doubt, other.relevance), abs=1e-4
            )


def test_a_text_is_as_relevant_as_its_best_window(model):
    (windows,) = model.read([("a cat?", LONG)])
    assert len(windows) > 2
    assert model.relevance("a cat?", [LONG]) == [max(each.relevance for each in windows)]


def test_empty_passages_are_ranked_too(model):
    documents = [Document(id="a", content=None), Document(id="b", content="Rain."),
                 Document(id="c", content="")]  # fmt: skip
    found = Ranker(model).run("a cat?", documents)["documents"]
    assert {each.id for each in found} == {"a", "b", "c"}
    scores = {each.id: each.score for each in found}
    assert scores["a"] == scores["c"]
    ids = [each.id for each in found]
    assert ids.index("a") < ids.index("c")  # equal scores, in the order they came


def test_ranker_and_reader_share_one_model_and_one_pass(folder, sample_store, embedder):
    config = settings(folder)
    roles = open_roles(config)
    assert roles.rankers["en"] is roles.readers["en"]
    rag = RAG(config, sample_store, embedder=embedder, roles=roles)
    reader = roles.readers["en"]
    read, forward = [], reader._forward
    reader._forward = lambda windows: (read.extend(windows), forward(windows))[1]
    answer = rag.ask(QUESTION, SearchOptions(top_k=3))
    texts = len({window.text for window in read})
    assert texts == 7  # the candidates, each once; the reader reads 3 of them and none again
    assert answer.citations[0].answer_start is not None
    assert [stage.name for stage in answer.trace.stages][-4:] == [
        "ranked", "relevance", "read", "quote",
    ]  # fmt: skip


def test_other_settings_are_another_model(folder):
    config = settings(folder)
    other = config.model_copy(
        update={"reader": config.reader.model_copy(update={"dtype": "bfloat16"})}
    )
    roles = open_roles(other)
    assert roles.rankers["en"] is not roles.readers["en"]


def test_a_model_that_only_ranks_is_no_reader(tmp_path, encoder):
    folder = save_joint_folder(tmp_path / "ranker", encoder, heads=["relevance"])
    with pytest.raises(ModelError, match=r"only ranks: set `reader.model`"):
        open_roles(settings(folder))
    ranks = Config(ranker=RankerConfig(model=str(folder)), reader=ReaderConfig(kind="sentences"))
    assert open_roles(ranks).rankers["en"].ranks


def test_half_precision_on_the_disk_ranks_nearly_the_same(folder, tmp_path, model):
    save_reader_ranker(load_reader_ranker(folder), tmp_path, facts=FACTS)  # float16
    save_tokenizer(tmp_path)
    half = PairModel(str(tmp_path), setting="", dtype="float32")
    texts = ["Rain.", "The cat sleeps.", LONG]
    assert half.relevance("a cat?", texts) == pytest.approx(
        model.relevance("a cat?", texts), abs=0.05
    )


def test_weights_that_do_not_fit_are_an_error_of_one_line(tmp_path, encoder):
    folder = save_joint_folder(tmp_path / "model", encoder)
    change_config(folder, hidden_size=32)
    with pytest.raises(ModelError, match="cannot be loaded") as error:
        PairModel(str(folder), setting="").warm_up()
    assert "\n" not in str(error.value)
