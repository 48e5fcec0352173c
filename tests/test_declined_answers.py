"""Questions that the documents do not answer, or answer in two ways: what is required, and said."""

import pytest
from haystack import Document
from unit_builders import LoneStore, asked_question, found, passages_of, quoted

from rag.language.required_terms import required_terms, stands_in
from rag.reading.choice import choose
from rag.reading.evidence import Evidence
from rag.reading.requirements import requirements_of
from rag.reading.surroundings import read_surroundings
from rag.schema import SearchOptions, answer_from_json, to_json

MANUAL = """# X300 manual

The box holds a pump and two hoses.

## Parts

The pump weighs 12 kg. It was built in 2014.
"""


@pytest.fixture(scope="module")
def manual():
    return passages_of("manual.md", MANUAL)


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("What is the voltage of the X300 in Norway?", ("X300", "Norway")),
        ("How many beds are there?", ()),
        ("Who wrote `os.path`?", ("os.path",)),
        ("fastapi rollback 命令怎么用？", ("fastapi", "rollback")),
        ("《红楼梦》是谁写的？", ("红楼梦",)),
        ("2024年春天温室进水，损失了多少菠菜苗？", ("2024",)),
        ("X300的重量是3.5公斤吗？", ("X300", "3.5")),
        ("Why is version 3 slow?", ("3",)),
        ("How deep is it? Be brief.", ()),
    ],
)
def test_terms_that_an_answer_must_not_lack(question, terms):
    assert required_terms(question) == terms


@pytest.mark.parametrize(
    ("term", "text", "stands"),
    [
        ("RTX4080", "the RTX 4080 Super", True),
        ("X300", "the X3000", False),
        ("ABC-9999", "ticket ABC9999.", True),
        ("pump", "two pumps", True),
        ("3.14", "Python 3.145", False),
    ],
)
def test_a_term_stands_in_a_text_however_it_is_spelled_together(term, text, stands):
    assert stands_in(term, text) is stands


class CountingStore(LoneStore):
    def document_frequencies(self, words):
        text = MANUAL.casefold()
        return [int(word.casefold() in text) for word in words], 100


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("What does the X301 weigh?", "nothing in the documents mentions `X301`; there is `X300`"),
        ("What is the voltage of the pump?", "the passages found give no voltage"),
        ("Who designed the pump?", "the passages found tell nothing of designing"),
        ("When was the pump sold?", "the passages found tell nothing of selling"),
        ("X300 的泵是谁设计的？", "the passages found tell nothing of designing"),
    ],
)
def test_what_the_question_requires_and_no_unit_holds_is_refused(manual, question, reason):
    store = CountingStore({manual[0].meta["document_id"]: MANUAL}, manual)
    around = read_surroundings(store, manual, 1)
    made = choose(
        asked_question(question),
        requirements_of(question, store),
        around,
        found(manual, "12 kg"),
    )
    assert made.candidates == ()
    assert made.refusal is not None
    assert made.refusal.startswith(reason)
    assert made.probability == 0.0


def two_notes(first, second):
    """Return passages of two documents, and evidence on the last word of each."""
    passages, evidence = [], []
    for name, text in (("a", first), ("b", second)):
        end = len(text) - 1
        start = text.rindex(" ") + 1
        meta = {"document_id": name, "number": 0, "start": 0, "end": end + 1, "view_edits": [],
                "source": f"{name}.md"}  # fmt: skip
        passages.append(Document(id=f"{name}:0", content=text, meta=meta))
        words = text[start:end]
        evidence.append(Evidence(f"{name}:0", 0, end + 1, (), 0.8, (start, end), words, words))
    return passages, evidence


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("The depot was opened in 2019.", "The old depot was opened in 2021.",
         "the documents disagree: `a.md` says 2019, `b.md` says 2021"),
        ("The depot was opened in 2019.", "The depot was opened about 2019.", None),
        ("The depot is 40m.", "The depot is 4000cm.", None),
        ("The depot was opened by Anna.", "The depot was opened by Bert.", None),
    ],
)  # fmt: skip
def test_documents_that_give_another_number_are_both_named(first, second, said):
    passages, evidence = two_notes(first, second)
    store = LoneStore({"a": first, "b": second}, passages)
    cited = quoted("When was the depot opened?", passages, evidence, store=store)
    assert cited.reservation == said


def test_what_a_question_asks_of_a_thing_may_be_told_in_other_words(manual):
    for question in (
        "Who made the pump?",
        "When was the pump constructed?",
        "X300 的泵是哪年制造的？",
    ):
        store = CountingStore({manual[0].meta["document_id"]: MANUAL}, manual)
        around, required = read_surroundings(store, manual, 1), requirements_of(question, store)
        made = choose(asked_question(question), required, around, found(manual, "built in 2014"))
        assert made.refusal is None and made.candidates
        assert "built in 2014" in made.candidates[0].unit.text(made.candidates[0].surroundings)


def test_a_declined_answer_names_words_that_no_document_has(sample_rag):
    answer = sample_rag.ask("What does the zorbulator do?")
    assert answer.abstained
    assert answer.missing == ("zorbulator",)
    assert "no document has `zorbulator`" in (answer.reason or "")
    assert answer_from_json(to_json(answer)) == answer


def test_a_declined_answer_says_that_nothing_is_translated(sample_rag):
    source = next(d.source for d in sample_rag.store.documents() if "telescope" in d.source)
    filters = {"field": "meta.source", "operator": "==", "value": source}
    answer = sample_rag.ask("食堂几点开饭？", SearchOptions(filters=filters, method="dense"))
    assert answer.abstained
    assert "nothing is translated" in (answer.reason or "")
