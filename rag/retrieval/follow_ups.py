"""Query expansion for follow-up questions.

A follow-up question takes its subject from the questions before it, without a language model. It
leans on them if it has a pronoun (it, they, 它), begins in the middle ("and ...", "what about ...",
呢), or names no subject ("What is the price?"). The question itself stays as it was asked; words
are added to the query:

- the subject that was named last, for a question with a pronoun or without a subject;
- what was asked, for a question with another subject ("And the X500?");
- both, where it is not known which of them is meant ("What about the winter?").

Greetings and thanks in between are passed over.
"""

import re
from collections.abc import Sequence

from rag.language.analysis import content_words, language_of
from rag.language.general_words import has_name, subject_words
from rag.language.lazy_patterns import lazy_pattern
from rag.language.question_subjects import subject_of
from rag.language.question_types import plain, question_type
from rag.language.small_talk import small_talk
from rag.schema import Turn

CARRIED = 6  # maximum number of words carried over
BACK = 3  # number of earlier questions considered
LONGEST_TURN = 2000  # characters of each that are read

_PRONOUN = lazy_pattern(
    r"\b(?:it|its|they|them|their|theirs|this|these|those|he|him|his|she|her|hers|the same"
    r"|that(?! (?:is|are|was|were|has|have|can|will|the|a|an|he|she|it|they|you|we|i)\b)"
    r"|there(?! (?:is|are|was|were|be|any|a)\b)(?=\W*$|\s+(?:in|on|at|for|by|when)\b))\b",
    re.IGNORECASE,
)
_GOES_ON = lazy_pattern(
    r"^\s*(?:and|but|or|also|then|so|what about|how about|what if|why not|why\?|how so)\b",
    re.IGNORECASE,
)
_PRONOUN_HAN = lazy_pattern(
    r"[它他她]们?|[它他她]們?|这[个些是儿里样么件种]|這[個些是兒裡樣麼件種]|那[个些儿里样么件种]"
    r"|那[個些兒裡樣麼件種]"
    r"|其(?:中|他)?[的^]|该|該|此|同样|同樣"
)
_GOES_ON_HAN = lazy_pattern(
    r"^\s*(?:那么?|那麼|还有|還有|以及|另外|然后|然後|所以|但是|为什么[?？]?$|為什麼[?？]?$)"
    r"|呢[?？]?\s*$"
)

_SHORT = 3  # characters of a Chinese word that may be an attribute
_DEFINITE = lazy_pattern(r"\b(?:the|its|their|his|her)\b", re.IGNORECASE)
_SUPERLATIVE = lazy_pattern(
    r"(?:what|who|which)(?: one)? (?:is|was|are|were) the (?:\w{2,}est|most \w+|least \w+|first"
    r"|second|third"
    r"|last|only|main|biggest|best|worst) \w+(?: \w+)?"
)
_PREDICATE_HAN = lazy_pattern(  # begins with a verb, as a sentence whose subject is understood
    "(?:[又还也曾]|曾经|目前|现在|当时|最[早后初]|后来|主要|一?共计?|总共|通常|一般|所)*(?:是(?!否"
    "|不是|谁|什么|不)|[生建]于|"
    "位于|坐落|属于|(?:分布|效力|应用|适用|生长|生活|出现|发生|存放|安装|任职|就读|用|建|葬|起源"
    "|发源|流行|隶属)[于在]|途[径经]|流经|"
    "会(?!不会|议|计|员)|能(?!不能|否|源|量)|含有?|被|出生|去世|毕业|成立|得名"
    "|获得|担任|长(?:什么|得)|叫什么)"
)
_ATTRIBUTE_HAN = lazy_pattern(
    "[^的A-Za-z0-9《“]{1,5}(?:(?:一?共|总共|共计)?有(?:哪些|几|多少).{0,4}|[是为]?(?:多少"
    "|多[大高长重久快])|[是为](?:多少|几|谁|什么样|怎么?样)?的?)"
)


def standalone(question: str, history: Sequence[Turn]) -> tuple[str, str | None]:
    """Return the query for a question in a conversation, and a note on the added words.

    Args:
        question: The question as asked.
        history: The earlier exchanges, oldest first.

    Returns:
        The query, which is the question itself if it stands alone; and a note for the trace, or
        None.

    Example:
        >>> history = [Turn("What is the battery bank made of?", "Of lead cells.")]
        >>> standalone("And how long does it last?", history)
        ('And how long does it last? battery bank', 'carried over: battery bank')
    """
    asked = [turn.question[:LONGEST_TURN] for turn in history if small_talk(turn.question) is None]
    asked = asked[-BACK:]
    if not asked or not (leans(question) or names_no_subject(question)):
        return question, None
    own = {word.casefold() for word in content_words(question)}
    words = [word for word in _carried(question, asked) if word.casefold() not in own][:CARRIED]
    if not words:
        return question, None
    return f"{question} {' '.join(words)}", f"carried over: {' '.join(words)}"


def leans(question: str) -> bool:
    """Return whether a question has a pronoun or begins in the middle of a conversation.

    Example:
        >>> leans("How long does it last?"), leans("How long does a battery last?")
        (True, False)
    """
    patterns = (_PRONOUN_HAN, _GOES_ON_HAN) if _is_han(question) else (_PRONOUN, _GOES_ON)
    return any(pattern.search(question) for pattern in patterns) or not content_words(question)


def names_no_subject(question: str) -> bool:
    """Return whether a question asks for an attribute, and not of what.

    Example:
        >>> names_no_subject("What is the price?"), names_no_subject("What is a quasar?")
        (True, False)
        >>> names_no_subject("什么时候成立？"), names_no_subject("北京大学什么时候成立？")
        (True, False)
    """
    if has_name(question):
        return False
    if not subject_words(question):
        defined = subject_of(question)
        return not defined or len(defined) <= _SHORT or _DEFINITE.search(question) is not None
    if _is_han(question):
        text = plain(question)
        return _PREDICATE_HAN.match(text) is not None or (
            _ATTRIBUTE_HAN.fullmatch(text) is not None and question_type(question) != "definition"
        )
    return _SUPERLATIVE.fullmatch(plain(question).lower()) is not None


def _carried(question: str, asked: Sequence[str]) -> list[str]:
    """Return the words of earlier questions on which a question leans, the newest first."""
    if has_name(question) and not _pronoun(question):
        return _relation(asked[-1]) or _subject(asked)
    if names_no_subject(question) or _pronoun(question):
        return _subject(asked)
    return list(dict.fromkeys([*_subject(asked), *_relation(asked[-1])]))


def _subject(asked: Sequence[str]) -> list[str]:
    """Return the words of the subject that was named last."""
    found: list[str] = []
    for question in reversed(asked):
        if defined := subject_of(question):
            return [*found, *(word for word in content_words(defined) if word not in found)]
        found += [word for word in subject_words(question) if word not in found]
        if found and (has_name(question) or not (leans(question) or names_no_subject(question))):
            break
    return found or [word for question in reversed(asked) for word in content_words(question)]


def _relation(question: str) -> list[str]:
    """Return the words of a question that say what it asks of its subject."""
    subject = set(subject_words(question))
    return [word for word in content_words(question) if word not in subject]


def _pronoun(question: str) -> bool:
    return (_PRONOUN_HAN if _is_han(question) else _PRONOUN).search(question) is not None


def _is_han(question: str) -> bool:
    return language_of(question) in ("zh", "ja")
