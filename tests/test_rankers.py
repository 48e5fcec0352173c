"""The ranker: real cross-encoders, tiny and untrained, in folders of their own."""

import time

import numpy as np
import pytest
import torch
from haystack import Document
from tiny_models import save_cross_encoder, save_encoder
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from typer.testing import CliRunner

from rag.config import Config
from rag.config.ranker import RankerConfig
from rag.engine import RAG
from rag.errors import ModelError, QuestionError
from rag.models.batching import in_batches
from rag.models.cross_encoder import CrossEncoderModel
from rag.models.selection import Roles, open_roles
from rag.models.windows import read_text
from rag.retrieval.ranker import Ranker, joined
from rag.schema import SearchOptions
from ui.commands.main import app

QUESTION = "Why did the heating cable not protect the summer pipe in 2014?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_cross_encoder(tmp_path_factory.mktemp("cross-encoder"))


@pytest.fixture(scope="module")
def model(folder):
    return CrossEncoderModel(RankerConfig(model=str(folder), dtype="float32", batch_size=3))


def passages(*contents, title=""):
    return [
        Document(id=f"d:{number}", content=content, meta={"title": title}, score=1.0 - number / 9)
        for number, content in enumerate(contents)
    ]


TEXTS = ["a dog", "the cat sleeps on a mat all day", "rain", "", "a long, long road to 1957", None]


def test_scores_are_the_logits_of_each_pair_alone(model, folder):
    # the slow definition: one pair at a time through transformers, without padding
    tokenizer = AutoTokenizer.from_pretrained(folder)
    slow = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    texts = [text or "" for text in TEXTS]
    expected = []
    for text in texts:
        with torch.no_grad():
            pair = tokenizer(["a cat?"], [text], return_tensors="pt")  # a list: "" is a text too
            expected.append(slow(**pair).logits.item())
    assert model.relevance("a cat?", texts) == pytest.approx(expected, abs=1e-4)
    assert len(set(np.round(expected, 3))) > 3  # they do differ


def test_passages_come_by_falling_score_with_the_score_of_the_model(model):
    ranked = Ranker(model).run("a cat?", passages(*TEXTS))
    scores = [each.score for each in ranked["documents"]]
    assert scores == sorted(scores, reverse=True)
    by_text = dict(zip(TEXTS, model.relevance("a cat?", [t or "" for t in TEXTS]), strict=True))
    assert all(each.score == by_text[each.content] for each in ranked["documents"])
    assert ranked["stage"].count == len(TEXTS)


def test_equal_passages_keep_the_order_they_came_in(model):
    first, second = passages("rain", "rain")
    for pair in ([first, second], [second, first]):
        found = Ranker(model).run("a cat?", pair)["documents"]
        assert [each.id for each in found] == [each.id for each in pair]


@pytest.mark.parametrize("weight", [0.2, 0.5, 0.9])
def test_both_scores_count_by_their_weights(model, weight):
    given = passages(*TEXTS)
    alone = Ranker(model).run("a cat?", given)
    both = Ranker(model, weight=weight).run("a cat?", given)
    assert both["ranked"] == alone["ranked"]  # the stage is the model's
    logits = {each.id: each.score for each in alone["documents"]}
    last = len(given) - 1  # they come with scores at equal distances
    expected = {
        each.id: (1 - weight) * (1 - place / last) + weight / (1 + np.exp(-logits[each.id] / 8))
        for place, each in enumerate(given)
    }
    assert {each.id: each.score for each in both["documents"]} == pytest.approx(expected)
    assert [each.id for each in both["documents"]] == sorted(
        expected, key=lambda name: -expected[name]
    )
    few = Ranker(model, candidates=2, weight=weight).run("a cat?", given)
    assert few["documents"][2:] == given[2:]


def test_without_scores_to_come_with_the_places_count():
    assert joined([None, 0.3, None], [0.0, 0.0, 0.0], 0.5) == [0.75, 0.5, 0.25]


def test_a_model_that_is_indifferent_moves_nothing_and_a_sure_one_does():
    came = [0.9, 0.8, 0.1]
    assert np.argsort(joined(came, [0.2, 0.3, 0.4], 0.5)).tolist() == [2, 1, 0]
    assert np.argmax(joined(came, [-6.0, 6.0, 0.0], 0.5)) == 1
    assert joined([0.4, 0.4], [1.0, -1.0], 1.0) == pytest.approx(
        [1 / (1 + np.exp(-1 / 8)), 1 / (1 + np.exp(1 / 8))]
    )
    assert joined([], [], 0.5) == []


def test_a_passage_that_both_orders_put_first_is_first(model):
    best = Ranker(model).run("a cat?", passages(*TEXTS))["documents"]
    again = Ranker(model, weight=0.5).run("a cat?", best)["documents"]
    assert [each.id for each in again] == [each.id for each in best]


def test_what_is_beyond_the_candidates_follows_untouched(model):
    given = passages(*TEXTS)
    found = Ranker(model, candidates=2).run("a cat?", given)
    assert found["documents"][2:] == given[2:]
    assert {each.id for each in found["ranked"]} == {"d:0", "d:1"}


def test_nothing_found_is_nothing_ranked(model):
    assert Ranker(model).run("a cat?", [])["documents"] == []


def test_the_title_is_read_before_the_text():
    assert read_text(passages("It froze.", title="Water")[0]) == "Water: It froze."
    assert read_text(passages(None, title="Water")[0]) == "Water: "


def test_a_deadline_that_has_passed_leaves_the_order_and_says_so(model):
    given = passages(*TEXTS)
    found = Ranker(model).run("a cat?", given, deadline=time.monotonic())
    assert found["documents"] == given
    assert found["ranked"] == []
    assert found["stage"].note == "not ranked: the budget was used up"


def test_batches_become_smaller_when_memory_is_short():
    sizes = []

    def work(places):
        sizes.append(len(places))
        if len(places) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")

    assert in_batches(list(range(5)), work, 8)
    assert sizes == [5, 4, 2, 2, 1]  # 8 and 4 are too many, then 2 + 2 + 1


def test_a_single_passage_that_does_not_fit_is_an_error():
    def work(places):
        raise RuntimeError("out of memory")

    with pytest.raises(ModelError, match="out of memory"):
        in_batches([1], work, 1)


def test_a_model_that_is_not_there_is_named_with_what_to_do():
    with pytest.raises(ModelError) as error:
        open_roles(Config(ranker=RankerConfig(model="cross-encoder/ms-marco-MiniLM-L-6-v2")))
    message = str(error.value)
    assert "`cross-encoder/ms-marco-MiniLM-L-6-v2` is not on this machine" in message
    assert "`ranker.model` to a folder" in message


def test_models_that_are_no_rankers_are_refused(tmp_path):
    three = save_cross_encoder(tmp_path / "nli", labels=3)
    with pytest.raises(ModelError, match="gives 3 numbers"):
        CrossEncoderModel(RankerConfig(model=str(three))).warm_up()
    encoder = save_encoder(tmp_path / "encoder")
    with pytest.raises(ModelError, match=r"no ranker \(`BertModel`\)"):
        CrossEncoderModel(RankerConfig(model=str(encoder))).warm_up()


# -- in the engine


@pytest.fixture
def ranked_rag(sample_store, embedder, folder):
    alone = RankerConfig(model=str(folder), candidates=8, weight=1, dtype="float32")
    config = Config(ranker=alone)
    return RAG(config, sample_store, embedder=embedder, roles=open_roles(config))


def test_the_ranker_is_a_stage_of_its_own(ranked_rag):
    result = ranked_rag.search(QUESTION, SearchOptions(top_k=5))
    assert [stage.name for stage in result.trace.stages][-3:-1] == ["fused", "ranked"]
    scores = [passage.score for passage in result.results]
    assert scores == sorted(scores, reverse=True)
    for passage in result.results:
        assert passage.stages["ranked"].rank == passage.rank
        assert passage.stages["ranked"].score == passage.score
        assert passage.stages["fused"].rank <= 8


def test_the_configured_weight_is_the_one_that_counts(sample_store, embedder, folder):
    for weight in (0.5, 0.2):  # the first is the default
        settings = {"model": str(folder), "candidates": 8, "dtype": "float32"}
        if weight != 0.5:
            settings["weight"] = weight
        config = Config(ranker=RankerConfig(**settings))
        rag = RAG(config, sample_store, embedder=embedder, roles=open_roles(config))
        found = rag.search(QUESTION, SearchOptions(top_k=8)).results
        came, logits = ([each.stages[n].score for each in found] for n in ("fused", "ranked"))
        assert [each.score for each in found] == pytest.approx(joined(came, logits, weight))


def test_ranking_reaches_below_what_is_returned_and_keeps_the_tail(ranked_rag):
    plain = ranked_rag.search(QUESTION, SearchOptions(top_k=12, rank=False))
    assert "ranked" not in [stage.name for stage in plain.trace.stages]
    ranked = ranked_rag.search(QUESTION, SearchOptions(top_k=12))
    ids, before = [[p.passage_id for p in each.results] for each in (ranked, plain)]
    assert set(ids[:8]) == set(before[:8])
    assert ids[8:] == before[8:]
    one = ranked_rag.search(QUESTION, SearchOptions(top_k=1)).results[0]
    assert one.passage_id == ids[0]


def test_a_question_in_another_language_is_not_ranked_unless_asked_for(ranked_rag):
    trace = ranked_rag.search("“晚钟”是什么声音？", SearchOptions(top_k=3)).trace
    assert trace.stages[-2].note == "question in `zh`, ranker serves `en`: not ranked"
    asked = ranked_rag.search("“晚钟”是什么声音？", SearchOptions(top_k=3, rank=True))
    assert asked.trace.stages[-2].count == 8


def test_a_budget_that_is_used_up_drops_the_ranker(ranked_rag):
    answer = ranked_rag.ask(QUESTION, budget=0.0)
    notes = {stage.name: stage.note for stage in answer.trace.stages}
    assert notes["ranked"] == "not ranked: the budget was used up"
    plain = ranked_rag.ask(QUESTION, SearchOptions(rank=False), budget=0.0)
    ids = [[passage.passage_id for passage in each.passages] for each in (answer, plain)]
    assert ids[0] == ids[1]


def test_ranking_without_a_ranker_is_refused(sample_rag):
    with pytest.raises(QuestionError, match="no ranker is configured"):
        sample_rag.search(QUESTION, SearchOptions(rank=True))
    assert sample_rag.roles == Roles()


# -- on the command line


@pytest.fixture
def configured(tmp_path, folder):
    path = tmp_path / "ranks.yaml"
    path.write_text(f"ranker: {{model: '{folder}', candidates: 6}}\n", encoding="utf-8")
    return path


def test_the_doctor_names_the_ranker(configured, folder):
    shown = CliRunner().invoke(app, ["doctor", "--config", str(configured)])
    assert f"ok   ranker: {folder} from folder" in shown.output


def test_rank_without_a_ranker_is_one_line_on_the_command_line(tmp_path, cli_collection):
    (tmp_path / "off.yaml").write_text("ranker: null\n")
    options = ["--method", "bm25", "--rank", "--config", str(tmp_path / "off.yaml")]
    shown = CliRunner().invoke(app, ["search", "dog", *options])
    assert isinstance(shown.exception, QuestionError)


@pytest.fixture
def cli_collection(tmp_path):
    from haystack import Document

    from rag.collections import open_store

    store = open_store("default", Config(), create=True)
    store.write_documents([Document(id="a:0", content="The dog sleeps.")])
    store.close()


def test_rank_and_no_rank_decide_on_the_command_line(configured, cli_collection):
    command = ["search", "dog", "--method", "bm25", "--json", "--config", str(configured)]
    ranked = CliRunner().invoke(app, command)
    assert '"ranked"' in ranked.stdout
    plain = CliRunner().invoke(app, [*command, "--no-rank"])
    assert '"ranked"' not in plain.stdout
