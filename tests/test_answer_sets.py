import json
from pathlib import Path

import pytest

from evaluation.answers.answer_set import load_answer_set
from evaluation.answers.cut_quotes import cut_at_end, cut_at_start
from evaluation.answers.given_answers import AnswerMade, QuotedPlace
from evaluation.answers.needed_words import holds, missing_groups, overlap
from evaluation.answers.readability import ShownAnswer, unreadable
from evaluation.answers.tables import answer_groups, compare_answers, judge_all
from evaluation.answers.verdict import judge_answer
from rag.errors import DatasetError

LINE = {
    "id": "q1", "corpus": "manual", "type": "fact", "question": "How long is the cable?",
    "needed": [["2 m", "two metres"]], "source": "cable.md", "place": "The cable is 2 m long.",
}  # fmt: skip
HOW = LINE | {"id": "q2", "type": "how-to", "question": "How do I clean it?", "needed": [["cloth"]]}
NONE = LINE | {"id": "q3", "question": "How heavy is it?", "needed": [], "answerable": False}


def write_set(*rows, corpora=None):
    folder = Path("set")
    folder.mkdir(exist_ok=True)
    for name in ("cable.md", "plug.md"):
        (folder / name).write_text("The cable is 2 m long.", encoding="utf-8")
    listed = {"manual": ["cable.md", "plug.md"]} if corpora is None else corpora
    (folder / "corpora.json").write_text(json.dumps(listed), encoding="utf-8")
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "set.jsonl").write_text(text, encoding="utf-8")
    return folder / "set.jsonl"


def place(quote, *, before="", behind="", source="cable.md", heading=""):
    return QuotedPlace(source, heading, quote, quote, before, behind)


def made(text, *, short=None, **around):
    return AnswerMade("q1", f"{text} [1]", short=short, citations=(place(text, **around),))


def question(**changes):
    return load_answer_set(write_set(LINE | changes)).questions[0]


def reasons(text, *, kind="fact", short=None, citations=None, needed=()):
    quoted = (place(text),) if citations is None else citations
    return unreadable(ShownAnswer(text, short, kind, needed, quoted))


def test_a_set_is_read_with_its_corpora():
    found = load_answer_set(write_set(LINE, HOW, NONE))
    assert [each.type for each in found.questions] == ["fact", "how-to", "fact"]
    assert [each.language for each in found.questions] == ["en"] * 3
    assert [each.answerable for each in found.questions] == [True, True, False]
    assert found.corpora == {"manual": (Path("set/cable.md"), Path("set/plug.md"))}


def test_a_collection_needs_neither_corpus_nor_corpora():
    path = write_set({key: LINE[key] for key in ("type", "question", "needed")})
    Path("set/corpora.json").unlink()
    found = load_answer_set(path, collection=True)
    assert (found.questions[0].question_id, found.corpora) == ("line-1", {})
    with pytest.raises(DatasetError, match="say with --corpora"):
        load_answer_set(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type": "riddle"}, "line 2: `type`: expected one of fact, definition, .* 'riddle'"),
        ({"corpus": "letters"}, r"line 2: the corpus `letters` is not in .* \(there: `manual`\)"),
        ({"corpus": None}, "line 2: `corpus` is missing: one of manual"),
        ({"needed": []}, "line 2: `needed` is empty"),
        ({"needed": [["2 m"], []]}, "line 2: `needed`, group 2 is empty"),
        ({"needed": [["** "]]}, "line 2: `needed`, group 1 is empty or holds a blank"),
        ({"needed": ["2 m"]}, "line 2: `needed`, group 1: expected a list of texts"),
        ({"answerable": False}, 'line 2: `"answerable": false`, but `needed` is not empty'),
        ({"answerable": "no"}, "line 2: `answerable` must be true or false"),
        ({"needs": [["2 m"]]}, "line 2: `needs`: unknown field; did you mean `needed`"),
        ({"id": "q2"}, "line 2: the id `q2` came before"),
        ({"question": " "}, "line 2: `question` is blank"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_with_its_place(changes, message):
    with pytest.raises(DatasetError, match=message):
        load_answer_set(write_set(HOW, LINE | changes))


def test_an_empty_set_missing_files_and_files_that_are_not_there_are_errors():
    with pytest.raises(DatasetError, match="holds no question"):
        load_answer_set(write_set())
    with pytest.raises(DatasetError, match=r"there is no answer set `none\.jsonl`"):
        load_answer_set(Path("none.jsonl"))
    with pytest.raises(DatasetError, match=r"manual: there is no `set/gone\.md`\. Say with --data"):
        load_answer_set(write_set(LINE, corpora={"manual": {"files": ["gone.md"]}}))
    with pytest.raises(DatasetError, match="manual: expected a list of files"):
        load_answer_set(write_set(LINE, corpora={"manual": []}))


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("It is **2 m**\nlong.", "2M", True),
        ("长 ２ 米", "2米", True),
        ("It is 12 m long.", "2 m", False),
        ("It weighs 8.5 kg.", "8", False),
        ("From 8,000 on.", "8", False),
        ("Since 2019.", "2019", True),
        ("Use `max_age`.", "max_age", True),
    ],
)
def test_what_is_needed_is_found_without_case_space_and_marks(text, wanted, found):
    assert holds(text, wanted) is found


def test_every_group_needs_one_alternative_and_places_overlap_at_their_ends():
    assert missing_groups("It is two metres.", [["2 m", "two metres"], ["red", "blue"]]) == ["red"]
    assert overlap("a long cable that is red", "long  cable")
    assert overlap("here begins the long red cable", "begins the long red cable, which is 2 m")
    assert not overlap("the plug", "the cable")


@pytest.mark.parametrize(
    ("quote", "before", "behind", "cut"),
    [
        ("It is red.", "It is long. ", " It is new.", (False, False)),
        ("and rain.", "It brings snow ", "", (True, False)),
        ("rain.", "It brings snow\n", "", (True, False)),
        ("bow is red.", "The rain", "", (True, False)),
        ("The cable is", "", " red.", (False, True)),
        ("The cable is", "", "\nred.", (False, True)),
        ("one metre", "- ", "\n- two metres", (False, False)),
        ("Long cables,", "", " and red ones.", (False, True)),
        ("装有卫星电台。", "观测站", "", (True, False)),
        ("观测站装有", "", "卫星电台。", (False, True)),
        ("观测站", "# ", "\n装有电台。", (False, False)),
        ("pip install it", "```bash\n", "\n```", (False, False)),
        ("A300", "| ", " | 27 |", (False, False)),
    ],
)
def test_a_quote_is_cut_where_the_document_goes_on(quote, before, behind, cut):
    each = place(quote, before=before, behind=behind)
    assert (cut_at_start(each), cut_at_end(each)) == cut


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("## Installing Run pip.", "how-to", "begins with the mark of a heading"),
        ("--- ***", "fact", "nothing but marks"),
        ("How long is the cable?", "fact", "quotes a question"),
        ("To rename a column:", "how-to", "announces what it does not show"),
        ("- Open the box", "list", "one item without its list"),
        ("| A300 | 27 | red |", "table", "a table row without the names"),
        ("Revenue 34,229 32,765 31,657 28,104", "table", "a row of numbers"),
        ("word " * 200, "fact", "longer than 700"),
        ("The cable is two metres long. The cable is two metres long.", "fact", "says twice"),
        ("```bash pip install it ```", "how-to", "a code block on one line"),
        ("```bash\npip install it", "how-to", "a code block without its end"),
        ("Do: - open it - clean it - close it", "list", "a list on one line"),
        ("Do this: 1. Open it 2. Close it", "how-to", "a list on one line"),
        ("| a | b | | --- | --- | | 1 | 2 |", "table", "a table on one line"),
        ("Installing { #install }", "fact", "an anchor is left"),
        ("See [the guide](guide.md).", "fact", "the target of a link is left"),
        ("It is <b>red</b>.", "fact", "a tag is left"),
        ("A &amp; B.", "fact", "an entity is left"),
        ("It is \\frac{1}{2}.", "fact", "a formula's source is left"),
        ("{* ../../docs_src/a.py *}", "how-to", "a directive is left"),
        ("See there. /// warning It is hot.", "fact", "a directive is left"),
        ("--- It is red.", "fact", "a line between sections is left"),
        ("It is \x07 red.", "fact", "characters that cannot be shown: U+0007"),
    ],
)
def test_what_cannot_be_read_has_a_reason(text, kind, reason):
    assert any(each.startswith(reason) for each in reasons(text, kind=kind)), reasons(
        text, kind=kind
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The cable is 2 m long.", "fact"),
        ("Open it:\n\n1. Lift the lid\n2. Pull the cable", "how-to"),
        ("Install it:\n\n```bash\npip install 'a[all]'  # - x - y - z\n```", "how-to"),
        ("| Model | Weight | Price |\n| --- | --- | --- |\n| A300 | 27 | 9 |", "table"),
        ("A300. The Weight (kg) of A300 is 27.", "table"),
        ("Use `List[int]` and `<b>` for **all** of it.", "fact"),
        ("观测站装有卫星电台。", "fact"),
        ("It has three parts:\n- a lid\n- a cable\n- a plug", "list"),
    ],
)
def test_what_can_be_read_has_none(text, kind):
    assert reasons(text, kind=kind) == []


def test_a_heading_is_no_answer_and_a_headline_must_answer():
    heading = (place("Cables { #cables }", heading="Manual > Cables"),)
    assert any(each.startswith("quotes a heading") for each in reasons("x", citations=heading))
    needed = [["2 m"]]
    assert reasons("It is 2 m long.", short="2 m", needed=needed) == []
    wrong = reasons("It is 2 m long.", short="the plug", needed=needed)
    assert wrong == ["under a headline that does not answer: the plug"]


def test_quotes_that_follow_each_other_are_read_as_one():
    first = place("To open it:", behind="\n\nLift the lid.")
    second = place("Lift the lid.", before="To open it:\n\n")
    assert reasons("To open it: Lift the lid.", kind="how-to", citations=(first, second)) == []
    assert reasons("To open it: It is red.", kind="how-to", citations=(first, place("It is red.")))


def test_a_right_answer_contains_what_is_needed_is_readable_and_cited():
    cable = question()
    verdict = judge_answer(cable, made("The cable is 2 m long.", source="/data/cable.md"))
    assert (verdict.right, verdict.reasons) == (True, ())
    other = judge_answer(cable, made("It is two metres long.", source="letter.md"))
    assert other.right, "the needed words stand elsewhere too"
    cases = {
        "lacks: 2 m": made("The cable is long."),
        "says: 3 m": made("It is 2 m long, not 3 m."),
        "cited at another place": AnswerMade("q1", "It is 2 m long.", citations=(place("Red."),)),
        "declined: weak": AnswerMade("q1", abstained=True, reason="weak"),
        "error: StoreError: gone": AnswerMade("q1", error="StoreError: gone"),
    }
    for reason, answer in cases.items():
        verdict = judge_answer(question(unwanted=["3 m"]), answer)
        assert not verdict.right
        assert reason in verdict.reasons


def test_what_has_no_answer_is_right_if_declined():
    nothing = question(needed=[], answerable=False)
    declined = judge_answer(nothing, AnswerMade("q1", abstained=True))
    assert (declined.right, dict(declined.scores)) == (True, {"declined rightly": 1.0})
    assert not judge_answer(nothing, made("It weighs 2 kg.")).right


def test_means_stand_by_type_and_language_and_systems_are_compared():
    rows = [LINE | {"id": f"q{n}", "language": "zh" if n % 2 else "en"} for n in range(8)]
    questions = load_answer_set(write_set(*rows, NONE | {"id": "none"})).questions
    good = {each.question_id: made("The cable is 2 m long.") for each in questions}
    bad = good | {each.question_id: made("It is red.") for each in questions[:6]}
    judged = {"bad": judge_all(questions, bad), "good": judge_all(questions, good)}
    groups = {(each.type, each.language): each for each in answer_groups(judged["bad"])}
    assert groups["fact", "en"].n == (4, 1)
    mean = groups["all", "all"].means["right and readable"]
    assert (mean.value, mean.n, mean.interval) == (0.25, 8, "wilson")
    assert groups["all", "all"].means["declined rightly"].value == 0
    first = compare_answers(judged)[0]
    assert (first.score, first.a, first.b) == ("right and readable", "good", "bad")
    assert (first.values, first.wins, first.losses) == ((1.0, 0.25), 6, 0)
    assert first.p == 2 / 2**6  # six disagreements, all for the same system


def test_two_quotes_that_say_nearly_the_same_are_a_repetition():
    first = "Mounting means adding a complete independent application at a specific path."
    other = "Mounting means to add a completely independent application at some specific path."
    shown = ShownAnswer(f"{first} [1] {other} [2]", None, "fact", (), (place(first), place(other)))
    assert unreadable(shown)[0].startswith("says nearly the same twice")


@pytest.mark.parametrize(
    ("short", "kind", "reason"),
    [
        ('complete "independent', "definition", "under a headline that does not answer"),
        ("complete, at a path", "definition", None),
        ('"complete', "fact", "under a headline that is cut"),
        ("path (specific)", "fact", None),
    ],
)
def test_a_headline_holds_half_of_what_is_needed_and_is_whole(short, kind, reason):
    needed = [["complete"], ["path"], ["sub-paths"]]
    text = "It is complete, at a path (specific), with its sub-paths."
    found = reasons(text, kind=kind, short=short, needed=needed)
    assert [each.partition(":")[0] for each in found] == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("quote", "whole"),
    [
        ("(最可能出现的一种情况是，软件会被默认安装", False),
        ("1) Open it. b) Close it :-)", True),
        ("Use `f(` here (it works).", True),
        ('It says "red.', False),
    ],
)
def test_a_bracket_without_its_partner_shows_that_a_quote_is_cut(quote, whole):
    found = [each for each in reasons(quote) if each.startswith("a bracket or quotation mark")]
    assert (not found) is whole
