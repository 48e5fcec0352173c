"""The span reader: stock question-answering models, tiny and untrained, and their spans."""

import json
import math
import time

import numpy as np
import pytest
import torch
from haystack import Document
from tiny_models import save_encoder, save_reader
from transformers import AutoModelForQuestionAnswering, AutoTokenizer
from unit_builders import quoted

from evaluation.datasets import read_squad
from evaluation.run.reader_evaluation import read_contexts
from rag.config import Config
from rag.config.reader import ReaderConfig
from rag.engine import RAG
from rag.errors import ConfigError, ModelError
from rag.models.calibration import (
    UNFITTED,
    Calibration,
    fit_calibration,
    read_calibration,
    write_calibration,
)
from rag.models.pair_model import PairModel
from rag.models.selection import open_roles
from rag.reading.evidence import Evidence
from rag.reading.span_reader import SpanReader
from rag.schema import answer_from_json, to_json

QUESTION = "Why did the heating cable not protect the summer pipe in 2014?"
LONG = " ".join(f"Room {number} has {number * 7} beds and a lamp." for number in range(40))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_reader(tmp_path_factory.mktemp("reader"))


@pytest.fixture(scope="module")
def model(folder):
    return PairModel(str(folder), setting="reader.model", dtype="float32", batch_size=3)


def passage(text, number=0, title=""):
    meta = {"document_id": "d", "title": title, "start": 0}
    return Document(id=f"d:{number}", content=text, meta=meta)


def slow_readings(folder, question, text, windows):
    """Each window alone, through transformers' own class, with its token types."""
    slow = AutoModelForQuestionAnswering.from_pretrained(folder).eval()
    found = []
    for each in windows:
        window = each.window
        with torch.no_grad():
            said = slow(
                input_ids=torch.tensor([window.ids]), token_type_ids=torch.tensor([window.types])
            )
        found.append((said.start_logits[0].numpy(), said.end_logits[0].numpy()))
    return found


def test_logits_are_those_of_each_window_alone(model, folder):
    texts = ["a cat.", LONG, ""]
    for text, windows in zip(texts, model.read([("a cat?", text) for text in texts]), strict=True):
        for each, (starts, ends) in zip(
            windows, slow_readings(folder, "a cat?", text, windows), strict=True
        ):
            np.testing.assert_allclose(each.starts, starts, atol=1e-4)
            np.testing.assert_allclose(each.ends, ends, atol=1e-4)
            assert each.null == pytest.approx(float(starts[0] + ends[0]), abs=1e-4)  # [CLS]


def test_token_types_reach_the_model(model, folder):
    # without them the logits differ, as HAYSTACK's reader shows
    (windows,) = model.read([("a cat?", "the cat sleeps.")])
    slow = AutoModelForQuestionAnswering.from_pretrained(folder).eval()
    with torch.no_grad():
        without = slow(input_ids=torch.tensor([windows[0].window.ids])).start_logits[0].numpy()
    assert np.abs(without - windows[0].starts).max() > 0.01


def test_a_window_cut_by_transformers_itself_is_the_same(model, folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    cut = tokenizer(
        ["a cat?"],
        [LONG],
        truncation="only_second",
        max_length=128,
        stride=128 // 3,
        return_overflowing_tokens=True,
    )
    (windows,) = model.read([("a cat?", LONG)])
    assert [list(each.window.ids) for each in windows] == cut["input_ids"]


def test_spans_lie_exactly_in_the_passage_and_in_its_sentence(model):
    text = "The dog is nine.\n- The cat sleeps all day. It rains, and rains."
    evidence = SpanReader(model).run("How old is the dog?", [passage(text, title="Pets")])
    assert evidence["evidence"]
    for each in evidence["evidence"]:
        start, end = each.span
        assert each.start <= start < end <= each.end
        assert text[start:end].strip() == text[start:end]
        assert text[each.start : each.end].strip() == text[each.start : each.end]
        assert 0 < each.score < 1
    scores = [each.score for each in evidence["evidence"]]
    assert scores == sorted(scores, reverse=True)


def test_the_title_is_read_but_never_the_answer(model):
    reader = SpanReader(model, n_best=100, longest_answer=9)
    found = reader.run("a?", [passage("b c.", title="Station")])["evidence"]
    assert {("b c."[slice(*each.span)]) for each in found} <= {"b", "b c", "b c.", "c", "c.", "."}


def test_passages_compete_by_the_same_score(model):
    texts = ["The dog is nine.", LONG, "Rain."]
    together = SpanReader(model).run("How old?", [passage(t, n) for n, t in enumerate(texts)])
    for number, text in enumerate(texts):
        alone = SpanReader(model).run("How old?", [passage(text, number)])["evidence"]
        mine = [each for each in together["evidence"] if each.passage_id == f"d:{number}"]
        np.testing.assert_allclose(
            [each.features for each in mine], [each.features for each in alone], atol=1e-3
        )


@pytest.mark.parametrize("content", ["", None, " \n "])
def test_passages_without_text_give_no_evidence(model, content):
    assert SpanReader(model).run("a?", [passage(content)])["evidence"] == []
    assert SpanReader(model).run("a?", [])["evidence"] == []


def test_a_question_longer_than_a_window_is_read_from_its_beginning(model):
    found = SpanReader(model).run("why " * 400, [passage("Rain falls. It is wet.")])["evidence"]
    assert found


def test_a_deadline_that_has_passed_gives_nothing(model):
    found = SpanReader(model).run("who?", [passage("Anna did.")], deadline=time.monotonic())
    assert found["evidence"] is None


def test_what_was_read_is_not_read_again(model, monkeypatch):
    pairs = [("how far?", "It is 9 km."), ("how far?", LONG)]
    first = model.read(pairs)
    monkeypatch.setattr(model, "_forward", lambda windows: pytest.fail("read again"))
    assert model.read(pairs) == first


def test_models_that_cannot_answer_are_refused(tmp_path):
    folder = save_encoder(tmp_path / "encoder")
    with pytest.raises(ModelError, match=r"has no head for answers \(`BertModel`\)"):
        PairModel(str(folder), setting="reader.model").warm_up()
    with pytest.raises(ModelError, match=r"`deepset/minilm-uncased-squad2` is not on this machine"):
        open_roles(Config(reader=spans_config("deepset/minilm-uncased-squad2")))


def test_damaged_weights_are_an_error_of_one_line(tmp_path):
    folder = save_reader(tmp_path / "reader")
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot be loaded") as error:
        PairModel(str(folder), setting="reader.model").warm_up()
    assert "\n" not in str(error.value)


# -- calibration


def test_the_fit_finds_the_weights_that_made_the_answers():
    draw = np.random.default_rng(0)
    features = draw.normal(size=(4000, 3))
    odds = 1.5 * features[:, 0] - 1.0 * features[:, 1] + 0.5
    right = draw.random(4000) < 1 / (1 + np.exp(-odds))
    found = fit_calibration(features, list(right), ridge=0.0)
    assert found.weights == pytest.approx((1.5, -1.0, 0.0), abs=0.12)
    assert found.bias == pytest.approx(0.5, abs=0.12)
    # at the optimum, the mean of the probabilities is the share that is right
    mean = np.mean([found.probability(row) for row in features])
    assert mean == pytest.approx(right.mean(), abs=1e-4)


def test_a_fit_needs_both_kinds_and_stands_separable_ones():
    with pytest.raises(ValueError, match="right and wrong"):
        fit_calibration([(1, 0, 0), (2, 0, 0)], [True, True])
    found = fit_calibration([(1, 0, 0), (2, 0, 0)], [False, True])
    assert found.probability((1, 0, 0)) < 0.5 < found.probability((2, 0, 0))
    assert math.isfinite(found.bias)


def test_a_calibration_is_kept_beside_its_model(tmp_path):
    assert read_calibration(tmp_path) == UNFITTED
    write_calibration(tmp_path, Calibration((0.5, -0.25, 1.0), -1.5, 300))
    assert read_calibration(tmp_path) == Calibration((0.5, -0.25, 1.0), -1.5, 300)
    for damage in ("{", '{"weights": {}}', '{"weights": {"margin": NaN}}'):
        (tmp_path / "calibration.json").write_text(damage)
        with pytest.raises(ModelError, match="is damaged"):
            read_calibration(tmp_path)


def test_probabilities_do_not_overflow():
    assert UNFITTED.probability((1e6, 0, 0)) == 1.0
    assert UNFITTED.probability((-1e6, 0, 0)) == 0.0


# -- quotes and answers


def test_the_span_is_marked_inside_the_sentence_that_is_quoted():
    text = "It rained. The dog is nine years old. It barks."
    document = Document(
        id="d:0", content=text, meta={"document_id": "d", "start": 100, "end": 100 + len(text)}
    )
    evidence = [Evidence("d:0", 11, 37, (), 0.9, (22, 32))]
    cited = quoted("How old is the dog?", [document], evidence, 0)
    assert cited.text == "The dog is nine years old. [1]"
    assert cited.short == "nine years"
    (citation,) = cited.citations
    assert (citation.start, citation.end) == (111, 137)
    assert (citation.answer_start, citation.answer_end) == (122, 132)


def spans_config(folder, **values):
    return ReaderConfig(kind="spans", model=str(folder), dtype="float32", **values)


@pytest.fixture
def span_rag(sample_store, embedder, folder):
    config = Config(reader=spans_config(folder), abstention={"precision": 0})
    return RAG(config, sample_store, embedder=embedder, roles=open_roles(config))


def test_an_answer_has_the_exact_words_and_cites_the_sentence_around_them(span_rag, sample_store):
    answer = span_rag.ask("When did the summer pipe freeze?")
    assert answer.short
    marked = []
    for citation in answer.citations[:1]:
        text = sample_store.text_of(citation.document_id)
        assert text[citation.start : citation.end] == citation.quote
        assert citation.start <= citation.answer_start < citation.answer_end <= citation.end
        marked.append(" ".join(text[citation.answer_start : citation.answer_end].split()))
    assert answer.short in marked
    assert {stage.name: stage.note for stage in answer.trace.stages}["read"] == "by spans"
    assert answer_from_json(json.loads(json.dumps(to_json(answer)))) == answer


def test_without_a_span_reader_json_is_what_it_was_before_there_was_one(sample_rag):
    value = to_json(sample_rag.ask(QUESTION))
    assert "short" not in value
    assert not any({"answer_start", "answer_end"} & set(each) for each in value["citations"])
    assert answer_from_json(value).short is None


def test_other_languages_and_short_budgets_are_read_by_sentences(span_rag):
    chinese = span_rag.ask("“晚钟”是什么声音？")
    notes = {stage.name: stage.note for stage in chinese.trace.stages}
    assert notes["read"] == "question in `zh`, reader serves `en`: by sentences"
    hurried = span_rag.ask(QUESTION, budget=0.0)
    notes = {stage.name: stage.note for stage in hurried.trace.stages}
    assert notes["read"] == "by words alone: the budget was used up"
    assert hurried.short is None


# -- rag evaluate reader --reader spans


def test_the_reader_alone_is_measured_by_its_spans(tmp_path, folder):
    context = "The dog was born in 2016. The cat sleeps in the kitchen."
    answer = {"text": "2016", "answer_start": context.index("2016")}
    qas = [
        {"id": "a", "question": "When was the dog born?", "answers": [answer]},
        {"id": "b", "question": "What does the parrot eat?", "answers": []},
    ]
    content = {"data": [{"title": "Pets", "paragraphs": [{"context": context, "qas": qas}]}]}
    path = tmp_path / "set.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    questions = read_squad(path)
    reading = read_contexts(questions, Config(reader=spans_config(folder)), reader="spans")
    assert all(said and said in context for said in reading.predictions.values())
    assert all(0 <= chance <= 1 for chance in reading.na_probs.values())
    assert (reading.scores.total.n, reading.reader) == (2, "spans")
    with pytest.raises(ConfigError, match=r"set `reader.kind: spans`"):
        read_contexts(questions, Config(reader=ReaderConfig(kind="sentences")), reader="spans")
