"""The things a question is about: the subject of a definition, the sides of a comparison.

By the forms of questions in English and Chinese alone, in the question's own words and script.
"""

import re

from rag.language.forms import simplified
from rag.language.lazy_patterns import lazy_pattern
from rag.language.question_types import is_chinese, one_line, plain, question_type

_SUBJECT = lazy_pattern(
    r"^(?:what|who)(?:(?: exactly| actually)? (?:is|are|was|were)|'s|s)(?: exactly"
    "| actually)? (?:meant|understood)"
    r" by (?P<a>.+)$"
    r"|^what (?:does|do|did) (?:(?:you|we|they) mean by (?P<b>.+)|(?P<c>.+?) (?:mean|means"
    "|stand for|refer to"
    r"|do)(?: .*)?)$"
    r"|^(?:(?:give|show)(?: me| us)? )?(?:what(?: is|'s) )?(?:an? |the )?(?:brief "
    "|short )?(?:meaning|definition"
    r"|concept|idea|notion|overview|introduction|summary)(?: of| to| behind) (?P<d>.+)$"
    r"|^how (?:is|are|do you|do we) (?:(?P<e>.+) defined|define (?P<f>.+))$"
    r"|^(?:define|explain|describe|summari[sz]e|outline|introduce)(?: to me"
    "| me)? (?P<g>.+?)(?: to me)?$"
    r"|^(?:tell|teach)(?: me| us)? (?:more |something |a bit )?about (?P<h>.+)$"
    r"|^(?:what|who)(?:(?: exactly| actually)? (?:is|are|was|were)|'s|s)(?: exactly"
    "| actually)? (?P<i>.+)$"
    r"|^what (?P<j>.+) (?:is|are|was|were|means?)$",
    re.IGNORECASE,
)
_HAN_SUBJECT = lazy_pattern(
    "^(?:什么|啥)(?:是|叫做?|叫作|为)(?P<a>.+)$|^(?:何谓|何为|谁是)(?P<b>.+)$"
    "|^(?:帮我)?(?:(?:解释|说明|介绍|定义|描述|概述|简述|阐述|讲讲|说说|谈谈|聊聊|讲解|总结|讲"
    "|说)(?:一下|下)?|了解一?下?)(?:什么是)?(?P<c>.+?)"
    "(?:的)?(?:含义|意思|概念|定义)?$"
    "|^(?P<d>.+?)(?:(?:这个)?(?:词|术语|名词))?(?:的)?(?:含义|意思|定义|概念)?(?:究竟"
    "|到底)?(?:是指?|指的?是?|代表|表示|意味着|叫做?)一?个?"
    "(?:(?:做|干)?(?:什么|啥)(?:东西|概念|意思|含义|样的|玩意儿?|的)?|谁|何人|何意|干嘛的)$"
    "|^(?P<e>.+?)(?:的)?(?:什么意思|含义|意思|定义|概念|简介|概述)$"
    "|^(?:如何|怎么|怎样)(?:定义|理解)(?P<f>.+)$"
)
_ARTICLE = lazy_pattern(
    r"^(?:(?:the|a|an|some) )?(?:(?:term|word|concept|notion|idea|acronym|abbreviation)(?: of)? )?",
    re.IGNORECASE,
)
_THE = lazy_pattern(
    r"^(?:the|an?|using|to use|use|buy|take|choose|get|with|it with|than) ", re.IGNORECASE
)
_LATIN = lazy_pattern(r"[A-Za-z0-9_.@-][\w.+#/@-]*", re.ASCII)
_HAN_TAIL = lazy_pattern("(?:那个|这个|那种|这种|自己|分别.*|各自.*|差在.*|比|好)+$")
_QUOTES = " \"'`“”‘’「」『』《》"

_TO = r"(?: (?:and|with|to|against|or|from|versus|vs\.?) |, )"
_AND = r" (?:and|or|from|versus|vs\.?|with|to) "
_ASKS = (
    r"(?:what|which|who|how|when|where|why|should|shall|is|are|do|does|can|could|will|would|if"
    r"|compare|tell|explain)\b"
)
_SIDES = tuple(
    lazy_pattern(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:differences?|similarit(?:y|ies)|distinction|comparison|distinguish|choose|choice"
        "|differentiate)s?"
        r" (?:between|among|of) (?P<a>.+)$",
        r"^compar(?:e|ing) (?P<a>.+)$",
        r"\bdiffers? (?:between|among) (?P<a>.+)$",
        rf"^(?!{_ASKS})(?P<a>[^:,?]+ (?:and|or|against|versus|vs\.?) [^:,?]+)[:,] .*",
        r"\b(?:distinguish|distinguishes|tell apart|different|separates|sets?) (?P<a>.+ (?:from"
        "|and) .+)$",
        r"^(?:how|in what way|what) (?:does|do|did|is|are) (?P<a>.+?) (?:differ(?:ent)?|compared?) "
        r"(?:from|to|with|than) (?P<b>.+)$",
        r"^(?:how|in what way) (?:do|are|did) (?P<a>.+ and .+?) (?:differ(?:ent)?|compare)\b",
        r"^what (?:do|have|did) (?P<a>.+ and .+?) (?:have|got)? ?in common",
        r"\b(?:advantages?|benefits?) of (?P<a>.+?) (?:over|compared (?:to|with)) (?P<b>.+)$",
        r"^(?:which|what|who)\b[^,]*[,:] ?(?P<a>.+ or .+)$",
        r"^(?:should|shall) (?:i|we|one|you|they) (?:rather )?(?:use|take|choose|buy|pick|get"
        "|prefer|install)?"
        r" ?(?P<a>.+ or .+)$",
        r"^(?:is|are) it \w+(?: \w+)? to (?:use|take|buy|choose)? ?(?P<a>.+ or .+)$",
        r"^(?:do|does) (?:i|we|one|you) (?:need|want|prefer) (?P<a>.+ or .+)$",
        r"^(?:is|are|does|do) (?P<a>.+ or .+?) (?:better|worse|faster|\w{3,}er|more|less)\b",
        r"^(?:is|are) (?P<a>.+?) (?:better|worse|\w{3,}er|(?:more|less) \w+|different|the same)"
        r" (?:than|from|as) (?P<b>.+)$",
        r"^(?:which|what|who) (?:one )?(?:is|are|was|were|has|have|does|do|runs?|uses?|costs?) "
        r"(?:the )?(?:better|worse|best|\w{3,}er|\w{3,}est|(?:more|less"
        r"|most) \w+) (?P<a>.+ or .+)$",
        r"^(?P<a>.+?) (?:versus|vs\.?) (?P<b>.+)$",
    )
)
_WHERE = lazy_pattern(
    r" (?:in terms of|with respect to|regarding|when|in|for|on|if) .*$|,? which .*$"
    r"|,? and (?:why|how|when|where|what)\b.*$",
    re.IGNORECASE,
)
_HAN_SIDES = lazy_pattern(
    "^(?:(?:我|你|我们)?(?:应该|该|要|需要|想)?(?:用|选择?|买|装|学|比较|对比|区分)?(?:一下)?"
    "|(?:如何|怎[么样])区分|哪(?:一?个|种|款)?更.*?[，,：:]?)"
    "(?P<a>.+?)(?:和|与|跟|同|及|以及|、|还是|或者?|(?i:\\s+vs\\.?\\s+)|比起|相比于?|相较于?"
    "|相对于?|不同于|对比|比)(?P<b>.+?)"
    "(?:之间|二者|两者|这两[个种者]|[，,].*|(?:有|的|在|各|到底|究竟|主要|最大|本质)*(?:什么|何"
    "|啥|哪些|哪里|哪方面)?(?:区别|差别|差异|不同|不一样|异同|"
    "相同|共同|相似|优劣|优缺点|优势|优点|好处|对比|比较)|各?有|相比|哪|比较|更|的?对比|怎么"
    "|如何|怎样|好在|好$|呢|$).*$"
)


def subject_of(question: str) -> str | None:
    """Return the thing that a question wants defined, or None if it wants something else.

    Returns:
        Words of the question in their own script, without article and quotation marks.

    Example:
        >>> subject_of("What is an event loop?"), subject_of("What does 'soft delete' mean?")
        ('event loop', 'soft delete')
        >>> subject_of("什么是向量数据库？"), subject_of("How do I install it?")
        ('向量数据库', None)
    """
    if question_type(question) != "definition":
        return None
    text = plain(question)
    found = (_HAN_SUBJECT if is_chinese(question) else _SUBJECT).search(text)
    if not found:
        return None
    words = next(group for group in found.groups() if group is not None)
    return _own_script(question, _ARTICLE.sub("", words.strip(_QUOTES)).strip(_QUOTES)) or None


def sides_of(question: str) -> tuple[str, ...]:
    """Return the things that a question compares; none if it compares nothing or names one only.

    Example:
        >>> sides_of("What is the difference between a list and a tuple in Python?")
        ('list', 'tuple')
        >>> sides_of("軟連結與硬連結有何差異？"), sides_of("pip 和 conda 哪个更好？")
        (('軟連結', '硬連結'), ('pip', 'conda'))
    """
    text = plain(question)
    if is_chinese(question) or not text.isascii():
        found = _HAN_SIDES.search(text) if question_type(question) == "comparison" else None
        if found:
            parts = [
                *re.split("、|和|与|跟", found["a"]),
                *re.split("、|和|与|跟|还是|以及|(?<=.)及(?=.)", found["b"]),
            ]
            return _cleaned(question, parts)
    for pattern in _SIDES:
        if found := pattern.search(text):
            groups = [_WHERE.sub("", group) for group in found.groups() if group]
            parts = groups if len(groups) > 1 else re.split(rf",? (?:{_WORDS})(?= )|, ", groups[0])
            sides = _cleaned(question, parts)
            return sides if len(sides) > 1 else ()
    return ()


_WORDS = r"and|or|from|versus|vs\.?|with|to|against"


def _cleaned(question: str, parts: list[str]) -> tuple[str, ...]:
    parts = [re.sub('["“”]', "", part) for part in parts]
    trimmed = [_THE.sub("", part.strip(_QUOTES + ",")).strip(_QUOTES + ",，") for part in parts]
    if is_chinese(question):
        trimmed = _latin_names([_HAN_TAIL.sub("", part).strip() for part in trimmed])
    return tuple(_own_script(question, side) for side in trimmed if side)


def _latin_names(parts: list[str]) -> list[str]:
    """Return Latin names without the Chinese words beside them, if one stands alone.

    Chinese words behind the last side often belong to the verb: "rsync 和 unison 同步文件".
    """
    names = [" ".join(_LATIN.findall(part)) for part in parts]
    alone = any(name and name == part for name, part in zip(names, parts, strict=True))
    return names if alone and all(names) and len(set(names)) == len(names) else parts


def _own_script(question: str, words: str) -> str:
    """Return words of the plain question as they were written."""
    line = one_line(question)
    start = simplified(line).find(words)
    return line[start : start + len(words)] if start >= 0 else words
