"""Slices of the questions: language, question type, answerability, hops, length, position."""

import re

from evaluation.datasets.schema import JudgedQuestion
from evaluation.metrics.multilingual import segment_cmrc
from rag.language.analysis import language_of

_ENGLISH = re.compile(
    r"\b(what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|can|could|has"
    r"|have|should|will|would)\b"
)
_YES_NO = ("is", "are", "was", "were", "do", "does", "did", "can", "could", "has", "have", "should")
_ALIKE = {"whom": "who", "whose": "who"} | dict.fromkeys((*_YES_NO, "will", "would"), "yes/no")
_CHINESE = (
    ("为什么|為什麼|为何|為何", "why"),
    ("怎么|怎麼|如何|怎样|怎樣", "how"),
    ("多少|多久|多大|多长|多長|多高|几|幾", "how many"),
    ("谁|誰|哪位|何人", "who"),
    ("何时|何時|什么时候|什麼時候|哪年|哪一年|何年|时间|時間", "when"),
    ("哪里|哪裡|哪裏|何处|何處|哪个地方|哪儿", "where"),
    ("哪|何", "which"),
    ("什么|什麼|甚麼", "what"),
    ("吗|嗎|是否", "yes/no"),
)


def slices_of(question: JudgedQuestion, position: float | None) -> dict[str, str]:
    """Return slice -> value for a question.

    Args:
        question: The question.
        position: Relative position of its gold span in its document, from 0 to 1, or None.
    """
    found = {
        "language": language_of(question.question) or "none",
        "question type": question_type(question.question),
        "answerable": "yes" if question.is_answerable else "no",
    }
    if question.hops:
        found["hops"] = str(question.hops) if question.hops < 4 else "4 or more"
    if question.answers:
        found["answer length"] = _length(len(segment_cmrc(question.answers[0])))
    if position is not None:
        third = min(int(position * 3), 2)
        found["gold position"] = ("first third", "second third", "last third")[third]
    return found


def question_type(question: str) -> str:
    """Return the question word, yes/no, or other.

    Example:
        >>> question_type("In what year was it?"), question_type("它是谁建的？")
        ('what', 'who')
    """
    if language_of(question) in ("zh", "ja"):
        return next((kind for words, kind in _CHINESE if re.search(words, question)), "other")
    words = _ENGLISH.findall(question.lower())
    if not words:
        return "other"
    plain = [word for word in words if _ALIKE.get(word) != "yes/no"]
    word = str(plain[0] if plain else words[0])
    if word == "how" and re.search(r"\bhow (many|much|long|old|far|often)\b", question.lower()):
        return "how many"
    return _ALIKE.get(word, word)


def _length(words: int) -> str:
    for most, name in ((2, "1-2 words"), (5, "3-5 words"), (10, "6-10 words")):
        if words <= most:
            return name
    return "more than 10 words"
