"""From data sets to labelled windows: what is learnt, and what must not be."""

import json
from pathlib import Path

import pytest
from tiny_models import save_tokenizer
from training_sets import squad_content, write_squad
from transformers import AutoTokenizer

from evaluation.datasets import load_dataset
from evaluation.datasets.schema import Dataset, Gold, JudgedQuestion, SourceDocument
from evaluation.training.data.examples import (
    LONGEST_PIECE,
    Example,
    cut_documents,
    find_answer,
    positives,
)
from evaluation.training.data.negatives import mine_negatives
from evaluation.training.data.sets import Mining, load_training_set
from evaluation.training.reader.features import UNKNOWN, make_features, token_span
from rag.errors import DatasetError
from rag.models.windows import WindowCutter, prefix


def dataset(questions, documents, matching="spans"):
    return Dataset("made", Path("made"), matching, tuple(questions), tuple(documents))


def test_answers_keep_their_place_and_questions_without_one_their_paragraph(tmp_path):
    made = load_dataset(write_squad(tmp_path / "set.json", count=3))
    found = positives(made, cut_documents(made.documents))
    assert [each.kind for each in found] == ["answer", "no answer"] * 3
    for each in found[::2]:
        assert each.text[each.start : each.end] == each.golds[0]
    assert found[1].text == found[0].text
    assert found[0].title == "Farm 0"


def test_long_documents_are_cut_between_sentences_and_answers_found_again():
    text = " ".join(f"Room {number} is {number * 3} feet wide." for number in range(300))
    start = text.index("600")
    question = JudgedQuestion("q", "How wide is 200?", ("600",), ((Gold("d", start, start + 3),),))
    made = dataset([question], [SourceDocument("d", "Rooms", text)])
    pieces = cut_documents(made.documents)
    assert len(pieces) > 3
    assert all(len(piece.text) <= LONGEST_PIECE for piece in pieces)
    for piece in pieces:
        assert text[piece.start : piece.start + len(piece.text)] == piece.text
    assert "".join(piece.text for piece in pieces).replace(" ", "") == text.replace(" ", "")
    (example,) = positives(made, pieces)
    assert example.text[example.start : example.end] == "600"


def test_a_short_document_is_one_piece_as_it_stands():
    (piece,) = cut_documents([SourceDocument("d", "", "  One. Two. ")])
    assert piece.text == "  One. Two. "


def test_judged_documents_are_relevant_and_answer_where_the_answer_stands():
    documents = [
        SourceDocument("a", "", "It opened in 1905."),
        SourceDocument("b", "", "It is old."),
        SourceDocument("c", "", "Nothing."),
    ]
    question = JudgedQuestion("q", "When?", ("1905",), grades={"a": 1, "b": 1, "c": 0})
    made = dataset([question], documents, "documents")
    found = positives(made, cut_documents(documents))
    assert [(each.kind, each.start, each.end) for each in found] == [
        ("answer", 13, 17),
        ("relevant", -1, -1),
    ]


def test_words_that_only_say_yes_are_not_looked_for():
    assert find_answer("He said yes.", ["yes"]) is None
    assert find_answer("It is in 12345.", ["1234"]) is None


# -- negatives


def test_negatives_are_near_and_surely_wrong():
    documents = [
        SourceDocument("gold", "", "The pump of the station runs on diesel."),
        SourceDocument("other", "", "The pump of the station was painted."),
        SourceDocument("also", "", "The pump of the station drinks diesel."),  # answers too
        SourceDocument("far", "", "Bread is baked on Monday."),
    ]
    gold = Gold("gold", 32, 38)
    question = JudgedQuestion("q", "What does the pump run on?", ("diesel",), ((gold,),))
    made = dataset([question], documents)
    found = mine_negatives(made, cut_documents(documents), each=5, seed=0)
    assert [each.text for each in found] == ["The pump of the station was painted."]
    assert (found[0].kind, found[0].question_id) == ("negative", "q")


def test_negatives_keep_to_a_questions_filter():
    documents = [
        SourceDocument("a", "", "The sound is good.", {"item": "1"}),
        SourceDocument("b", "", "The sound is bad.", {"item": "2"}),
        SourceDocument("c", "", "The sound is fine and loud.", {"item": "1"}),
    ]
    filters = {"field": "meta.item", "operator": "==", "value": "1"}
    question = JudgedQuestion("q", "How is the sound?", (), grades={"a": 1}, filters=filters)
    made = dataset([question], documents, "documents")
    found = mine_negatives(made, cut_documents(documents), each=5, seed=0)
    assert [each.text for each in found] == ["The sound is fine and loud."]


def test_the_paragraph_of_an_unanswerable_question_is_no_negative(tmp_path):
    made = load_dataset(write_squad(tmp_path / "set.json", count=4))
    for each in mine_negatives(made, cut_documents(made.documents), each=9, seed=0):
        assert f"farm {each.question_id[:-1]} " not in each.text


# -- windows with labels


@pytest.fixture(scope="module")
def cutter(tmp_path_factory):
    folder = save_tokenizer(tmp_path_factory.mktemp("tokenizer"))
    backend = AutoTokenizer.from_pretrained(folder).backend_tokenizer
    return WindowCutter(backend, length=40, stride=8, longest_question=10)


def example(text, kind="answer", answer="", title=""):
    start = text.index(answer) if answer else -1
    end = start + len(answer) if answer else -1
    return Example("q", "when?", title, text, kind, start, end)


TEXT = "it was a long day on the farm, and in 1957 it rained; then it was dry."


@pytest.mark.parametrize("title", ["", "Farm"])
def test_labels_are_the_tokens_of_the_answer_in_each_window_that_holds_it(cutter, title):
    asked = example(TEXT, answer="1957", title=title)
    features = make_features([asked], cutter)
    read = prefix(title) + TEXT
    held = [each for each in features if each.null == 0]
    assert held
    for each in features:
        offsets = each.window.offsets
        first = asked.start + len(prefix(title))
        whole = offsets[0][0] <= first and first + 4 <= offsets[-1][1]
        assert (each.null == 0) == whole  # the slow definition: all of it, or none
        if whole:
            start = offsets[each.start - each.window.first][0]
            end = offsets[each.end - each.window.first][1]
            assert read[start:end] == "1957"
            assert each.relevant == 1
        else:
            assert (each.start, each.end, each.relevant) == (0, 0, UNKNOWN)


def test_an_answer_that_is_cut_off_is_no_answer_of_its_window(cutter):
    (first, *_) = make_features([example(TEXT, answer="1957")], cutter)
    last = first.window.offsets[-1][1]
    assert token_span(first.window, last - 2, last + 2) is None
    assert token_span(first.window, last - 2, last) is not None


def test_what_is_not_known_is_marked_so(cutter):
    kinds = ("relevant", "negative", "no answer")
    found = make_features([example("dry.", kind) for kind in kinds], cutter)
    assert [(each.start, each.null, each.relevant) for each in found] == [
        (UNKNOWN, UNKNOWN, 1),
        (0, 1, 0),
        (0, 1, UNKNOWN),
    ]


def test_a_negative_is_one_window(cutter):
    assert len(make_features([example(TEXT, "negative")], cutter)) == 1
    assert len(make_features([example(TEXT, "no answer")], cutter)) > 1


# -- what is trained on and what is held back


def load(path, role="reader", **options):
    return load_training_set([path], role, **{"mining": Mining(), "seed": 0} | options)


def test_what_is_held_back_shares_no_article_with_what_is_trained_on(tmp_path):
    data = load(write_squad(tmp_path / "set.json", count=40))
    trained = {each.cluster for each in data.examples}
    held = {each.cluster for each in data.held_back}
    assert len(held) == 2  # a twentieth of forty articles
    assert not trained & held
    assert (data.language, data.lost) == ("en", 0)
    assert load(tmp_path / "set.json") == data


def test_questions_of_the_evaluation_are_refused(tmp_path):
    path = write_squad(tmp_path / "set.json", count=4)
    content = squad_content(count=1)
    question = content["data"][0]["paragraphs"][0]["qas"][0]
    question["question"] = question["question"].upper() + " "
    held = write_squad(tmp_path / "held.json", content)
    with pytest.raises(DatasetError, match=r"2 questions of .*set.json. are in .*held.json"):
        load(path, evaluated_on=[held])


@pytest.mark.parametrize(
    ("change", "role", "message"),
    [
        (lambda each: each.update(answers=[]), "reader", "no answer stands where"),
        (lambda each: each["answers"] and each["answers"][0].update(answer_start=500), "reader",
         "does not stand at 500"),
        (lambda each: each.update(question=""), "reader", "is empty"),
    ],
)  # fmt: skip
def test_sets_that_teach_nothing_are_refused_in_words(tmp_path, change, role, message):
    content = squad_content(count=3)
    for article in content["data"]:
        for question in article["paragraphs"][0]["qas"]:
            change(question)
    with pytest.raises(DatasetError, match=message):
        load(write_squad(tmp_path / "set.json", content), role)


def test_an_empty_set_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="holds no question"):
        load(write_squad(tmp_path / "set.json", {"data": []}))


def test_a_ranker_needs_documents_of_both_kinds(tmp_path):
    content = squad_content(count=1)
    with pytest.raises(DatasetError, match="a ranker learns from both"):
        load(write_squad(tmp_path / "set.json", content), "ranker")
    none = [json.loads(json.dumps(each)) for each in content["data"]]
    for question in none[0]["paragraphs"][0]["qas"]:
        question["answers"] = []
    with pytest.raises(DatasetError, match="no document is relevant"):
        load(write_squad(tmp_path / "none.json", {"data": none}), "ranker")
