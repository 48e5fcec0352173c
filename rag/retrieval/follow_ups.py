"""Query expansion for follow-up questions.

A follow-up question takes its subject from the questions before it, without a language model: if it
depends on them (a pronoun, "and ...", "what about ...", 它, 呢), their content words are added to
the query. The question itself stays as it was asked.
"""

import re
from collections.abc import Sequence

from rag.language.analysis import content_words, language_of
from rag.schema import Turn

CARRIED = 6  # maximum number of words carried over
BACK = 3  # number of earlier questions considered
LONGEST_TURN = 2000  # characters of each that are read

_LEANS = re.compile(
    r"^\s*(?:and|but|or|also|then|so|what about|how about|what if|why not|why\?|how so)\b"
    r"|\b(?:it|its|they|them|their|theirs|this|these|those|he|him|his|she|her|hers|the same"
    r"|that(?! (?:is|are|was|were|has|have|can|will|the|a|an|he|she|it|they|you|we|i)\b)"
    r"|there(?! (?:is|are|was|were|be|any|a)\b)(?=\W*$|\s+(?:in|on|at|for|by|when)\b))\b",
    re.IGNORECASE,
)
_LEANS_HAN = re.compile(
    r"^\s*(?:那么?|那麼|还有|還有|以及|另外|然后|然後|所以|但是|为什么[?？]?$|為什麼[?？]?$)"
    r"|[它他她]们?|[它他她]們?|这[个些是儿里样么件种]|這[個些是兒裡樣麼件種]|那[个些儿里样么件种]|那[個些兒裡樣麼件種]"
    r"|其(?:中|他)?[的^]|该|該|此|呢[?？]?\s*$|同样|同樣"
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
        ('And how long does it last? battery bank made', 'carried over: battery bank made')
    """
    if not history or not leans(question):
        return question, None
    own = {word.casefold() for word in content_words(question)}
    carried: list[str] = []
    for turn in reversed(history[-BACK:]):
        asked = turn.question[:LONGEST_TURN]
        for word in content_words(asked):
            if word.casefold() not in own and word not in carried:
                carried.append(word)
        if carried and not leans(asked):
            break
    if not carried:
        return question, None
    words = " ".join(carried[:CARRIED])
    return f"{question} {words}", f"carried over: {words}"


def leans(question: str) -> bool:
    """Return whether a question cannot be understood without the one before it.

    Example:
        >>> leans("How long does it last?"), leans("How long does a battery last?")
        (True, False)
    """
    pattern = _LEANS_HAN if language_of(question) in ("zh", "ja") else _LEANS
    return bool(pattern.search(question)) or not content_words(question)
