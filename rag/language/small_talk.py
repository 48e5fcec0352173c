"""Small talk, which is no question to the documents: greetings, thanks, assent, farewells."""

import re

from rag.language.analysis import language_of
from rag.language.forms import simplified
from rag.language.lazy_patterns import lazy_pattern

_KINDS = {
    "greeting": "hi(?: there)?|hello(?: there)?|hey(?: there)?|good (?:morning|afternoon|evening"
    "|day)|greetings"
    "|how are you(?: doing)?(?: today)?|nice to meet you"
    "|你好呀?|您好|大家好|嗨|哈喽|哈罗|早上好|早安?|上午好|中午好|下午好|晚上好|在吗|你还?好吗"
    "|hello|hi",
    "thanks": "thanks|thank you|thank u|thx|ty|cheers|many thanks|much appreciated"
    "|i appreciate it|appreciated"
    "|thanks a (?:lot|bunch|million)|(?:very|so|that's|this is|that was|this was|very) helpful"
    "|谢谢你?您?了?|多谢|感谢你?您?|谢了|谢啦|非常感谢|十分感谢|辛苦了|太感谢了|3q",
    "assent": "ok(?:ay)?|k|alright|all right|got it|i see|i understand|understood|great|good"
    "|cool|nice|perfect|awesome"
    "|excellent|wonderful|sure|fine|right|yes|yeah|yep|no|nope|well done|good job|never ?mind"
    "|sounds good"
    "|makes sense|wow|oh|lol|haha"
    "|好的?|好吧|好啊|嗯+|哦+|噢|明白了?|知道了|收到|了解了?|懂了|行|可以|没问题|没事了?|不用了?"
    "|对的?|是的|不是|太好了|很好"
    "|不错|厉害|哈哈+|原来如此",
    "farewell": "bye|bye bye|goodbye|good ?night|see you(?: later| soon)?|see ya|farewell"
    "|take care|have a (?:nice|good|great) "
    "(?:day|one|evening|weekend)|再见|拜拜|回头见|晚安|下次见",
    "self": "who are you|what are you|what can you do(?: for me)?|how can you help(?: me)?"
    "|are you (?:a (?:bot|robot|human)|an? ai)"
    "|what is your name|what's your name|你是谁|你是什么|你叫什么(?:名字)?|你能做什么"
    "|你会做?什么|你可以做什么|你有什么功能|你能帮我(?:做)?什么",
}
_MORE = (
    "(?:very|so) much|a lot|again|everyone|all|for (?:the|your) (?:help|answer|information|info"
    "|explanation|time)|for that"
    "|for (?:helping|explaining)|then|and|so|really|very|that's (?:all|it|great)|你的?(?:帮助"
    "|解答|回答)|啊|呀|啦|了|哈"
)
_WORDS = {kind: lazy_pattern(words) for kind, words in _KINDS.items()}
_ANY = lazy_pattern(
    rf"(?:(?:{'|'.join(_KINDS.values())}|{_MORE})(?![a-z])[\s,.!?~，。！？～、…·:;()^_-]*)+"
)
_NO_LETTER = lazy_pattern(r"[\W_]+")
_LONGEST = 80  # characters of small talk
_REPLIES = {
    "greeting": (
        "Hello! Ask a question, and I will look for the answer in the documents.",
        "你好！请提问，我会在文档中查找答案。",
    ),
    "thanks": ("You're welcome. Is there anything else?", "不客气。还有别的问题吗？"),
    "assent": ("All right. Ask away when you have another question.", "好的。有别的问题请继续问。"),
    "farewell": ("Goodbye!", "再见！"),
    "self": (
        "I answer questions from the documents of this collection, and cite where they say it.",
        "我根据这个文档库回答问题，并注明每个答案的出处。",
    ),
}
_ORDER = ("self", "farewell", "thanks", "greeting", "assent")


def small_talk(text: str) -> str | None:
    """Return a short reply to small talk, in its language, or None if the text is none.

    The whole text must be small talk: "Thanks! And the price?" is a question. A text of emoji or
    punctuation alone, of which nothing can be looked up, gets the reply to an assent.

    Example:
        >>> small_talk("Thanks a lot!"), small_talk("谢谢")
        ("You're welcome. Is there anything else?", '不客气。还有别的问题吗？')
        >>> small_talk("Who wrote the song Hello?") is None
        True
    """
    line = simplified(" ".join(text.split())).casefold().replace("’", "'")
    if not line or len(line) > _LONGEST:
        return None
    if _NO_LETTER.fullmatch(line):
        return None if line.strip("?？!！.。 ") == "" else _REPLIES["assent"][0]
    line = re.sub(r"[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200d]+", " ", line).strip()
    if not _ANY.fullmatch(line):
        return None
    kind = next((kind for kind in _ORDER if _WORDS[kind].search(line)), "assent")
    return _REPLIES[kind][language_of(line) == "zh"]
