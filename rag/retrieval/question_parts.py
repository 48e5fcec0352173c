"""Questions of several questions, and questions about the collection itself.

By the forms of questions in English and Chinese alone. A question is taken apart only where each
part asks for itself; "Which is bigger, and why?" and "the difference between A and B" are one.
"""

import re

from rag.language.general_words import subject_words
from rag.language.lazy_patterns import lazy_pattern
from rag.language.question_subjects import subject_of
from rag.language.question_types import is_chinese, one_line, plain
from rag.language.sentences import sentence_spans
from rag.retrieval.follow_ups import names_no_subject

LONGEST_SPLIT = 5_000  # characters of a text that is taken apart

_WH = r"(?:what(?:'s)?|who(?:'s)?|whom|whose|when|where|which|why|how)"
_AUX = (
    r"(?:is|are|was|were|do|does|did|can|could|should|will|would|has|have|must|may"
    r"|explain|describe|list|define|compare|tell me|show me|give me)"
)
_JOINT = lazy_pattern(
    r"(?:[,;]|[,;]? (?:and|also|but|plus)(?: also| then)?) (?=(?:(?:for|in|at|by|to|from|with"
    rf"|on) )?{_WH} \S+ ?\S|{_AUX} \S+ \S)",
    re.IGNORECASE,
)
_ASKS = lazy_pattern(rf"^(?:(?:for|in|at|by|to|from|with|on) )?(?:{_WH}|{_AUX})\b", re.IGNORECASE)
_INVERTED = lazy_pattern(rf"(?:{_WH}|how (?:many|much) \S+) {_AUX}\b", re.IGNORECASE)
_ONE = lazy_pattern(
    r"\b(?:between|differences?|compare|both|either|whether|know if)\b", re.IGNORECASE
)
_FEWEST = 3  # words of a part that stands alone
_PRONOUN = lazy_pattern(
    r"\b(?:(it|they|them|this|that|he|she|him)|(its|their|his|her))\b(?! (?:is|was) \w+ to)",
    re.IGNORECASE,
)
_OF_WHAT = lazy_pattern(
    r"^(?:what|who|which)(?: is|'s| are| was| were) (?:the|its) [\w -]+$", re.IGNORECASE
)

_ASKS_HAN = (
    "什么|啥|怎么|怎样|如何|为何|哪|谁|多少|几[个种位岁年月次]|多[久大长高远重]"
    "|何[时地处]|[吗呢]|是否|能否|有没有|能不能"
)
_JOINT_HAN = lazy_pattern(
    "[，,；;]\\s*(?:并且|而且|以及|还有|同时|另外|那么?|又|并)?|(?:并且|而且|以及|还有|同时|另外"
    "|[和与及])"
    "(?=(?:[它他她其]们?的?)?(?:怎么|怎样|如何|为什么|为何|什么时候|何时|在?哪|谁|由谁|是否"
    "|能否|有(?:什么|哪些)|多[少久]))"
)
_PRONOUN_HAN = lazy_pattern(
    "(?:它|他|她)们?|这[个种款些](?:东西)?|该(?:产品|软件|系统)|其(?=[\u4e00-\u9fff])(?!他|它|中|实|余)"
)
_FEWEST_HAN = 4  # characters of a part that stands alone

_FILES = (
    r"(?:documents?|docs?|files?|collections?|corpus|library|knowledge ?base|data ?set|data"
    r"|folder|uploads?|pdfs?|texts?|papers?"
    r"|manuals?|sources?|materials?)"
)
_THESE = (
    r"(?:(?:all )?(?:of )?(?:this|these|those|the|my|your|our)(?: (?:whole|entire|indexed"
    r"|uploaded|available))?)"
)
_HAVE = (
    r"(?:do (?:you|i|we) have|are there|have (?:you|i|we)(?: got)?|are (?:in (?:here"
    r"|the \w+)|indexed|available|loaded|uploaded|included)|can you (?:see|read|access|search)"
    r"|did i upload|have i uploaded|do you know)"
)
_ABOUT = lazy_pattern(
    rf"what(?: is|'s| are|s)(?: (?:written|contained|covered|stored|there|included))? (?:in"
    rf"|inside|by|within) {_THESE} {_FILES}(?: (?:here|about))?"
    rf"|what(?: is|'s| are|s) {_THESE} (?:main )?(?:{_FILES}|(?:topics?|subjects?|contents?"
    rf"|titles?) (?:of|in|covered (?:in|by)) {_THESE} {_FILES})(?: about)?"
    rf"|what (?:do|does) {_THESE} {_FILES} (?:contain|cover|say|include|discuss|describe"
    rf"|talk about|deal with|treat|hold)"
    rf"|what {_THESE} {_FILES} (?:(?:are|is) (?:all )?about|contains?)"
    rf"|what (?:is|are) {_THESE} (?:about|all about)|what (?:is|are) (?:this"
    rf"|these)(?: {_FILES})? about"
    rf"|(?:(?:please )?(?:list|show|name|enumerate)"
    rf"|give me(?: a list of)?)(?: me)?(?: all)?(?: of)?(?: (?:the|my|your|these"
    rf"|our))?(?: titles of(?: the| these)?)?"
    rf"(?: (?:available|indexed|uploaded))? {_FILES}(?: (?:here|in (?:this|the) (?:collection"
    rf"|library|folder)|that you have|you have|available))?"
    rf"|(?:which|what|how many) {_FILES} {_HAVE}(?: (?:here|in total|in (?:this|the) \w+))?"
    rf"|what(?: else)? (?:can|could|should|may) (?:i|we) ask(?: you)?(?: about| here)?"
    rf"|what do you know(?: about)?"
    rf"|(?:what|which) (?:topics|subjects|themes)(?: (?:are|do"
    rf"|does))?(?: {_THESE} {_FILES})?(?: (?:are )?(?:covered|covers?|discussed|available|there"
    rf"|included))"
    rf"(?: (?:in|by) {_THESE} {_FILES})?"
    rf"|(?:summari[sz]e|describe|introduce|tell me about|(?:give me )?(?:an? )?(?:overview"
    rf"|summary) of) (?:all )?{_THESE} {_FILES}",
    re.IGNORECASE,
)
_FILES_HAN = (
    "(?:文档|文件|资料|文献|材料|文章|论文|知识库|文档库|资料库|文库|合集|语料|手册|数据集|数据)"
)
_THESE_HAN = (
    "(?:(?:这|那)(?:些|个|份|几[个份篇]|里|批|本|篇)?的?|(?:你|我|我们)(?:上传)?的?"
    "|库[里中]的?|全部的?|所有的?|本|该|一共|总共)*"
)
_ABOUT_HAN = lazy_pattern(
    f"{_THESE_HAN}{_FILES_HAN}(?:的?内容)?(?:里面?|中|当中)?(?:都|主要|大概|到底)*(?:讲|说|写|谈"
    f"|介绍|描述|包含|包括|涉及|涵盖|有|是)(?:述|到|及)?(?:了|的是|的|关于)?"
    f"(?:一?些)?(?:什么|啥|哪些)(?:方面|内容|主题|东西|话题|信息|文档|文件)*(?:的)?"
    f"|{_THESE_HAN}{_FILES_HAN}的?(?:主要)?(?:内容|主题|目录|清单|列表|标题)(?:是什么|有哪些)?"
    f"|(?:列出|列举|显示|展示|看看|给我看看?"
    f"|罗列)(?:一下)?{_THESE_HAN}{_FILES_HAN}(?:的)?(?:列表|清单|目录|标题|名称|名字)?"
    f"|(?:你|我|这里|这儿|库[里中]|一?共|总共|都|现在|里面)*有(?:哪些|什么|多少|几)(?:个|份|篇"
    f"|种|本)?{_FILES_HAN}"
    f"|{_THESE_HAN}{_FILES_HAN}(?:一?共|总共)?有(?:哪些|多少|几)(?:个|份|篇|本)?"
    f"|(?:总结|概括|介绍|概述|归纳)(?:一下)?{_THESE_HAN}{_FILES_HAN}(?:的?(?:主要)?内容)?"
    "|我(?:可以|能|应该)?(?:向你)?问你?(?:一?些|点)?(?:什么|啥|哪些问题)"
    "|你(?:都)?知道(?:些)?什么|这里(?:都)?(?:讲|有)了?(?:些)?什么"
)


def split_question(text: str) -> tuple[str, ...]:
    """Return the questions in a text, each one standing for itself.

    A pronoun of a later part, or its missing subject, is replaced by the subject of the first.

    Returns:
        The parts in their order; the text as it is where it asks one thing, or nothing.

    Example:
        >>> split_question("What is the X300 and how do I install it?")
        ('What is the X300?', 'How do I install the X300?')
        >>> split_question("事件循环是什么，怎么启动？")
        ('事件循环是什么？', '事件循环怎么启动？')
        >>> split_question("Which is bigger, and why?")
        ('Which is bigger, and why?',)
    """
    head = text[:LONGEST_SPLIT]
    asked = [
        head[start:end]
        for start, end in sentence_spans(head)
        if re.search("[?？]", head[start:end])
    ]
    parts = [part for sentence in asked or [head] for part in _parts(sentence)]
    if len(parts) < 2:
        return (text,)
    chinese = is_chinese(parts[0])
    subject = _subject_han(parts[0]) if chinese else _subject(parts[0])
    return tuple(
        _finished(_with_subject(part, subject) if number and subject else part)
        for number, part in enumerate(parts)
    )


def about_collection(text: str) -> bool:
    """Return whether a question is about the collection itself: what it holds, what it is about.

    Example:
        >>> about_collection("What is in these documents?"), about_collection("列出所有文档")
        (True, True)
        >>> about_collection("What do the documents say about leave?")
        False
    """
    line = plain(text)
    return (_ABOUT_HAN if is_chinese(line) or not line.isascii() else _ABOUT).fullmatch(
        line
    ) is not None


def _parts(sentence: str) -> list[str]:
    """Return the parts of one sentence, as they stand in it."""
    line = one_line(sentence)
    joint, asks = (_JOINT_HAN, _stands_han) if is_chinese(line) else (_JOINT, _stands)
    parts, start = [], 0
    for found in joint.finditer(line):
        left, right = line[start : found.start()], line[found.end() :]
        bare = found[0] in (", ", "; ")
        if bare and not (_INVERTED.match(left) and re.match(_WH, right, re.IGNORECASE)):
            continue  # a clause, as in "When it rains, what ..."
        if asks(left) and asks(joint.split(right, maxsplit=1)[0]) and not _ONE.search(left):
            parts.append(left)
            start = found.end()
    return [*parts, line[start:]]


def _stands(part: str) -> bool:
    return _ASKS.search(plain(part)) is not None and len(part.split()) >= _FEWEST


def _stands_han(part: str) -> bool:
    return re.search(_ASKS_HAN, plain(part)) is not None and len(part.strip()) >= _FEWEST_HAN


def _subject(part: str) -> str:
    """Return the subject of a question with its article."""
    words = subject_of(part) or " ".join(subject_words(part))
    found = (
        re.search(rf"\b(?:(?:the|an?) )?{re.escape(words)}", part, re.IGNORECASE) if words else None
    )
    return found[0] if found else ""


def _subject_han(part: str) -> str:
    words = subject_of(part) or next(iter(subject_words(part)), "")
    return words if words in part else ""


def _with_subject(part: str, subject: str) -> str:
    if is_chinese(part):
        if _PRONOUN_HAN.search(part):
            return _PRONOUN_HAN.sub(subject, part, count=1)
        return subject + part if names_no_subject(part) else part
    if found := _PRONOUN.search(part):
        put = f"{subject}'s" if found[2] else subject
        return part[: found.start()] + put + part[found.end() :]
    return f"{part} of {subject}" if _OF_WHAT.match(part) and names_no_subject(part) else part


def _finished(part: str) -> str:
    part = one_line(part)
    return f"{part}？" if is_chinese(part) else f"{part[:1].upper()}{part[1:]}?"
