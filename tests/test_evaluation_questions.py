import json
import random
from collections import Counter

import pytest

from evaluation.datasets import load_dataset, read_squad
from evaluation.question_making.candidates import blocks_of, candidates_in
from evaluation.question_making.cloze import names_in, questions_from
from evaluation.question_making.question_set import make_questions
from evaluation.question_making.unanswerable import (
    OTHER_NAME,
    REMOVED,
    with_evidence_removed,
    without_document,
)
from evaluation.run.caches import QuestionCache
from evaluation.run.corpus import open_corpus
from evaluation.run.question_run import QuestionTask, SystemUnderTest, ask
from evaluation.run.relevance import Judgement
from evaluation.run.systems import resolve_systems
from rag.config import Config
from rag.errors import DatasetError
from rag.schema import SearchOptions
from rag.stores.contract import DocumentInfo


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


class Spy:
    """An engine that remembers the filters it was given."""

    def __init__(self, rag):
        self.rag, self.asked = rag, []

    def ask(self, question, options):
        self.asked.append(options.filters)
        return self.rag.ask(question, options)

    def search(self, question, options):
        self.asked.append(options.filters)
        return self.rag.search(question, options)


def candidates(store):
    return [
        each
        for info in store.documents()
        for block in blocks_of(info.document_id, info.source, "", store.text_of(info.document_id))
        for each in candidates_in(block)
    ]


def rows(made, kind=None):
    """Title, context and entry of the questions of a set, or of one kind."""
    return [
        (article["title"], paragraph["context"], row)
        for article in made.content["data"]
        for paragraph in article["paragraphs"]
        for row in paragraph["qas"]
        if kind in (None, row["kind"])
    ]


def written(made, folder):
    path = folder / "made.json"
    path.write_text(json.dumps(made.content), encoding="utf-8")
    return path


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
    path = written(made, tmp_path)
    questions = read_squad(path)
    assert made.answerable == sum(each.is_answerable for each in questions)
    assert made.unanswerable == sum(not each.is_answerable for each in questions)
    assert {"zh.md", "hut.md"} <= {each.document for each in questions}
    for each in questions:
        text = TEXTS.text_of(each.document.removesuffix(".md"))
        assert each.context in text
    assert load_dataset(path).synthetic


def test_an_unanswerable_question_names_what_stands_in_no_document_with_it():
    found = rows(make_questions(TEXTS, 20), kind=OTHER_NAME)
    assert found
    for title, _, row in found:
        other = {"hut.md": "Maria Brook", "road.md": "Karl Stone"}[title]
        assert row["is_impossible"]
        assert other in row["question"]
        assert other not in TEXTS.text_of(title.removesuffix(".md"))
        assert "filters" not in row


def test_removed_evidence_is_a_filter_on_the_one_document_that_holds_the_answer():
    plain = {each.question: each for each in candidates(TEXTS)}
    found = rows(make_questions(TEXTS, 20), kind=REMOVED)
    assert found
    for title, context, row in found:
        source = row["filters"]["conditions"][0]["value"]
        assert row["filters"] == without_document(source)
        assert (row["is_impossible"], row["answers"]) == (True, [])
        answer = plain[row["question"]].answer
        assert plain[row["question"]].block.source == source != title
        assert answer not in context
        holders = [name for name, text in TEXTS.texts.items() if answer in text]
        assert holders == [source.removesuffix(".md")]


def test_evidence_that_stands_in_another_document_too_is_not_removed():
    twice = "The hut on the ridge was built of larch in 1954.\n\nIts roof weighs 2,310\nkg in all."
    other = "Nothing but the weight: ２,310 KG of tin. The well was dug by nobody in the year 1897."
    texts = {"a": twice, "b": other, "c": "In 1954 it rained on the hut for many days on end."}
    store = Texts(**texts)
    order = candidates(store)
    found = with_evidence_removed(order, texts, random.Random(0), 9)  # noqa: S311
    assert {each.answer for each in order} >= {"1954", "1897"}
    assert [each.made_from.answer for each in found] == ["1897"]


def test_a_question_is_asked_with_its_evidence_or_without_it_but_not_both():
    made = make_questions(TEXTS, 20)
    asked = [row["question"] for _, _, row in rows(made)]
    assert len(set(asked)) == len(asked)
    kinds = Counter(row["kind"] for _, _, row in rows(made) if row["is_impossible"])
    assert kinds == {
        OTHER_NAME: 1,
        REMOVED: 1,
    }  # a quarter of the 9 there are: 2, half of each kind


def test_a_collection_of_one_document_gives_no_unanswerable_question():
    made = make_questions(Texts(road=TEXTS.texts["road"]), 20)
    assert (made.unanswerable, made.answerable) == (0, 2)


def test_a_reader_alone_does_not_see_the_evidence_that_is_removed(tmp_path):
    questions = {
        each.question_id: each for each in read_squad(written(make_questions(TEXTS, 20), tmp_path))
    }
    for _, context, row in rows(make_questions(TEXTS, 20), kind=REMOVED):
        assert questions[row["id"]].context == context
        assert questions[row["id"]].filters == row["filters"]


def test_the_runner_asks_with_the_filter_of_the_file(tmp_path, sample_store, sample_rag):
    made = make_questions(sample_store, 40)
    dataset = load_dataset(written(made, tmp_path))
    removed = [each for each in dataset.questions if each.filters]
    assert len(removed) == len(rows(made, kind=REMOVED)) == 5
    assert len({json.dumps(each.filters) for each in removed}) == 5  # of five documents
    spy = Spy(sample_rag)
    bench = SystemUnderTest(
        resolve_systems("bm25", Config())[0], spy, QuestionCache(), False, answers=True
    )
    asked = ask(QuestionTask(removed[0], Judgement({}, {}, by_document=False), {}), bench)
    assert not asked.result.error
    assert spy.asked == [removed[0].filters, removed[0].filters]  # the answer, then the ranking


def test_the_filter_takes_away_whole_files_and_single_records(sample_store, sample_rag):
    texts = {each.document_id: sample_store.text_of(each.document_id)
             for each in sample_store.documents()}  # fmt: skip
    found = with_evidence_removed(candidates(sample_store), texts, random.Random(0), 999)  # noqa: S311
    file = next(each for each in found if "#" not in each.made_from.block.source)
    record = next(each for each in found if "#" in each.made_from.block.source)
    for each in (file, record):
        source = each.made_from.block.source
        plain = sample_rag.search(each.question, SearchOptions(method="bm25"))
        without = sample_rag.search(
            each.question, SearchOptions(filters=dict(each.filters), top_k=200)
        )
        assert source in {passage.source for passage in plain.results}
        assert source not in {passage.source for passage in without.results}
        assert not any(each.made_from.answer in passage.text for passage in without.results)
        assert len(without.results) == 141 - sum(
            passage.meta["source"] == source for passage in sample_store.filter_documents()
        )  # nothing else is gone


def test_the_set_asked_of_its_own_paragraphs_leaves_the_document_out_too(tmp_path, embedder):
    dataset = load_dataset(written(make_questions(TEXTS, 20), tmp_path))
    question = next(each for each in dataset.questions if each.filters)
    source = question.filters["conditions"][0]["value"]
    corpus = open_corpus(dataset, Config(), embedder, vectors=False)
    found = corpus.store.filter_documents(dict(question.filters))
    every = corpus.store.filter_documents()
    corpus.store.close()
    assert {each.meta["title"] for each in every} - {each.meta["title"] for each in found} == {
        source
    }


def test_the_same_seed_makes_the_same_set_and_n_is_the_most():
    assert make_questions(TEXTS, 4, seed=3) == make_questions(TEXTS, 4, seed=3)
    made = make_questions(TEXTS, 4)
    assert made.answerable + made.unanswerable == 4
    assert made.unanswerable == 1


def test_documents_without_a_fair_sentence_are_refused():
    with pytest.raises(DatasetError, match="no question can be made"):
        make_questions(Texts(a="Nothing here."), 10)
