import json

import pytest

from evaluation.cloze import names_in, questions_from
from evaluation.datasets import load_dataset, read_squad
from evaluation.questions import make_questions
from rag.errors import DatasetError
from rag.stores.base import DocumentInfo


class Texts:
    """A store of texts, as far as questions need one."""

    def __init__(self, **texts):
        self.texts = texts

    def documents(self):
        for name in self.texts:
            yield DocumentInfo(name, f"{name}.md", name, "", None, 1)

    def text_of(self, document_id):
        return self.texts[document_id]


TEXTS = Texts(
    hut="The first hut was built by the brothers Karl Stone in 1954.\n\n"
    "A bivouac is a small shelter without a warden, open all the year. It has 12 beds and a stove.",
    road="The road over the pass was planned by young Maria Brook and cost 4,500 crowns.",
    zh="这座木桥建于1911年，由当地工匠设计。桥长60米，横跨冰河。\n\n风标是安装在屋顶上的测风仪器。",
)


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("A bivouac is a small shelter without a warden.", "What is a bivouac?", "a small shelter"),
        ("The hut was opened for climbers in 1954.", "Which year is missing", "1954"),
        ("The road over the pass cost 4,500 crowns.", "Which number is missing", "4,500"),
        ("It rained on the hut until 12 June 1984 that year.", "Which date is missing", "12 June"),
        ("The road was planned by Maria Brook alone.", "Which name is missing", "Maria Brook"),
        ("风标是安装在屋顶上的测风仪器。", "风标是什么？", "安装在屋顶上的测风仪器"),
        ("这座木桥建于1911年，由工匠设计。", "缺的是什么时间", "1911年"),
        ("这座木桥长60米，横跨冰河。", "缺的是多少", "60米"),
        ("老人把它叫作“冬天的门”，至今如此。", "缺的是什么名称", "“冬天的门”"),
    ],
)
def test_a_sentence_gives_a_question_and_the_place_of_its_answer(sentence, question, answer):
    made = [each for each in questions_from(sentence) if question in each.question]
    assert made
    assert sentence[made[0].start : made[0].end].startswith(answer)
    assert answer not in made[0].question


@pytest.mark.parametrize(
    "sentence",
    [
        "It is a small shelter without a warden in it.",
        "Its main work is a search for small asteroids near us.",
        "Too short in 1954.",
        "## The storm that came in the winter of 2019",
        "It starts at 10:30 in front of the brass bell there.",
        "Хижина была построена братьями в 1954 году у перевала.",
        "",
    ],
)
def test_a_sentence_without_a_fair_question_gives_none(sentence):
    assert not [each for each in questions_from(sentence) if each.kind != "year"]


def test_names_are_found_within_a_sentence():
    assert names_in("It was planned by Maria Brook of Lower Marrin.") == [
        "Maria Brook of Lower Marrin"
    ]


def test_the_set_is_squad_that_reads_back_with_exact_spans(tmp_path):
    made = make_questions(TEXTS, 20)
    path = tmp_path / "made.json"
    path.write_text(json.dumps(made.content), encoding="utf-8")
    questions = read_squad(path)
    assert made.answerable == sum(each.is_answerable for each in questions)
    assert made.unanswerable == sum(not each.is_answerable for each in questions)
    assert {"zh.md", "hut.md"} <= {each.document for each in questions}
    for each in questions:
        text = TEXTS.text_of(each.document.removesuffix(".md"))
        assert each.context in text
    assert load_dataset(path).synthetic


def test_an_unanswerable_question_names_what_stands_in_no_document_with_it():
    made = make_questions(TEXTS, 20)
    found = [
        (article["title"], question["question"])
        for article in made.content["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
        if question["is_impossible"]
    ]
    assert found
    for title, question in found:
        other = {"hut.md": "Maria Brook", "road.md": "Karl Stone"}[title]
        assert other in question
        assert other not in TEXTS.text_of(title.removesuffix(".md"))


def test_the_same_seed_makes_the_same_set_and_n_is_the_most():
    assert make_questions(TEXTS, 4, seed=3) == make_questions(TEXTS, 4, seed=3)
    made = make_questions(TEXTS, 4)
    assert made.answerable + made.unanswerable == 4
    assert made.unanswerable == 1


def test_documents_without_a_fair_sentence_are_refused():
    with pytest.raises(DatasetError, match="no question can be made"):
        make_questions(Texts(a="Nothing here."), 10)
