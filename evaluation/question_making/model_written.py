"""Questions that a language model writes about a passage, kept only if they pass strict checks.

Nothing the model says is trusted: the answer must occur in the passage verbatim, exactly once.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluation.question_making.candidates import Block, Candidate, distinct
from rag.answers.prompts import render_question
from rag.language.analysis import language_of
from rag.retrieval.follow_ups import leans

if TYPE_CHECKING:
    from rag.answers.generators import Generator

LANGUAGES = ("en", "zh")  # languages with a prompt
LARGEST_PASSAGE = 1_500  # characters; a longer one may not fit into a small model's context
SHORTEST_PASSAGE = {"en": 80, "zh": 30}  # characters
PASSAGES_PER_QUESTION = 4  # passages tried for each question that is wanted
MOST_WORDS, MOST_CHARACTERS = 12, 30  # of an answer; characters of a Chinese one

Progress = Callable[[int, int, str], None]

_REPLY = re.compile(
    r"\s*(?:Question|问题) ?[:：] *(?P<question>\S.*?)\s*\n"
    r"\s*(?:Answer|答案) ?[:：] *(?P<answer>\S.*?)\s*"
)
_SELF_REFERENCE = re.compile(
    r"\b(?:passage|paragraph|excerpt|according to the (?:text|document)|(?:in|of) the text)\b"
    r"|本文|文中|文章|段落|本段|上文|原文|这段",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"\bhow (?:many|much|long|far|old|tall|high|heavy|large|big)\b|多少|多[长久大高重远]|几",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|[零一二两三四五六七八九十百千万半]|\b(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven"
    r"|twelve|\w+teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundreds?|thousands?|dozens?"
    r"|half|all|once|twice)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Writing:
    """Questions written by a model.

    Attributes:
        kept: Questions that passed the checks.
        asked: Number of passages the model was given.
    """

    kept: tuple[Candidate, ...] = ()
    asked: int = 0


def write_questions(
    blocks: Sequence[Block],
    generator: "Generator",
    wanted: int,
    *,
    progress: Progress = lambda done, total, what: None,
) -> Writing:
    """Return the questions that a model writes, one per passage, in the order of the passages.

    Args:
        blocks: The passages; those that are too short, too long or in a language without a prompt
            are skipped.
        generator: The model.
        wanted: Number of questions to stop at; it also stops after
            `PASSAGES_PER_QUESTION` times as many passages.
        progress: Called with the number of questions kept, after each passage.

    Raises:
        ModelError: If the model cannot be loaded, or fails.
    """
    generator.warm_up()
    kept: list[Candidate] = []
    asked = 0
    for block in [each for each in blocks if is_askable(each.context)][
        : wanted * PASSAGES_PER_QUESTION
    ]:
        if len(kept) == wanted:
            break
        asked += 1
        made = _ask(block, generator)
        kept = distinct([*kept, made]) if made else kept
        progress(len(kept), wanted, "questions")
    return Writing(tuple(kept), asked)


def is_askable(context: str) -> bool:
    """Return whether a passage is prose of suitable length in a language that has a prompt.

    Example:
        >>> is_askable("The hut was opened in 1954. " * 3), is_askable("The hut."), is_askable("")
        (True, False, False)
    """
    language = language_of(context)
    if language not in LANGUAGES or context.startswith(tuple("#|>=`")):
        return False
    return SHORTEST_PASSAGE[language] <= len(context) <= LARGEST_PASSAGE


def parse_reply(reply: str) -> tuple[str, str] | None:
    r"""Return question and answer of a reply that consists of exactly these two lines; else None.

    Example:
        >>> parse_reply("Question: How many beds has it?\nAnswer: twelve")
        ('How many beds has it?', 'twelve')
        >>> parse_reply("Sure! Question: How many?\nAnswer: twelve") is None
        True
    """
    found = _REPLY.fullmatch(reply)
    return (found["question"], found["answer"]) if found else None


def check_question(question: str, answer: str, context: str) -> tuple[int, int] | None:
    """Return the offsets of the answer in the passage; None if the question is unusable.

    The answer occurs once, as whole words, and is short; the question does not contain it, ends
    like one, is in the passage's language and is self-contained; `How many` needs a number.

    Example:
        >>> context = "The hut was opened for climbers in 1954."
        >>> check_question("When was the hut opened?", "in 1954", context)
        (32, 39)
        >>> check_question("When was the hut opened?", "in 1955", context) is None
        True
    """
    language = language_of(context)
    if (
        not question.endswith(("?", "？"))
        or language_of(question) != language
        or answer.casefold() in question.casefold()
        or not _is_short(answer, language)
        or not re.search(r"\w", answer)
        or _SELF_REFERENCE.search(question)
        or leans(question)
        or (_AMOUNT.search(question) and not _NUMBER.search(answer))
    ):
        return None
    places = [found.span() for found in re.finditer(_whole(answer, language), context)]
    return places[0] if len(places) == 1 else None


def _is_short(answer: str, language: str) -> bool:
    if language == "zh":
        return len(answer) <= MOST_CHARACTERS
    return len(answer.split()) <= MOST_WORDS


def _whole(answer: str, language: str) -> str:
    """Return a pattern of the answer as whole words; in Chinese only numbers have boundaries."""
    inside = "[0-9A-Za-z]" if language == "zh" else r"\w"
    before = f"(?<!{inside})" if re.match(inside, answer) else ""
    behind = f"(?!{inside})" if re.search(f"{inside}$", answer) else ""
    return before + re.escape(answer) + behind


def _ask(block: Block, generator: "Generator") -> Candidate | None:
    from haystack.dataclasses import ChatMessage

    language = language_of(block.context)
    messages = render_question(block.context, block.title or block.source, language)
    reply = generator.run([ChatMessage.from_openai_dict_format(each) for each in messages])
    parsed = parse_reply(reply["text"]) if reply["finish_reason"] == "stop" else None
    place = check_question(*parsed, block.context) if parsed else None
    if parsed is None or place is None:
        return None
    return Candidate(block, block.context, parsed[0], *place, kind="written", origin="model")
