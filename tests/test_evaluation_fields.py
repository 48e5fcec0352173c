"""Fields of question files: what is unknown, blank or of another type is refused with its place."""

import json
import re

import pytest
from evaluation_sets import SQUAD, paragraph, write_beir, write_lines, write_squad, write_subjqa
from typer.testing import CliRunner

from evaluation.datasets import Gold, load_dataset, read_squad, squad_json
from evaluation.run import systems_under_test
from evaluation.training.data.cloze_sets import read_documents
from rag.errors import DatasetError
from ui.commands.main import app

FINE = {"question": "How many beds?", "answers": ["twelve"]}
ASKED = "How many beds has the hut at the pass?"


def refused(path, **options):
    with pytest.raises(DatasetError) as caught:
        load_dataset(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("answer", "answers"), ("anwsers", "answers"), ("Answers", "answers"),
        ("ground_truth", "answers"), ("ground truths", "answers"), ("expected_output", "answers"),
        ("filter", "filters"), ("evidences", "evidence"), ("contexts", "evidence"),
        ("_id", "id"), ("qestion", "question"), ("query", "question"),
    ],
)  # fmt: skip
def test_an_unknown_field_of_a_question_line_is_refused_with_the_one_that_is_meant(
    tmp_path, name, meant
):
    row = {key: value for key, value in FINE.items() if key != meant}
    found = refused(write_lines(tmp_path / "set.jsonl", [FINE, {**row, name: ["x"]}]))
    assert f"set.jsonl`, line 2: `{name}`: unknown field; did you mean `{meant}`?" in found


def test_a_field_that_is_like_no_other_is_refused_with_those_that_are_known(tmp_path):
    found = refused(write_lines(tmp_path / "set.jsonl", [{**FINE, "zyx": 1}]))
    known = "known are `id`, `question`, `answers`, `evidence`, `filters`, `synthetic`."
    assert found.endswith(f"`zyx`: unknown field; {known}")


def test_an_unknown_field_of_evidence_is_refused(tmp_path):
    row = {**FINE, "evidence": [{"document": "a.md", "quote": "x"}]}
    assert "`quote`: unknown field; did you mean `text`?" in refused(
        write_lines(tmp_path / "set.jsonl", [row])
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answers": [""]}, "`answers` holds a blank text"),
        ({"answers": ["x", " \t"]}, "`answers` holds a blank text"),
        ({"answers": ""}, "`answers` holds a blank text"),
        ({"answers": None}, "`answers` must be a list of texts (got None)"),
        ({"answers": [None]}, "`answers` must be a list of texts (got [None])"),
        ({"answers": 12}, "`answers` must be a list of texts (got 12)"),
        ({"answers": False}, "`answers` must be a list of texts (got False)"),
        ({"answers": {}}, "`answers` must be a list of texts (got {})"),
        ({"question": None}, "`question` must be a text (got None)"),
        ({"question": ["a"]}, "`question` must be a text (got ['a'])"),
        ({"question": " "}, "`question` is blank"),
        ({"id": None}, "`id` must be a text or a whole number (got None)"),
        ({"id": True}, "`id` must be a text or a whole number (got True)"),
        ({"id": ""}, "`id` must be a text or a whole number (got '')"),
        ({"evidence": None}, "`evidence` must be a list of pieces (got None)"),
        ({"evidence": [[]]}, "`evidence` must be a list of pieces"),
        ({"evidence": ["x"]}, "a piece of evidence must be an object"),
        ({"evidence": [{"document": "a", "text": " "}]}, "`text` is blank"),
        ({"synthetic": "yes"}, "`synthetic` must be true or false (got 'yes')"),
        ({"filters": {"field": "meta.k", "operator": "=", "value": 1}}, "`filters` cannot be used"),
        ({"answers": [], "evidence": [{"document": "a", "text": "x"}]}, "Leave out one of the two"),
    ],
)
def test_blank_texts_null_and_wrong_types_are_refused_with_their_line(tmp_path, change, message):
    found = refused(write_lines(tmp_path / "set.jsonl", [FINE, {**FINE, **change}]))
    assert "set.jsonl`, line 2: " in found
    assert message in found


def test_only_an_empty_list_of_answers_says_that_there_is_none(tmp_path):
    rows = [{"question": "a", "answers": []}, {"question": "b", "answers": "x"}]
    none, one = load_dataset(write_lines(tmp_path / "set.jsonl", rows)).questions
    assert (none.is_answerable, one.is_answerable, one.answers) == (False, True, ("x",))
    found = refused(write_lines(tmp_path / "set.jsonl", [*rows, {"question": "c"}]))
    assert "line 3: the question has neither `answers` nor `evidence`" in found
    assert '"answers": []' in found


@pytest.mark.parametrize("text", ["[" * 5000, "9" * 5000, '{"a": ' + "9" * 5000 + "}"])
def test_json_that_no_reader_takes_is_refused_in_words(tmp_path, text):
    for name in ("set.jsonl", "set.json"):
        (tmp_path / name).write_text(text)
        assert name in refused(tmp_path / name)


def test_a_bad_field_at_the_end_of_many_lines_is_said_before_anything_is_asked(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(systems_under_test, "prepare", lambda *_, **__: pytest.fail("prepared"))
    fine = "".join(f'{{"question": "Number {n}?", "answers": ["x"]}}\n' for n in range(99_999))
    (tmp_path / "set.jsonl").write_text(fine + '{"question": "Last?", "anwsers": ["x"]}\n')
    good = write_squad(tmp_path / "good.json")
    shown = CliRunner().invoke(app, ["evaluate", str(good), str(tmp_path / "set.jsonl")])
    said = "line 100000: `anwsers`: unknown field; did you mean `answers`?"
    assert said in str(shown.exception)
    assert not list(tmp_path.glob(".rag/*"))


# -- BEIR, articles, SubjQA


def with_query(tmp_path, fields, *, name="q9", judged=False, folder=None):
    folder = folder or write_beir(tmp_path)
    with (folder / "queries.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"_id": name, "text": "who?", **fields}) + "\n")
    if judged:
        with (folder / "qrels" / "test.tsv").open("a", encoding="utf-8") as stream:
            stream.write(f"{name}\td1\t1\n")
    return folder


@pytest.mark.parametrize(
    ("fields", "answers"),
    [
        ({"answers": "x"}, ("x",)),
        ({"answer": ["x", "y", "x"]}, ("x", "y")),
        ({"answers": [["1999"], ["1999 AD", "in 1999"]]}, ("1999", "1999 AD", "in 1999")),
        ({"answers": ["a", ["b", "c"]]}, ("a", "b", "c")),
        ({"answers": {"text": ["a"], "answer_start": [3]}}, ("a",)),
        ({"answers": [{"text": "a", "answer_start": 3}]}, ("a",)),
        ({"answer": 12}, ("12",)),
        ({"ground_truth": "x", "answers": None}, ("x",)),
        ({"answer": "x", "answer_aliases": ["y"]}, ("x", "y")),
        ({"answers": []}, ()),
        ({"answers": None}, ()),
    ],
)  # fmt: skip
def test_answers_of_a_beir_query_are_used_in_any_form(tmp_path, fields, answers):
    question = load_dataset(with_query(tmp_path, fields, judged=True)).questions[-1]
    assert (question.question_id, question.answers) == ("q9", answers)


def test_only_an_empty_list_says_that_a_beir_query_has_no_answer(tmp_path):
    for unknown in (None, [[]], [""], {}, [None], True):
        folder = with_query(tmp_path, {"answers": unknown})
        assert load_dataset(folder).questions[-1].question_id == "q5"
    assert load_dataset(with_query(tmp_path, {"answers": []})).questions[-1].question_id == "q9"


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"answers": [["x"], ["y"]]}, "The answers of 1 queries stand in lists of lists: each"),
        ({"answers": ["x", {"a": 1}, ""]}, "`answers` of 1 queries holds something that cannot be"),
        ({"answers": True}, "`answers` of 1 queries holds something that cannot be used"),
        ({"answers": [], "filters": "x"}, "`filters` of 1 queries holds something that cannot"),
        ({"metadata": {}, "a\nb": 1}, "Fields of queries that are not used: `metadata`, `a b`."),
        ({"anwsers": ["x"]}, "not used: `anwsers` (did you mean `answers`?)."),
        ({"filter": {}}, "not used: `filter` (did you mean `filters`?)."),
    ],
)  # fmt: skip
def test_further_fields_of_beir_queries_are_named_once_and_never_stop(tmp_path, fields, note):
    folder = with_query(tmp_path, fields, judged=True)
    (found,) = load_dataset(with_query(tmp_path, fields, folder=folder, name="q10")).notes
    assert note.replace("of 1", "of 2") in found
    assert "left out" not in found or "queries.jsonl`, line 7)" in found


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"filters": {"field": "meta.k", "operator": "=", "value": 1}}, "`filters` cannot be used"),
        ({"text": ""}, "`text` is blank"),
        ({"_id": None}, "`_id` must be a text or a whole number"),
    ],
)
def test_a_query_of_a_beir_folder_that_cannot_be_asked_is_refused(tmp_path, row, message):
    found = refused(with_query(tmp_path, row))
    assert "queries.jsonl`, line 7: " in found
    assert message in found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answers": None}, "`answers` must be a list of texts (got None)"),
        ({"answers": [""]}, "`answers` holds a blank text"),
        ({"answer": ["ten"]}, "`answer`: unknown field; did you mean `answers`?"),
        ({"context_offset": True}, "`context_offset` must lie in"),
        ({"text": " "}, "`text` is blank"),
    ],
)
def test_a_question_about_an_article_with_a_bad_field_is_refused(tmp_path, change, message):
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "hut.txt").write_text("ten beds")
    row = {"_id": "q", "text": "How many?", "document": "hut.txt", "context_offset": 0}
    row |= change if "answer" in change else {"answers": ["ten"], **change}
    assert message in refused(write_lines(tmp_path / "questions.jsonl", [row]).parent)
    row = {"_id": "q", "text": "How many?", "document": "hut.txt", "context_offset": 0}
    assert "`answers` is missing" in refused(
        write_lines(tmp_path / "questions.jsonl", [row]).parent
    )


def test_a_blank_answer_of_subjqa_is_refused(tmp_path):
    rows = [("B1", "q1", "How?", "r1", "rich sound", " ", "(4, 5)")]
    assert "line 2: the answer's span (4, 5) is blank" in refused(
        write_subjqa(tmp_path / "t", rows)
    )


# -- SQuAD: the original form


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answers": None}, "`answers` must be a list of objects (got None)"),
        ({"answers": ["x"]}, "`answers` must be a list of objects (got ['x'])"),
        ({"answers": [{"text": "Loud"}]}, "`answer_start` must be a whole number (got None)"),
        ({"answers": [{"text": "Loud", "answer_start": "0"}]}, "`answer_start` must be a whole"),
        ({"answers": [{"text": None, "answer_start": 0}]}, "`text` must be a text (got None)"),
        ({"answers": [{"text": "", "answer_start": 0}]}, "an answer is blank"),
        ({"answers": [{"text": "", "answer_start": -1}]}, "an answer is blank"),
        ({"answers": ..., "answer": []}, "`answer`: unknown field; did you mean `answers`?"),
        ({"answers": ..., "ground_truth": "x"}, "is `ground_truth` meant for it?"),
        ({"answers": ...}, "`answers` must be a list of objects (it is missing)"),
        ({"question": 5}, "`question` must be a text (got 5)"),
        ({"id": None}, "`id` must be a text or a whole number (got None)"),
        ({"filter": {}}, "`filter`: unknown field; did you mean `filters`?"),
    ],
)
def test_a_bad_field_of_a_squad_question_is_refused_with_its_place(tmp_path, change, message):
    wrong = paragraph("Loud.", ("q1", "How loud?", ["Loud"]))
    row = {**wrong["qas"][0], **change}
    wrong["qas"] = [{key: value for key, value in row.items() if value is not ...}]
    path = write_squad(tmp_path / "set.json", {"data": [{"paragraphs": [wrong]}]})
    assert "article 1, paragraph 1: " in refused(path)
    assert message in refused(path)
    if "blank" not in message:  # which `read_squad` repairs
        with pytest.raises(DatasetError, match=re.escape(message)):
            read_squad(path)


def test_further_fields_of_squad_are_none_of_our_business(tmp_path):
    each = paragraph("Loud.", ("q1", "How loud?", []))
    each["qas"][0] |= {"is_impossible": True, "plausible_answers": [], "answer_subj_levels": [1]}
    path = write_squad(tmp_path / "set.json", {"data": [{"paragraphs": [{**each, "id": 7}]}]})
    assert not load_dataset(path).questions[0].is_answerable


def test_repair_leaves_out_a_question_that_loses_all_answers_and_says_so(tmp_path):
    texts = paragraph("Loud.", ("q1", "How loud?", ["Loud"]), ("q2", "How soft?", []))
    texts["qas"] += [
        {"id": "q3", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}]},
        {"id": "q4", "question": "When?", "answers": [{"text": " ", "answer_start": -1}]},
    ]
    path = write_squad(tmp_path / "set.json", {"data": [{"paragraphs": [texts]}]})
    dataset = load_dataset(path, repair=True)
    assert [each.question_id for each in dataset.questions] == ["q1", "q2"]
    assert dataset.notes[1] == "2 questions left out: no answer of them stands in their text."
    assert [each.question_id for each in read_squad(path)] == ["q1", "q2"]


# -- SQuAD: rows, as hubs distribute it

ROWS = [
    {
        "id": each["id"],
        "title": article["title"],
        "context": part["context"],
        "question": each["question"],
        "answers": {
            "text": [answer["text"] for answer in each["answers"]],
            "answer_start": [answer["answer_start"] for answer in each["answers"]],
        },
    }
    for article in SQUAD["data"]
    for part in article["paragraphs"]
    for each in part["qas"]
]


def write_rows(folder, form):
    if form.startswith("lines"):
        return write_lines(folder / form.split()[1], ROWS)
    content = {"array": ROWS, "below data": {"version": "2.0", "data": ROWS}}[form]
    return write_squad(folder / "set.json", content)


FORMS = ("lines set.jsonl", "lines set.json", "array", "below data")


@pytest.mark.parametrize("form", FORMS)
def test_squad_as_hubs_distribute_it_is_the_same_set(tmp_path, form):
    whole = write_squad(tmp_path / "whole" / "set.json")
    path = write_rows(tmp_path / "rows", form)
    one, other = load_dataset(whole), load_dataset(path)
    assert other.questions == one.questions
    assert other.documents == one.documents
    assert other.matching == "spans"
    assert read_squad(path) == read_squad(whole)
    assert squad_json(other) == squad_json(one)
    assert read_documents(path) == one.documents


def test_a_row_may_lack_title_and_id_and_have_answers_as_a_list_and_further_fields(tmp_path):
    row = {"context": "Loud.", "question": "How?", "metadata": {}, "domain": "x"}
    answers = [{"text": "Loud", "answer_start": 0}]
    path = write_lines(tmp_path / "set.jsonl", [{**row, "answers": answers}])
    (question,) = load_dataset(path).questions
    assert (question.question_id, question.evidence[0][0]) == ("line-1", Gold("paragraph#0", 0, 4))
    alone = write_squad(tmp_path / "set.json", {**row, "answers": answers})
    assert len(load_dataset(alone).questions) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answers": {"text": ["twelve"], "answer_start": []}}, "of the same length"),
        ({"answers": {"text": "twelve", "answer_start": 32}}, "lists `text` and `answer_start`"),
        ({"answers": {}}, "lists `text` and `answer_start`"),
        ({"answers": {"text": ["beds"], "answer_start": [1]}}, "does not stand at 1"),
        ({"answers": {"text": [""], "answer_start": [0]}}, "an answer is blank"),
        ({"answers": None}, "`answers` must be a list of objects (got None)"),
        ({"answers": ..., "answer": "x"}, "`answer`: unknown field; did you mean `answers`?"),
        ({"context": ...}, "`context` must be a text (it is missing)"),
        ({"context": 5}, "`context` must be a text (got 5)"),
        ({"id": ROWS[0]["id"]}, "the id `en-1` comes twice"),
    ],
)
@pytest.mark.parametrize("form", ["lines", "array"])
def test_a_bad_row_is_refused_with_its_place(tmp_path, form, change, message):
    row = {key: value for key, value in {**ROWS[1], **change}.items() if value is not ...}
    rows = [ROWS[0], row]
    if form == "lines":
        found = refused(write_lines(tmp_path / "set.jsonl", rows))
        assert "set.jsonl`, line 2: " in found
    else:
        found = refused(write_squad(tmp_path / "set.json", rows))
        assert "set.json`, row 2: " in found
    assert message in found


def test_json_that_is_neither_form_says_what_is_expected(tmp_path):
    for content in ({"questions": []}, {"data": 5}, 7, "x", []):
        found = refused(write_squad(tmp_path / "set.json", content))
        assert "is not a SQuAD file: neither articles below `data` nor rows" in found
    found = refused(write_squad(tmp_path / "set.json", [{"question": "a", "answers": []}]))
    assert "row 1: `context` must be a text (it is missing)" in found
