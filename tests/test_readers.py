import math

import pytest
from haystack import Document

from rag.reading.evidence import FEATURES, coverage, kind_fits
from rag.reading.probabilities import probability
from rag.reading.sentence_reader import SentenceReader
from rag.stores.embedded.store import EmbeddedStore


def test_coverage_is_the_weight_of_the_shared_tokens_over_that_of_the_question():
    weights = {"battery": 3.0, "last": 1.0}
    assert coverage(["battery", "last"], ["battery"], weights) == 3 / 4
    assert coverage(["battery", "battery"], ["battery"], weights) == 1
    assert coverage([], ["battery"], weights) == 0


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("How many beds are there?", "There are 40 beds.", 1),
        ("How many beds are there?", "There are many beds.", -1),
        ("How many of the 40 beds are free?", "The 40 beds are made.", -1),
        ("When was it built?", "It was built in May.", 1),
        ("Who built it?", "It was built by Tomas Verrel.", 1),
        ("Who built it?", "it was built by hand.", -1),
        ("Why was it built?", "It was built in 1957.", 0),
        ("有多少张床？", "共有四十张床。", 1),
        ("有多少张床？", "床很舒服。", -1),
        ("谁建的？", "由陈牧野建造。", 0),
    ],
)
def test_the_kind_of_thing_asked_for_is_looked_for(question, sentence, expected):
    assert kind_fits(question, sentence) == expected


def test_the_probability_is_logistic_in_the_features():
    none = [0.0] * len(FEATURES)
    low = probability(none, similarity=True)
    high = probability([1.0, *none[1:]], similarity=True)
    assert 0 < low < high < 1
    # one more unit of a feature moves the log-odds by its weight
    from rag.reading.probabilities import WITH_SIMILARITY

    moved = math.log(high / (1 - high)) - math.log(low / (1 - low))
    assert moved == pytest.approx(WITH_SIMILARITY[0][0])


def test_features_that_are_missing_are_an_error():
    with pytest.raises(ValueError, match="expected 6 features, got 2"):
        probability([0.0, 1.0], similarity=True)


@pytest.fixture
def store(tmp_path):
    store = EmbeddedStore(tmp_path / "c")
    yield store
    store.close()


def make(text, number=0, title=""):
    return Document(id=f"d:{number}", content=text, meta={"document_id": "d", "title": title})


def test_the_sentence_that_has_the_rare_words_comes_first(store):
    text = "The sauna is warm. The generator drinks nine litres an hour. The sauna is loved."
    store.write_documents([make(text), make("The sauna and the sauna.", 1)])
    found = SentenceReader(store, None).run("How much does the generator drink?", [make(text)])
    best = found["evidence"][0]
    assert text[best.start : best.end] == "The generator drinks nine litres an hour."
    assert found["stage"].note == "by words alone"


def test_every_sentence_is_where_it_says_and_scores_fall(store, embedder):
    text = "# Heading here now\n\nThe dog is 9 years old. The cat is young and sleeps. 狗叫小雪。"
    store.write_documents([make(text)])
    evidence = SentenceReader(store, embedder).run("How old is the dog?", [make(text)])["evidence"]
    sentences = [text[each.start : each.end] for each in evidence]
    assert sentences[0] == "The dog is 9 years old."
    assert not any(sentence.startswith("#") for sentence in sentences)
    scores = [each.score for each in evidence]
    assert scores == sorted(scores, reverse=True)
    assert all(len(each.features) == len(FEATURES) for each in evidence)


@pytest.mark.parametrize("content", ["", None, "One.", "# Only a heading stands here"])
def test_passages_without_a_sentence_give_no_evidence(store, content):
    store.write_documents([make("Something else is here.", 1)])
    found = SentenceReader(store, None).run("What?", [Document(id="x", content=content)])
    assert found["evidence"] == []


def test_reading_twice_gives_the_same(store, embedder):
    texts = ["The dog is old. The cat is young.", "The dog is old. A bird sings loudly."]
    passages = [make(text, number) for number, text in enumerate(texts)]
    store.write_documents(passages)
    reader = SentenceReader(store, embedder)
    runs = [reader.run("How old is the dog?", passages)["evidence"] for _ in range(2)]
    assert runs[0] == runs[1]


def test_the_bullet_of_a_list_is_not_part_of_the_sentence(store):
    text = "- The generator drinks nine litres an hour.\n- The sauna is warm."
    store.write_documents([make(text)])
    best = SentenceReader(store, None).run("What does the generator drink?", [make(text)])
    first = best["evidence"][0]
    assert text[first.start : first.end] == "The generator drinks nine litres an hour."
