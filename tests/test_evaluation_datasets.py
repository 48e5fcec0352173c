import json

import pytest
from evaluation_sets import SQUAD, paragraph, write_beir, write_lines, write_squad, write_subjqa

from evaluation.datasets import Gold, load_dataset
from rag.errors import DatasetError


def refused(path):
    with pytest.raises(DatasetError) as caught:
        load_dataset(path)
    return str(caught.value)


def test_a_squad_paragraph_becomes_a_document_and_answers_become_spans_of_it(tmp_path):
    dataset = load_dataset(write_squad(tmp_path / "set.json"))
    first = dataset.questions[0]
    text = {each.document_id: each.text for each in dataset.documents}["Pass#0"]
    assert [text[gold.start : gold.end] for gold in first.evidence[0]] == ["twelve", "twelve beds"]
    assert (dataset.matching, first.cluster, first.hops) == ("spans", "Pass", 1)
    assert [question.is_answerable for question in dataset.questions] == [1, 1, 0, 1, 1]


def test_a_converted_subjqa_review_is_searched_among_its_item(tmp_path):
    review = {"review_id": "r1", **paragraph("Loud and clear.", ("q1", "How loud?", ["Loud"]))}
    content = {"data": [{"title": "B01", "paragraphs": [review]}]}
    question = load_dataset(write_squad(tmp_path / "set.json", content)).questions[0]
    assert question.filters == {"field": "meta.item", "operator": "==", "value": "B01"}
    assert question.evidence == ((Gold("r1", 0, 4),),)


def test_a_squad_question_may_have_filters_beside_those_of_its_item(tmp_path):
    own = {"field": "meta.k", "operator": "!=", "value": "x"}
    plain = paragraph("Loud and clear.", ("q1", "How loud?", ["Loud"]))
    review = {"review_id": "r1", **paragraph("Soft.", ("q2", "How soft?", []))}
    for each in (plain, review):
        each["qas"][0]["filters"] = own
    content = {"data": [{"title": "B01", "paragraphs": [plain, review]}]}
    first, second = load_dataset(write_squad(tmp_path / "set.json", content)).questions
    item = {"field": "meta.item", "operator": "==", "value": "B01"}
    assert first.filters == own
    assert second.filters == {"operator": "AND", "conditions": [item, own]}


def test_filters_of_a_squad_question_that_are_no_object_are_refused_with_their_place(tmp_path):
    wrong = paragraph("Loud.", ("q1", "How loud?", ["Loud"]))
    wrong["qas"][0]["filters"] = "meta.k == 1"
    found = refused(write_squad(tmp_path / "set.json", {"data": [{"paragraphs": [wrong]}]}))
    assert "article 1, paragraph 1: `filters` must be an object (got 'meta.k == 1')" in found


@pytest.mark.parametrize(
    ("start", "message"),
    [(3, "the answer `beds` does not stand at 3"), (-1, "does not stand at -1")],
)
def test_a_gold_span_outside_its_context_is_refused_with_its_place(tmp_path, start, message):
    content = {"data": [{"title": "", "paragraphs": [paragraph("x beds", ("q", "?", ["beds"]))]}]}
    content["data"][0]["paragraphs"][0]["qas"][0]["answers"][0]["answer_start"] = start
    found = refused(write_squad(tmp_path / "set.json", content))
    assert message in found
    assert "article 1, paragraph 1" in found


def test_repair_moves_an_answer_to_the_nearest_place_and_says_so(tmp_path):
    context = "beds and beds"
    content = {"data": [{"title": "", "paragraphs": [paragraph(context, ("q", "?", ["beds"]))]}]}
    content["data"][0]["paragraphs"][0]["qas"][0]["answers"][0]["answer_start"] = 8
    dataset = load_dataset(write_squad(tmp_path / "set.json", content), repair=True)
    assert dataset.questions[0].evidence[0][0].start == 9
    assert dataset.notes == ("1 gold answers not at their offset: moved or left out.",)


def test_a_question_id_that_comes_twice_is_refused(tmp_path):
    twice = [paragraph("a b", ("q", "a?", [])), paragraph("c d", ("q", "c?", []))]
    path = write_squad(tmp_path / "set.json", {"data": [{"title": "", "paragraphs": twice}]})
    assert "the id `q` comes twice" in refused(path)


def test_an_empty_set_is_refused(tmp_path):
    assert "holds no question" in refused(write_squad(tmp_path / "set.json", {"data": []}))
    assert "holds no question" in refused(write_lines(tmp_path / "set.jsonl", []))


def test_bytes_that_are_not_utf8_are_named_by_line(tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_bytes(b'{"question": "a"}\n{"question": "\xff"}\n')
    assert "line 2: not UTF-8 (byte 32 is 0xff)" in refused(path)


def test_what_is_no_data_set_is_refused_with_the_forms_there_are(tmp_path):
    assert "there is no data set" in refused(tmp_path / "nowhere")
    assert "a BEIR folder" in refused(tmp_path)


def test_a_beir_folder_has_graded_judgements_of_its_split_alone(tmp_path):
    dataset = load_dataset(write_beir(tmp_path))
    assert [each.question_id for each in dataset.questions] == ["q1", "q2", "q3", "q4", "q5"]
    assert dataset.questions[0].grades == {"d2": 2, "d1": 1}
    assert dataset.matching == "documents"
    assert not dataset.has_answers


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q1\td99\t1", "line 3: the document `d99` is not in `corpus.jsonl`"),
        ("q99\td1\t1", "line 3: the query `q99` is not in `queries.jsonl`"),
        ("q1\td2\t1", "line 3: `q1` and `d2` are judged twice"),
        ("q1\td1\thigh", "line 3: the score must be a whole number (got 'high')"),
        ("q1\td1", "line 3: the row has not as many cells as the header"),
    ],
)
def test_a_malformed_judgement_is_named_by_file_and_line(tmp_path, line, message):
    folder = write_beir(tmp_path)
    text = f"query-id\tcorpus-id\tscore\nq1\td2\t1\n{line}\n"
    (folder / "qrels" / "test.tsv").write_text(text, encoding="utf-8")
    found = refused(folder)
    assert "test.tsv`" in found
    assert message in found


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("corpus.jsonl", '{"_id": "d1", "text": "again"}', "the document `d1` comes twice"),
        ("corpus.jsonl", '{"_id": "d9"}', "`text` must be a text (it is missing)"),
        ("corpus.jsonl", '["d9"]', "expected an object in braces"),
        ("corpus.jsonl", '{"_id": ', "not JSON"),
        ("queries.jsonl", '{"_id": "q1", "text": "again"}', "the query `q1` comes twice"),
        ("queries.jsonl", '{"text": "who?"}', "`_id` is missing"),
    ],
)
def test_a_malformed_line_of_a_beir_folder_is_named(tmp_path, name, line, message):
    folder = write_beir(tmp_path)
    with (folder / name).open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")
    found = refused(folder)
    assert message in found
    assert f"{name}`, line 7" in found


REVIEW = "The sound is rich.\nThe bass is weak. ANSWERNOTFOUND"


def test_subjqa_answers_of_all_annotators_are_alternatives_and_the_suffix_is_cut(tmp_path):
    rows = [
        ("B1", "q1", "How is the sound?", "r1", REVIEW, "is rich", "(10, 17)"),
        ("B1", "q1", "How is the sound?", "r1", REVIEW, "rich", "(13, 17)"),
        ("B1", "q2", "How is the strap?", "r1", REVIEW, "ANSWERNOTFOUND", "(37, 51)"),
    ]
    dataset = load_dataset(write_subjqa(tmp_path / "toys" / "splits", rows).parent)
    sound, strap = dataset.questions
    assert dataset.documents[0].text == "The sound is rich.\nThe bass is weak."
    assert sound.answers == ("is rich", "rich")
    assert sound.evidence == ((Gold("r1", 10, 17), Gold("r1", 13, 17)),)
    assert not strap.is_answerable
    assert dataset.name == "subjqa-toys-test"


def test_a_subjqa_span_outside_its_review_is_refused(tmp_path):
    rows = [("B1", "q1", "How?", "r1", REVIEW, "rich", "(13, 400)")]
    found = refused(write_subjqa(tmp_path / "toys", rows))
    assert "line 3: the answer's span (13, 400) is outside its review" in found


def test_question_lines_may_need_several_pieces_of_evidence(tmp_path):
    write_lines(tmp_path / "corpus.jsonl", [{"_id": "a", "text": "x y"}, {"_id": "b", "text": "z"}])
    row = {
        "question": "both?",
        "answers": ["yes"],
        "evidence": [{"document": "a", "text": "y"}, [{"document": "b", "start": 0, "end": 1}]],
        "filters": {"field": "meta.k", "operator": "==", "value": 1},
    }
    question = load_dataset(write_lines(tmp_path / "set.jsonl", [row])).questions[0]
    assert question.evidence == ((Gold("a", 2, 3),), (Gold("b", 0, 1),))
    assert (question.question_id, question.hops) == ("line-1", 2)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"answers": []}, "`question` must be a text"),
        ({"question": "a", "evidence": "x"}, "`evidence` must be a list"),
        ({"question": "a", "evidence": [{"document": "c", "text": "x"}]}, "`c` is not in"),
        ({"question": "a", "evidence": [{"document": "a", "text": "no"}]}, "does not stand in `a`"),
        ({"question": "a", "evidence": [{"document": "a", "start": 0, "end": 9}]}, "does not"),
        ({"question": "a", "filters": []}, "`filters` must be an object"),
        ({"question": "a", "answers": [1]}, "`answers` must be a list of texts"),
    ],
)
def test_a_malformed_question_line_is_named(tmp_path, row, message):
    write_lines(tmp_path / "corpus.jsonl", [{"_id": "a", "text": "x y"}])
    found = refused(write_lines(tmp_path / "set.jsonl", [{"question": "fine"}, row]))
    assert message in found
    assert "line 2" in found


def test_articles_give_spans_from_their_paragraph_on(tmp_path):
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "Old_Hut.txt").write_text("ten beds\n\nThe hut has ten beds.")
    row = {"_id": "q", "text": "How many?", "answers": ["ten"], "document": "Old_Hut.txt"}
    write_lines(tmp_path / "questions.jsonl", [{**row, "context_offset": 10}])
    dataset = load_dataset(tmp_path)
    assert dataset.questions[0].evidence == ((Gold("Old_Hut.txt", 22, 25),),)
    assert dataset.documents[0].title == "Old Hut"
    write_lines(tmp_path / "questions.jsonl", [{**row, "context_offset": 24}])
    assert "`ten` does not stand in `Old_Hut.txt` from 24" in refused(tmp_path)


def test_a_sample_is_seeded_keeps_the_order_and_changes_the_hash(tmp_path):
    dataset = load_dataset(write_squad(tmp_path / "set.json"))
    one, same, other = dataset.sample(2, 1), dataset.sample(2, 1), dataset.sample(2, 5)
    assert one == same
    assert one.questions_sha256 != other.questions_sha256
    assert (len(one.questions), one.sampled_from) == (2, 5)
    assert [each for each in dataset.questions if each in one.questions] == list(one.questions)
    with pytest.raises(DatasetError, match="at least 1"):
        dataset.sample(0, 1)


def test_hashes_tell_questions_from_judgements(tmp_path):
    dataset = load_dataset(write_beir(tmp_path))
    tsv = tmp_path / "qrels" / "test.tsv"
    tsv.write_text(tsv.read_text().replace("q1\td1\t1", "q1\td1\t2"))
    changed = load_dataset(tmp_path)
    assert changed.questions_sha256 == dataset.questions_sha256
    assert changed.qrels_sha256 != dataset.qrels_sha256


def test_a_file_that_says_so_is_synthetic(tmp_path):
    path = write_squad(tmp_path / "set.json", {**SQUAD, "synthetic": True})
    assert load_dataset(path).synthetic
    assert json.loads(path.read_text())["synthetic"]
