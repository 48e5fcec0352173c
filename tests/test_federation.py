"""Several collections asked together: joined passages, their names, and collections that fail."""

from types import SimpleNamespace

import numpy as np
import pytest
from haystack import Document

from rag.config import Config
from rag.config.ranker import RankerConfig
from rag.engine import RAG
from rag.errors import QuestionError, StoreError, UnknownFieldError
from rag.federated_search import JoinedStore, join_found
from rag.federation import Federation
from rag.models.selection import Roles
from rag.schema import SearchOptions
from rag.search import Retrieved
from rag.stores.contract import DocumentInfo
from rag.stores.embedded.store import EmbeddedStore

PUMP = "The pump of the station runs on diesel."
DOG = "The dog of the station is called Juno."
QUESTION = "What does the pump of the station run on?"
COLLECTIONS = {
    "hut": {"a.md": [PUMP, "The pump was repaired in March."], "dog.md": [DOG]},
    "camp": {"a.md": ["The camp has forty tents.", "Its pump stands by the river."], "b.md": [DOG]},
}


class Turned:
    """Another embedder: its vectors are those of the first, turned around."""

    def __init__(self, embedder):
        self._embedder, self.floor, self.ran_by = embedder, embedder.floor, ""
        files = embedder.files
        self.files = SimpleNamespace(
            name="turned", sha256="another", dimension=files.dimension, own={}
        )
        self.languages, self.serves = embedder.languages, embedder.serves
        self.warm_up = embedder.warm_up

    def query_parts(self, text):
        return [text]

    def encode_query(self, text):
        return -self._embedder.encode_query(text)

    def encode_passages(self, texts):
        return -self._embedder.encode_passages(texts)


def filled(folder, texts, embedder):
    """A store of documents, given as name -> passages."""
    store = EmbeddedStore(folder)
    passages = [
        (name, number, text) for name, parts in texts.items() for number, text in enumerate(parts)
    ]
    vectors = embedder.encode_passages([text for *_, text in passages])
    store.write_documents(
        [
            Document(
                id=f"{name}:{number}",
                content=text,
                embedding=vector.tolist(),
                meta={"document_id": name, "source": name, "number": number, "kind": name[-2:]},
            )
            for (name, number, text), vector in zip(passages, vectors, strict=True)
        ]
    )
    return store


@pytest.fixture(scope="module")
def stores(tmp_path_factory, embedder):
    """The collections, and `turned`, which another embedder made; only for reading."""
    folder = tmp_path_factory.mktemp("collections")
    made = {name: filled(folder / name, texts, embedder) for name, texts in COLLECTIONS.items()}
    made["turned"] = filled(
        folder / "turned", {"t.md": ["Diesel is sold in town."]}, Turned(embedder)
    )
    return made


@pytest.fixture
def engine(stores, embedder):
    """Make an engine of one of the collections."""

    def make(name, config=None, **options):
        own = Turned(embedder) if name == "turned" else embedder
        return RAG(config or Config(), stores[name], embedder=own, collection=name, **options)

    return make


@pytest.fixture
def both(engine):
    """The two collections together."""
    return Federation({name: engine(name) for name in COLLECTIONS})


def places(result):
    return [(each.collection, each.passage_id) for each in result.results]


class Broken:
    """A store that cannot be read."""

    manifest, name = None, "broken"

    def __init__(self, error):
        self._error = error

    def __getattr__(self, name):
        raise self._error


@pytest.fixture
def broken(embedder):
    """Make an engine of a store that cannot be read."""

    def make(message="the disk is gone"):
        return RAG(Config(), Broken(StoreError(message)), embedder=embedder, collection="broken")

    return make


# -- search


def test_passages_of_all_collections_have_their_own_ids_and_the_name_of_theirs(both):
    result = both.search(QUESTION, SearchOptions(top_k=5, method="hybrid"))
    assert {collection for collection, _ in places(result)} == {"hut", "camp"}
    assert len(set(places(result))) == 5
    first = result.results[0]
    assert (first.collection, first.document_id, first.text) == ("hut", "a.md", PUMP)
    assert [each.rank for each in result.results] == [1, 2, 3, 4, 5]
    assert {"bm25", "dense", "fused", "joined"} <= set(first.stages)
    assert first.stages["bm25"].rank == 1
    assert result.collection == "hut, camp"


def test_no_more_passages_than_asked_for_come_of_all_together(both):
    assert len(both.search(QUESTION, SearchOptions(top_k=2)).results) == 2


def test_a_text_in_two_collections_takes_one_place_and_counts_as_a_copy(both):
    dogs = [each for each in both.search("Juno the dog").results if each.text == DOG]
    assert [(each.collection, each.copies) for each in dogs] == [("hut", 1)]


def test_the_best_passage_is_first_whichever_collection_is_named_first(engine):
    one = Federation({name: engine(name) for name in ("hut", "camp")}).search(QUESTION)
    other = Federation({name: engine(name) for name in ("camp", "hut")}).search(QUESTION)
    assert one.results[0].text == other.results[0].text == PUMP
    assert {each.text for each in one.results} == {each.text for each in other.results}


def test_equal_embedders_embed_the_question_once_and_others_for_themselves(engine):
    three = Federation({name: engine(name) for name in ("hut", "camp", "turned")})
    result = three.search("diesel pump", SearchOptions("dense"))
    embedded = [each.collection for each in result.trace.stages if each.name == "embed"]
    assert embedded == ["hut", "turned"]
    assert ("turned", "t.md:0") in places(result)


def test_one_collection_alone_names_itself_as_well(engine):
    result = engine("hut").search(QUESTION)
    assert {each.collection for each in result.results} == {"hut"}
    assert engine("hut").ask(QUESTION).citations[0].collection == "hut"


@pytest.mark.parametrize("question", ["", "x" * 300_000])
def test_a_question_that_cannot_be_asked_is_refused_as_by_one(both, question):
    with pytest.raises(QuestionError):
        both.search(question)
    with pytest.raises(QuestionError, match="top_k"):
        both.search("pump", SearchOptions(top_k=0))


def test_a_long_question_is_read_by_its_gist(both):
    result = both.search(f"{'I have nothing to say here. ' * 30} {QUESTION}")
    assert QUESTION in result.gist
    assert result.trace.stages[0].name == "gist"


# -- the order


def found(*documents, relevances=None):
    kept = [Document(id=name, content=text) for name, text in documents]
    return Retrieved(kept, {"bm25": kept}, (), 3, {}, relevances or {})


def nothing(_):
    return 0.0


def test_relevance_orders_what_it_is_known_of_whatever_the_ranks():
    joined = join_found(
        {
            "a": found(("1", "one"), ("2", "two"), relevances={"1": 0.2, "2": 0.9}),
            "b": found(("1", "three"), relevances={"1": 0.5}),
        },
        10,
        6,
        nothing,
    )
    assert [(each.id, each.score) for each in joined.documents] == [
        ("a/2", 0.9), ("b/1", 0.5), ("a/1", 0.2),
    ]  # fmt: skip
    assert [each.relevance for each in joined.passages] == [0.9, 0.5, 0.2]
    assert joined.passages[1].stages["bm25"].rank == 1


def test_without_it_collections_take_turns_and_who_holds_more_of_the_question_is_first():
    joined = join_found(
        {"a": found(("1", "one"), ("2", "two")), "b": found(("1", "pump"), ("2", "four"))},
        3,
        6,
        lambda document: float("pump" in document.content),
    )
    assert [each.id for each in joined.documents] == ["b/1", "a/1", "a/2"]
    assert [each.score for each in joined.documents] == [1.0, 0.75, 0.5]


def test_the_generation_of_several_grows_with_each(stores):
    joined = JoinedStore(stores)
    number = joined.remember({"hut": 1, "camp": 2})
    assert number == 3
    assert [each.id for each in joined.passages_by_id(["camp/a.md:1", "hut/x", "hut/a.md:0"])] == [
        "camp/a.md:1", "hut/a.md:0",
    ]  # fmt: skip
    counts, total = joined.document_frequencies(["pump", "juno"])
    assert (counts, total) == ([3, 2], 7)


class Prefers:
    """A ranker that prefers one word."""

    files, ran_by = SimpleNamespace(name="prefers", own={}), ""

    def __init__(self, word):
        self.word, self.asked = word, []

    def warm_up(self):
        pass

    def relevance(self, question, texts, *, deadline=None):
        self.asked.append(len(texts))
        return [9.0 if self.word in text else -9.0 for text in texts]


def test_the_joined_passages_are_ranked_once(engine):
    model, config = Prefers("tents"), Config(ranker=RankerConfig(candidates=5, weight=1))
    roles = Roles(rankers={"en": model})
    both = Federation({name: engine(name, config, roles=roles) for name in COLLECTIONS})
    result = both.search(QUESTION, SearchOptions(top_k=2, rank=True))
    assert model.asked == [5]
    assert places(result)[0] == ("camp", "a.md:0")


# -- answers


def test_an_answer_names_the_collection_of_each_citation(both):
    answer = both.ask(QUESTION)
    first = answer.citations[0]
    assert (first.collection, first.passage_id, first.document_id) == ("hut", "a.md:0", "a.md")
    assert first.quote == PUMP
    assert {each.collection for each in answer.passages} == {"hut", "camp"}
    assert answer.collection == "hut, camp"


def test_passages_that_are_told_before_the_answer_have_their_own_ids(both):
    told = []
    answer = both.ask(QUESTION, on_found=told.extend)
    assert {each.collection for each in told} == {"hut", "camp"}
    assert answer.passages == tuple(told)


def test_thanks_and_questions_about_the_collections_are_answered_without_a_search(
    both, stores, monkeypatch
):
    for name in COLLECTIONS:
        info = DocumentInfo("a.md", "a.md", "", "", None, 2)
        monkeypatch.setattr(stores[name], "documents", lambda info=info: iter([info]))
    thanks = both.ask("Thanks a lot!")
    assert (thanks.citations, thanks.passages, thanks.abstained) == ((), (), False)
    assert thanks.answer.startswith("You're welcome")
    answer = both.ask("What is in these documents?")
    assert answer.trace.stages[0].name == "overview"
    assert {each.collection for each in answer.citations} == {"hut", "camp"}
    assert {each.document_id for each in answer.passages} >= {"a.md"}
    assert all(f"[{each.n}]" in answer.answer for each in answer.citations)


def test_what_is_nearest_is_shown_of_all_where_nothing_is_relevant_enough(both):
    answer = both.ask("Who painted the ceiling?", SearchOptions(min_relevance=1.0))
    assert answer.abstained
    assert {each.collection for each in answer.passages} == {"hut", "camp"}
    assert all(each.document_id for each in answer.passages)


def test_a_search_that_reads_gives_the_sentence_of_each_passage(both):
    result, best = both.search_and_read(QUESTION)
    assert result.results[0].text[best[1].start : best[1].end] == PUMP


# -- what cannot be asked


def test_of_ten_collections_one_that_is_damaged_is_left_out_and_said(engine, broken):
    engines = {f"hut{number}": engine("hut") for number in range(9)}
    result = Federation({"broken": broken(), **engines}).search(QUESTION)
    assert result.results[0].text == PUMP
    assert result.results[0].copies == 8
    notes = [each.note for each in result.trace.stages if each.name == "left out"]
    assert notes == ["`broken` was left out: it cannot be read now."]
    answer = Federation({"broken": broken(), "hut": engine("hut")}).ask(QUESTION)
    assert answer.citations[0].collection == "hut"


def test_a_collection_that_cannot_be_opened_is_said_with_every_question(engine):
    left_out = {"new": StoreError("it is being rebuilt")}
    for _ in range(2):
        stages = Federation({"hut": engine("hut")}, left_out).search(QUESTION).trace.stages
        assert stages[0].note == "`new` was left out: it cannot be read now."


def test_if_none_can_be_asked_the_error_of_the_first_is_raised(broken):
    with pytest.raises(StoreError, match="the first"):
        Federation({"a": broken("the first"), "b": broken("the second")}).search(QUESTION)


def test_a_filter_restricts_those_that_have_its_field_and_must_be_known_to_one(both, engine):
    result = both.search(QUESTION, SearchOptions(filters={
        "field": "meta.kind", "operator": "==", "value": "md"}))  # fmt: skip
    assert {each.collection for each in result.results} == {"hut", "camp"}
    unknown = {"field": "meta.nowhere", "operator": "==", "value": 1}
    with pytest.raises(UnknownFieldError):
        both.search(QUESTION, SearchOptions(filters=unknown))
    with pytest.raises(UnknownFieldError):
        both.check_filter(unknown)
    both.check_filter({"field": "meta.kind", "operator": "==", "value": "md"})
    assert np.isfinite(both.search(QUESTION).results[0].score)
