import json

import pytest
from evaluation_sets import SQUAD, paragraph, write_beir, write_lines, write_squad, write_subjqa
from typer.testing import CliRunner

from evaluation.datasets import load_dataset, squad_json
from rag.errors import DatasetError
from ui.commands.main import app

ITEM = {"field": "meta.item", "operator": "==", "value": "B1"}
OWN = {"field": "meta.k", "operator": "!=", "value": "x"}


def there_and_back(path, tmp_path):
    before = load_dataset(path)
    return before, load_dataset(write_squad(tmp_path / "again.json", squad_json(before)))


def refused(path):
    with pytest.raises(DatasetError) as caught:
        squad_json(load_dataset(path))
    return str(caught.value)


def test_a_set_goes_to_squad_and_back(tmp_path):
    unasked = paragraph("Trout live in the river.")
    content = {"synthetic": True, "data": [*SQUAD["data"], {"paragraphs": [unasked]}]}
    before, after = there_and_back(write_squad(tmp_path / "set.json", content), tmp_path)
    assert after.questions == before.questions
    assert after.documents == before.documents
    assert after.synthetic


def test_subjqa_keeps_its_reviews_and_the_search_among_those_of_an_item(tmp_path):
    rows = [
        ("B1", "q1", "How is the sound?", "r1", "The sound is rich. ANSWERNOTFOUND", "is rich",
         "(10, 17)"),
        ("B1", "q1", "How is the sound?", "r1", "The sound is rich. ANSWERNOTFOUND", "rich",
         "(13, 17)"),
        ("B1", "q2", "A strap?", "r2", "Nice. ANSWERNOTFOUND", "ANSWERNOTFOUND", "(6, 20)"),
    ]  # fmt: skip
    before, after = there_and_back(write_subjqa(tmp_path / "toys", rows), tmp_path)
    assert after.questions == before.questions
    assert after.documents == before.documents
    assert after.questions[1].home == "r2"
    assert after.questions[0].filters == ITEM


def test_filters_of_a_question_itself_are_kept(tmp_path):
    plain = paragraph("Loud and clear.", ("q1", "How loud?", ["Loud"]))
    review = {"review_id": "r1", **paragraph("Soft.", ("q2", "How soft?", ["Soft"]))}
    for each in (plain, review):
        each["qas"][0]["filters"] = OWN
    content = {"data": [{"title": "B1", "paragraphs": [plain, review]}]}
    before, after = there_and_back(write_squad(tmp_path / "set.json", content), tmp_path)
    assert [each.filters for each in after.questions] == [each.filters for each in before.questions]


def write_lines_with_corpus(folder, *rows):
    texts = {"a": "Ada Kern opened the hut in 1954.", "b": "Snow lies on the pass."}
    corpus = [{"_id": name, "title": name, "text": text} for name, text in texts.items()]
    write_lines(folder / "corpus.jsonl", corpus)
    return write_lines(folder / "set.jsonl", rows)


def test_an_answer_of_question_lines_is_placed_inside_its_evidence(tmp_path):
    row = {"question": "When?", "answers": ["1954"],
           "evidence": [{"document": "a", "text": "opened the hut in 1954"}]}  # fmt: skip
    _, after = there_and_back(write_lines_with_corpus(tmp_path, row), tmp_path)
    (piece,) = after.questions[0].evidence
    assert [(gold.start, gold.end) for gold in piece] == [(27, 31)]  # "Ada ... hut in " has 27
    assert len(after.documents) == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"evidence": [{"document": "a", "text": "Ada"}]}, "holds no gold answers"),
        ({"answers": ["1954"]}, "the answer's place is not known"),
        (
            {"answers": ["Bob"], "evidence": [{"document": "a", "text": "Ada Kern"}]},
            "the answer `Bob` does not stand in its evidence",
        ),
        (
            {
                "answers": ["Ada"],
                "evidence": [{"document": "a", "text": "Ada"}, {"document": "b", "text": "Snow"}],
            },
            "its evidence is in several places",
        ),
    ],
)
def test_what_squad_has_no_place_for_is_refused_with_the_reason(tmp_path, row, reason):
    found = refused(write_lines_with_corpus(tmp_path, {"id": "q7", "question": "Who?", **row}))
    assert reason in found
    assert "`q7`" in found or "holds no" in found


def test_sets_without_answers_or_without_texts_are_refused(tmp_path):
    assert "holds no gold answers" in refused(write_beir(tmp_path / "beir"))
    row = {"question": "Who?", "answers": ["Ada"],
           "evidence": [{"document": "a.md", "text": "Ada opened it."}]}  # fmt: skip
    quoted = write_lines(tmp_path / "set.jsonl", [row])
    assert "does not hold its documents' texts" in refused(quoted)


def test_the_command_writes_a_file_and_never_over_one(tmp_path):
    path, out = write_squad(tmp_path / "set.json", SQUAD), tmp_path / "new" / "out.json"
    command = ["evaluate", "convert", str(path), str(out)]
    shown = CliRunner().invoke(app, command)
    assert shown.stdout == "Wrote 5 questions, 1 of them unanswerable, and 3 documents.\n"
    assert load_dataset(out).questions == load_dataset(path).questions
    assert "Nothing was overwritten" in str(CliRunner().invoke(app, command).exception)
    other = [*command[:-1], str(tmp_path / "out.txt")]
    assert "ends in .json" in str(CliRunner().invoke(app, other).exception)
    counts = json.loads(CliRunner().invoke(app, [*command[:-1], f"{out}.json", "--json"]).stdout)
    assert (counts["questions"], counts["unanswerable"], counts["documents"]) == (5, 1, 3)
