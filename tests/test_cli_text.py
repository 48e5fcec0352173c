"""The command line for people: text, conversations, and a terminal that nothing steers."""

import os
from pathlib import Path

import pytest
from cli_runs import QUESTION, done

from rag.engine import RAG

# -- for people


def test_an_answer_is_printed_with_file_place_and_quote(rag, sample):
    status, out, err = rag("ask", QUESTION)
    assert (status, err) == (0, "")
    assert "168 metres" in out and "[1]" in out and "glacier-measurements.md" in out


def test_a_question_that_nothing_answers_is_declined_with_a_reason(rag, sample):
    status, out, _ = rag("ask", "Which team won the football league in 2019?")
    assert status == 0 and out.startswith("No answer: ")


def test_the_question_is_read_from_stdin(rag, sample):
    found = done(rag("search", "-", "--json", stdin=f"{QUESTION}\n".encode()))
    assert found["question"] == QUESTION


def test_a_filter_holds_before_ranking(rag, sample):
    found = done(rag("search", QUESTION, "--filter", 'format == "pdf"', "--json"))
    assert found["results"]
    assert all(each["source"].split("#")[0].endswith(".pdf") for each in found["results"])


NOSUCH = "there is no field `formet`; did you mean `format`? There are: `"


def test_a_filter_holds_for_answers_and_conversations(rag, sample):
    found = done(rag("ask", QUESTION, "--filter", 'format == "pdf"', "--json"))
    assert {each["source"].rpartition(".")[2] for each in found["passages"]} == {"pdf"}
    status, out, _ = rag("chat", "--filter", 'format == "pdf"', stdin=f"{QUESTION}\n".encode())
    assert status == 0 and "glacier-measurements.md" not in out


@pytest.mark.parametrize("command", ["search", "ask", "chat"])
def test_an_unknown_field_and_an_empty_filter_are_told_before_any_question(rag, sample, command):
    question = () if command == "chat" else (QUESTION,)
    status, out, err = rag(command, *question, "--filter", 'formet == "pdf"')
    assert (status, out) == (1, "") and NOSUCH in err and err.count("\n") == 1
    status, _, err = rag(command, *question, "--filter", "")
    assert status == 1 and "is not understood" in err


@pytest.mark.parametrize("command", ["search", "ask"])
def test_values_of_another_type_than_the_filters_are_told(rag, sample, command):
    status, _, err = rag(command, QUESTION, "--filter", "format != 5", "--method", "bm25")
    assert status == 0 and "documents have `format` as text" in err


def test_without_time_an_answer_comes_from_words_alone_and_says_so(rag, sample):
    answer = done(rag("ask", QUESTION, "--budget", "0", "--json"))
    notes = {stage["name"]: stage["note"] for stage in answer["trace"]["stages"]}
    assert notes["read"] == "by words alone: the budget was used up"
    assert answer["answer"] or answer["reason"]


@pytest.mark.parametrize("command", ["search", "ask"])
def test_a_question_of_common_words_is_asked_of_dense_alone(rag, sample, command):
    result = done(rag(command, "of the and", "--json"))
    passages = result["results"] if command == "search" else result["passages"]
    assert passages and all("bm25" not in passage["stages"] for passage in passages)


def test_bytes_that_are_no_text_are_no_crash(rag, sample):
    assert done(rag("search", "ice \udcff glacier", "--json"))["question"] == "ice ? glacier"
    found = done(rag("search", "-", "--json", stdin=b"ice \xff glacier"))
    assert found["question"] == "ice \ufffd glacier"


# -- hostile text


@pytest.mark.skipif(os.name != "posix", reason="such names need POSIX")
def test_no_document_and_no_file_name_steers_the_terminal(rag):
    Path("docs").mkdir()
    hostile = "The \x1b[31mpump\x1b]0;owned\x07 of the \x9b2Jstation runs on diesel."
    Path("docs", "\x1b[2J\nname.txt").write_text(hostile)
    Path("docs", "bad\x1b[2J.txt").write_text("")
    Path("docs", "table.csv").write_text(f"title,text\n{hostile},{hostile}\n")
    commands = [
        ["index", "docs", "--dry-run"],
        ["index", "docs"],
        ["search", "What does the pump run on?"],
        ["search", "\x1b[2J pump", "--json"],
        ["ask", "What does the pump run on?"],
        ["collections", "show", "default"],
        ["ask", "x", "--collection", "\x1b[2J"],
        ["search", "x", "--filter", "\x1b[2J"],
        ["index", "\x1b[2J"],
    ]
    for command in commands:
        status, out, err = rag(*command)
        assert status in (0, 1, 2)
        assert not {"\x1b", "\x07", "\x9b"} & set(out + err), command
        assert "\nname.txt" not in out + err  # a name does not make lines of its own


# -- a conversation


def test_a_follow_up_carries_its_subject_and_an_empty_line_ends(rag, sample, monkeypatch):
    answers = []
    ask = RAG.ask

    def heard(self, question, **options):
        answers.append(ask(self, question, **options))
        return answers[-1]

    monkeypatch.setattr(RAG, "ask", heard)
    lines = [
        "How long can the repeater on Kettle Peak work without sunshine?",
        "And where does it stand?",
        "",
        "What is never asked?",
    ]
    status, out, err = rag("chat", stdin="\n".join(lines).encode())
    assert status == 0 and [answer.question for answer in answers] == lines[:2]
    assert "nine days" in out
    notes = [stage.note for stage in answers[1].trace.stages if stage.name == "rewrite"]
    assert len(notes) == 1 and "repeater" in notes[0] and "Kettle" in notes[0]
    assert answers[1].passages[0].source.endswith("radio-communications.md")
    assert "An empty line ends the conversation." in err


def test_a_bad_question_does_not_end_a_conversation(rag, sample):
    lines = ["why " * 60_000, QUESTION]
    status, out, err = rag("chat", stdin="\n".join(lines).encode())
    assert status == 0 and "168 metres" in out
    assert "Error: the question has" in err
