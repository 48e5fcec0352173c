from dataclasses import replace

import pytest
from haystack import Document
from hypothesis import given
from hypothesis import strategies as st
from unit_builders import candidates_of, quoted

from rag.answers.citations import find_support, split_markers, tie
from rag.answers.composition import compose
from rag.reading.evidence import Evidence
from rag.schema import Passage

PUMP = "The pump weighs 12 kg. Its warranty lasts two years. It stands in the cellar."
SOAP = "Clean the pump every week. Use warm water, never soap."
CHINESE = "水泵重12公斤。保修期为两年。水泵放在地下室。"


def passage(text, *, rank=1, start=100, name="manual.txt"):
    return Passage(
        rank=rank,
        passage_id=f"{name}:{rank}",
        document_id=name,
        source=name,
        title="",
        heading=None,
        page=3,
        start=start,
        end=start + len(text),
        text=text,
        score=1.0,
    )


def documents(*passages):
    return [
        Document(
            id=each.passage_id,
            content=each.text,
            meta={"document_id": each.document_id, "source": each.source, "start": each.start,
                  "end": each.end, "page": each.page, "view_edits": []},
        )
        for each in passages
    ]  # fmt: skip


def evidence(where, sentence, score):
    start = where.text.index(sentence)
    return Evidence(where.passage_id, start, start + len(sentence), (), score)


def test_quoted_units_carry_their_citations():
    one, two = passage(PUMP), passage(SOAP, rank=2, name="care.txt")
    found = [evidence(two, "Clean the pump every week.", 0.9), evidence(one, PUMP[:22], 0.85)]
    cited = quoted("When was the pump cleaned?", documents(two, one), found)
    assert cited.text.startswith("Clean the pump every week.")
    first = cited.citations[0]
    assert (first.n, first.source, first.start, first.page) == (1, "care.txt", 100, 3)
    assert first.quote == SOAP[: first.end - 100]


def test_the_same_sentence_in_overlapping_passages_is_quoted_once():
    one, two = passage(PUMP), passage(PUMP[23:], rank=2, start=123)
    sentence = "Its warranty lasts two years."
    found = [evidence(one, sentence, 0.9), evidence(two, sentence, 0.9)]
    cited = quoted("How long does the warranty last?", documents(one, two), found)
    assert cited.text.count(sentence) == 1


@pytest.mark.parametrize(("characters", "count"), [(10, 1), (2000, 2)])
def test_a_further_unit_is_quoted_up_to_the_size_of_an_answer(characters, count):
    one, two = passage(PUMP[:22]), passage(SOAP[:26], rank=2, name="care.txt")
    asked, found = candidates_of("How heavy is the pump?", documents(one, two))
    alike = [replace(each, score=1.0) for each in found if each.unit.kind == "sentence"]
    assert compose(asked, alike, characters).sentences == count


def test_a_marker_becomes_the_number_of_the_sentence_that_says_it():
    one, two = passage(PUMP), passage(SOAP, rank=2, name="care.txt")
    cited = tie("It weighs 12 kg [1]. Clean it every week with warm water [2].", [one, two])
    assert cited.text == "It weighs 12 kg. [1] Clean it every week with warm water. [2]"
    assert [c.quote for c in cited.citations] == ["The pump weighs 12 kg.", SOAP]
    assert cited.unsupported == 0


def test_a_passage_that_does_not_exist_is_reported_and_not_cited():
    cited = tie("The pump weighs 12 kg [7].", [passage(PUMP)])
    assert cited.unknown == [7]
    assert cited.text == "The pump weighs 12 kg. [1]"  # a passage that says it is found


def test_a_wrong_number_is_not_supported():
    cited = tie("The pump weighs 21 kg [1].", [passage(PUMP)])
    assert cited.text == "The pump weighs 21 kg. [?]"
    assert (cited.unsupported, cited.citations) == (1, [])


def test_a_marker_of_the_wrong_passage_is_replaced_by_the_right_one():
    one, two = passage(SOAP), passage(PUMP, rank=2, name="care.txt")
    cited = tie("The warranty of the pump lasts two years [1].", [one, two])
    assert [c.source for c in cited.citations] == ["care.txt"]


def test_a_sentence_that_nothing_supports_is_marked():
    cited = tie("Elephants are grey and large animals.", [passage(PUMP)])
    assert cited.text == "Elephants are grey and large animals. [?]"


def test_chinese_is_tied_like_english():
    cited = tie("水泵重12公斤[1]。保修期为两年【1】。", [passage(CHINESE)])
    assert cited.text == "水泵重12公斤。 [1] 保修期为两年。 [2]"
    assert [c.quote for c in cited.citations] == ["水泵重12公斤。", "保修期为两年。"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("A b c [1, 2].", [("A b c.", [1, 2], "")]),
        ("A b c. [1][2] D e.", [("A b c.", [1, 2], ""), ("D e.", [], " ")]),
        ("A b [1] and c [2].", [("A b and c.", [1, 2], "")]),
        ("A b c [1].\n\nD e f [2].", [("A b c.", [1], ""), ("D e f.", [2], "\n")]),
        ("", []),
    ],
)
def test_markers_stay_with_their_sentence(written, expected):
    assert split_markers(written) == expected


def test_support_is_the_shortest_span_that_says_it():
    start, end = find_support("warranty of two years", PUMP)
    assert PUMP[start:end] == "Its warranty lasts two years."


@given(st.text(max_size=200), st.lists(st.text(max_size=100), max_size=4))
def test_whatever_is_written_every_quote_is_the_passages_own_text(written, texts):
    passages = [passage(text, rank=n) for n, text in enumerate(texts, 1)]
    cited = tie(written, passages)
    assert [c.n for c in cited.citations] == list(range(1, len(cited.citations) + 1))
    for citation in cited.citations:
        source = next(p for p in passages if p.passage_id == citation.passage_id)
        assert source.text[citation.start - 100 : citation.end - 100] == citation.quote != ""
