"""Quoted answers: units of a text, their choice by type, and their exact citations."""

from dataclasses import replace

import pytest
from haystack import Document
from unit_builders import (
    LoneStore,
    asked_question,
    candidates_of,
    found,
    passages_of,
    quoted,
)

from rag.answers.composition import compose
from rag.errors import QuestionError
from rag.language.markup import without_markup
from rag.reading.surroundings import read_surroundings
from rag.schema import SearchOptions

MANUAL = """# X300 manual

## Error lights

| Light | Meaning |
|---|---|
| red | overheated |
| green | ready |

## Rename

To rename a column:

1. Open the table.
2. Click the **header** and choose
   [Rename](https://x.org/r).
3. Type the name.

```bash
rag index .
rag ask "x"
```

## Parts

The box holds these parts:

- a pump
- two hoses
- a [filter](f.md)

The pump weighs 12 kg. It was built in 2014.
"""


@pytest.fixture(scope="module")
def manual():
    return passages_of("manual.md", MANUAL)


def store_of(passages):
    return LoneStore({passages[0].meta["document_id"]: MANUAL}, passages)


def asked(manual, question, words, only=None):
    documents = manual if only is None else [p for p in manual if only in p.content]
    return quoted(question, documents, found(manual, words), store=store_of(manual))


def test_how_to_quotes_the_whole_run_of_steps_each_cited(manual):
    cited = asked(manual, "How do I rename a column?", "Open the table")
    assert cited.blocks[0].kind == "steps"
    assert cited.text.startswith(
        "To rename a column: [1]\n1. Open the table. [2]\n"
        "2. Click the header and choose Rename. [3]\n3. Type the name. [4]"
    )
    for citation in cited.citations:
        assert MANUAL[citation.start : citation.end] == citation.quote
    assert cited.short is None


def test_a_list_is_quoted_with_what_introduces_it(manual):
    cited = asked(manual, "Which parts are in the box?", "two hoses")
    assert cited.text.startswith(
        "The box holds these parts: [1]\n- a pump [2]\n- two hoses [3]\n- a filter [4]"
    )


def test_a_value_of_a_table_is_quoted_below_the_names_of_the_columns(manual):
    cited = asked(manual, "What is the meaning of the light 'red'?", "overheated")
    assert cited.blocks[0].kind == "table"
    assert cited.text.startswith("| Light | Meaning |\n| --- | --- |\n| red | overheated |\n[1]")
    assert cited.citations[0].quote == "| red | overheated |"


def test_a_fact_is_the_sentence_with_its_exact_words(manual):
    cited = asked(manual, "How much does the pump weigh?", "12 kg")
    assert cited.text.startswith("The pump weighs 12 kg. [1]")
    assert cited.short == "12 kg"
    first = cited.citations[0]
    assert MANUAL[first.answer_start : first.answer_end] == "12 kg"
    assert first.heading == "Parts"


def test_a_comparison_quotes_how_things_differ_and_each_alone():
    text = """# Seals

Both seals fit the X300, and both are sold in boxes of ten.

Unlike the rubber seal, the cork seal must be replaced every year.

## Cork seal

The cork seal is used for hot water.

## Rubber seal

The rubber seal is used for cold water. Wash it with soap.

## Hoses

Hoses are two metres long.
"""
    passages = passages_of("seals.md", text)
    store = LoneStore({passages[0].meta["document_id"]: text}, passages)
    cited = quoted("What is the difference between the rubber seal and the cork seal?", passages,
                   found(passages, "boxes of ten"), store=store)  # fmt: skip
    shown = [block.lines[0].text for block in cited.blocks]
    assert "Unlike the rubber seal, the cork seal must be replaced" in shown[0]
    assert {line[:12] for line in shown[1:] if "is used for" in line} == {
        "The cork sea",
        "The rubber s",
    }
    assert "Hoses" not in cited.text


def test_a_heading_is_never_quoted(manual):
    _, candidates = candidates_of("What is Rename?", manual, store=store_of(manual))
    for each in candidates:
        for start, end in each.unit.parts:
            text = each.surroundings.view.text[start:end]
            assert not text.startswith("#")
            assert text not in ("Rename", "Parts", "Error lights")


def test_every_part_of_every_unit_is_cited_exactly(manual):
    around = read_surroundings(store_of(manual), manual[:1], 1)
    _, candidates = candidates_of("pump", manual, store=store_of(manual))
    assert {each.unit.kind for each in candidates} >= {"steps", "list", "row", "table", "code"}
    for each in candidates:
        for part in each.unit.parts:
            start, end = each.surroundings.to_document(*part)
            assert each.surroundings.quote(start, end) == MANUAL[start:end] != ""
    assert around[0].passages[0].rank == 1


def test_a_list_goes_on_behind_the_passage_that_was_found(tmp_path):
    text = "Steps:\n\n" + "\n".join(f"{n}. Turn knob number {n} gently." for n in range(1, 9))
    whole = [
        Document(
            id=f"d:{n}",
            content=text[a:b],
            meta={"document_id": "d", "number": n, "start": a, "end": b, "view_edits": []},
        )
        for n, (a, b) in enumerate([(0, text.index("\n3.")), (text.index("3."), len(text))])
    ]
    store = LoneStore({"d": text}, whole)
    cited = quoted("How do I set it up?", whole[:1], found(whole, "knob number 1"), store=store)
    assert cited.text.count("Turn knob") == 8
    alone = quoted("How do I set it up?", whole[:1], found(whole, "knob number 1"))
    assert alone.text.count("Turn knob") == 2  # without its document only the passage is known


def test_what_introduces_a_list_is_shown_once_though_a_passage_repeats_it():
    text = "Bring these:\n\n- a lamp\n- a rope\n- a stove\n- a map"
    cuts = [(0, text.index("\n- a stove")), (text.index("- a stove"), len(text))]
    intro = [[], [[0, 0, "Bring these:\n"]]]
    passages = [
        Document(
            id=f"d:{n}",
            content=text[a:b],
            meta={"document_id": "d", "number": n, "start": a, "end": b, "view_edits": edits},
        )
        for n, ((a, b), edits) in enumerate(zip(cuts, intro, strict=True))
    ]
    store = LoneStore({"d": text}, passages)
    _, candidates = candidates_of("Which things should I bring?", passages[1:], store=store)
    whole = next(each for each in candidates if each.unit.kind == "list")
    text_of_it = whole.unit.text(whole.surroundings)
    assert text_of_it == "Bring these:\n- a lamp\n- a rope\n- a stove\n- a map"
    asked, candidates = candidates_of("Which things should I bring?", passages[1:])
    for each in candidates:  # without the document the introduction is known, and has no place
        assert all(citation.quote for citation in compose(asked, [each], 0).citations)


def test_code_keeps_its_lines(manual):
    _, candidates = candidates_of("rag ask", manual, store=store_of(manual))
    code = next(each for each in candidates if each.unit.kind == "code")
    assert code.unit.text(code.surroundings).endswith('```bash\nrag index .\nrag ask "x"\n```')


LIGHTS = """# Lights

- blinking green: descaling is due
- amber: the tray is full

Contract number LX-7781
"""


@pytest.mark.parametrize(
    ("question", "misread", "line"),
    [
        ("What does the amber light mean?", "descaling is due", "- amber: the tray is full"),
        ("Which colour means that the tray is full?", "blinking", "- amber: the tray is full"),
        ("What is the contract number?", "LX-7781", "Contract number LX-7781"),
    ],
)
def test_a_key_that_the_question_names_leads_and_a_last_line_is_no_heading(question, misread, line):
    passages = passages_of("lights.md", LIGHTS)
    best = candidates_of(question, passages, found(passages, misread))[1][0]
    assert best.unit.text(best.surroundings).endswith(line)


def test_two_questions_with_one_answer_quote_it_once(manual):
    evidence = found(manual, "12 kg")
    asked, units = candidates_of("How heavy is the pump?", manual, evidence, store_of(manual))
    once = compose(asked, units, 300)
    text = once.text
    again = compose(asked, units, 300, once)
    assert again.text == text and again.text.count("The pump weighs 12 kg") == 1


def test_exact_words_of_a_table_stand_alone_only_if_they_are_likely(manual):
    question = "What does the red light mean?"
    asked = replace(asked_question(question), kind="table")
    for score, short in ((0.9, "overheated"), (0.2, None)):
        evidence = [replace(each, score=score) for each in found(manual, "overheated")]
        units = candidates_of(question, manual, evidence, store_of(manual))[1]
        cited = compose(asked, [each for each in units if each.unit.kind == "row"], 300)
        assert "| red | overheated |" in cited.text
        assert cited.short == short


def test_marks_of_markdown_are_no_part_of_the_wording():
    text = "Use [**pip**](https://x.org){.link} in `a *b* c` { #pip } and 2 * 3 * 4, `[a](b)`."
    assert without_markup(text) == "Use pip in `a *b* c` and 2 * 3 * 4, `[a](b)`."


def test_a_question_about_the_collection_gets_the_first_line_of_each_document(sample_rag):
    answer = sample_rag.ask("What is in these documents?")
    store = sample_rag.store
    total = len(list(store.documents()))
    assert answer.answer.startswith(f"There are {total} documents here:\n- ")
    assert len(answer.citations) == min(total, 12)
    assert (f"- and {total - 12} more" in answer.answer) == (total > 12)
    for each in answer.citations:
        assert store.text_of(each.document_id)[each.start : each.end] == each.quote != ""
    assert sample_rag.ask("这些文档讲了什么？").answer.startswith(f"这里共有 {total} 篇文档：")


def test_the_type_of_a_question_can_be_given(sample_rag):
    question = "Who may start the generator?"
    assert sample_rag.ask(question).kind == "fact"
    assert sample_rag.ask(question, SearchOptions(kind="why")).kind == "why"
    with pytest.raises(QuestionError, match=r"`whether`\. Take one of: fact"):
        sample_rag.ask(question, SearchOptions(kind="whether"))


def test_several_questions_are_answered_each_and_what_is_left_out_is_said(sample_rag):
    both = sample_rag.ask("How thick is the Vessa Glacier and what is the voltage of the X9000?")
    assert both.kind == "fact"
    assert "168 metres" in both.answer
    assert both.reason is not None
    assert "`X9000`" in both.reason
    assert "is left out: nothing in the documents mentions" in both.reason


def test_a_filter_keeps_what_stands_around_a_passage_out_of_the_answer():
    text = "Steps:\n\n1. Open it.\n2. Take the lamp out.\n3. Say the secret word."
    cut = text.index("\n3.")
    passages = [
        Document(
            id=f"d:{n}",
            content=text[a:b],
            meta={"document_id": "d", "number": n, "start": a, "end": b, "view_edits": []},
        )
        for n, (a, b) in enumerate([(0, cut), (cut + 1, len(text))])
    ]
    store = LoneStore({"d": text}, passages)
    (whole,) = read_surroundings(store, passages[:1], 1)
    (alone,) = read_surroundings(store, passages[:1], 1, alone=True)
    assert "secret" in whole.view.text
    assert "secret" not in alone.view.text
