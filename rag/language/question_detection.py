"""Detection of questions, as opposed to statements and keywords."""

import re

from rag.language.analysis import language_of, word_set

_INTERROGATIVES = word_set("what which who whom whose when where why how")
_ANYWHERE = word_set("what whom")  # the others begin clauses of statements too
_FIRST = word_set(
    "am are can compare could define describe did do does explain find give had has have is list "
    "may might must name outline say shall should show state summarise summarize tell was were "
    "will would"
)
_POLITE = word_set("and but hello hi please so well")
_OPEN = word_set("a an are as at between by called for from in into is of on the to was were with")
_NEAR = 5  # first words among which an interrogative asks: "in the course of which year"
_HAN = re.compile(
    "什么|什麼|甚麼|多[少久大长長远遠高低快慢深宽寬重]|哪|谁|誰|怎|如何|为何|為何|[有因位任]何|何[時时处處人事年月日地]|"
    "[几幾]|[吗嗎呢]|是否|能否|是不是|有没有|有沒有|能不能|可不可以|请问|請問|告诉我|告訴我|介绍|介紹|解释|解釋|说明|說明|"
    "列[出举舉]|比较|比較|[是为為叫有在]$"
)


def is_question(text: str) -> bool:
    """Return whether a text is a question, in English or Chinese; in another language, it may be.

    Signs of a question are a question mark, an interrogative near the beginning or at the end, an
    auxiliary or a request as the first word, an unfinished sentence, and Chinese question words.

    Args:
        text: A question, a statement or some keywords.

    Example:
        >>> is_question("how high is the tower"), is_question("the tower is 40 m high")
        (True, False)
        >>> is_question("塔有多高"), is_question("塔高四十米")
        (True, False)
    """
    if "?" in text or "？" in text:
        return True
    language = language_of(text)
    if language == "zh":
        return _HAN.search(text.strip()) is not None
    words = re.findall(r"[^\W\d_]+", text.casefold())
    while words and words[0] in _POLITE:
        del words[0]
    if language != "en" or not words:
        return True
    near = {*words[:_NEAR], words[-1]}
    asks = not _INTERROGATIVES.isdisjoint(near) or not _ANYWHERE.isdisjoint(words)
    return asks or words[0] in _FIRST or words[-1] in _OPEN
