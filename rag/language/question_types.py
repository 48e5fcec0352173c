"""Types of questions: the kind of answer that a question wants, by rules in English and Chinese.

A type is found by the form of a question alone, without the documents:

- fact: a value, a name, a date, a place; also how good something is.
- table: a fact that is looked up: an attribute of a row that is named by an identifier, a year or
  a name in quotes ("What is the voltage of the X300?", "net sales in 2021"), or any question that
  names a table, row or column. A fact and a look-up differ by wording alone and are answered alike.
- definition: what a thing is, does, means or stands for; who a person is; a request to explain.
- how-to: a way to do something, or the way something works.
- why: a reason, a purpose, a consequence.
- comparison: what tells two things apart, or which of them to take.
- list: several items.
- yes-no: whether something is so.
- keywords: no question: keywords, a statement, a message of a program.

The first rule that fits decides. Polite beginnings ("Can you tell me ...", 请问) are set aside.
The rules are in `rag.language.question_rules`. Of several sentences the last that asks counts.
Other languages have two types: fact, if the text may be a question, and keywords.
"""

import re
from typing import get_args

from rag.errors import QuestionError
from rag.language.analysis import language_of, word_set
from rag.language.forms import simplified
from rag.language.lazy_patterns import lazy_pattern
from rag.language.question_detection import is_question
from rag.language.question_rules import CHINESE, ENGLISH, QuestionType
from rag.language.sentences import sentence_spans

_HAN = lazy_pattern("[\u3400-\u9fff]")
_ENGLISH_LEAD = lazy_pattern(
    r"(?:what|who|whom|whose|which|when|where|why|how|is|are|was|were|do|does|did|can|could|should"
    r"|will|would|has|have|define|explain|describe|tell|list|compare)\b",
    re.IGNORECASE,
)
_HAN_ASKS = lazy_pattern(
    "什么|甚么|怎[么样]|(?<![任几])何|哪|谁|多少|几(?!何|乎)|[吗呢]|是否|区别|解释|介绍|啥|还是"
)
LONGEST = 300  # characters of a question that are read for its type
MOST = 5_000  # characters at the end of a text among which the question is looked for
_MARK = lazy_pattern("[?？]")
_END = " \t\n?？.。!！,，;；:：…~"

_WH = r"(?:who|whom|whose|what|when|where|which|why|how)"
_LEAD = lazy_pattern(
    r"(?:(?:hello|hi|hey|please|pls|so|well|and|but|ok|okay|also|then|now|thanks)\b[,.!:]?\s+"
    r"|(?:can|could|would|will) (?:you|someone|anyone|anybody) (?:please |kindly )?"
    r"(?=(?:tell|explain|show|give|describe|list|name|define|compare|summari[sz]e|help)\b)"
    rf"|(?:tell|show|teach|remind|let) (?:me|us)(?: know)?,? (?=(?:{_WH}|if|whether)\b)"
    rf"|(?:explain|describe|find out|figure out|know)(?: to me| me)? (?=(?:{_WH}|if|whether)\b)"
    rf"|(?:do|does) (?:you|anyone|anybody) know,? (?=(?:{_WH}|if|whether)\b)"
    rf"|(?:i|we)(?:'d| would)? (?:want|like|need|wish|am trying|'m trying) to "
    rf"(?:know|learn|understand|find out|ask|see) (?=(?:{_WH}|if|whether)\b)"
    rf"|(?:i|we) (?:wonder|was wondering|do not know|don't know) (?=(?:{_WH}|if|whether)\b)"
    r"|(?:in|on|at|by|for|during|after|before|as|since|of|to|with|from|under|if|when|given"
    rf"|assuming|according|among) [^,?]{{1,120}}, (?=(?:{_WH}|is|are|do|does|did|can|should)\b)"
    rf"|(?:any idea|my question is|question)[,:]? (?=(?:{_WH}|if|whether)\b))"
)
_WHAT_IS = lazy_pattern(
    r"^(?:what|who)(?: (?:exactly |actually )?(?:is|are|was|were)|'s|s)(?: exactly"
    "| actually)? (.+)$"
)
_NAMED = lazy_pattern(
    r"^(?:the )?(?:[A-Z][\w-]*[ ]?)+(?: (?:of|the|and|in|for)(?: [A-Z][\w-]*)+)*$"
)
_ATTRIBUTE = lazy_pattern(
    r"\b(?:default|maximum|minimum|max|min|names?|values?|range|sizes?|ports?|numbers?|address"
    "|limit"
    r"|version|dates?|year|length|height|width|depth|url|path|price|cost|fee|unit|command|author"
    r"|order|status|weight|mass|voltage|current|power|capacity|speed|temperature|pressure|frequency"
    r"|population|area|age|duration|time|rate|ratio|percentage|share|amount|total|count|score|level"
    r"|colou?r|material|title|motto|nickname|capital|currency|language|location|distance|volume"
    r"|salary|income|revenue|sales|profit|margin|assets|debt|expenses?|ebitda|eps|dividends?"
    r"|licen[cs]e|format|extension|threshold|timeout|accuracy|f1|bleu|result|opposite|symbol|code"
    r"|phone|e-?mail|deadline|warranty|point|melting|boiling|density|diameter|radius|energy"
    r"|consumption|memory|storage|cores?|bandwidth|latency|throughput|resolution|brand|model"
    r"|winner|owner|formula)\b",
    re.IGNORECASE,
)
_SINGLED_OUT = lazy_pattern(
    r"^(?:his|her|its|their|my|your|our|this|that|these|those)\b|'s\b|s'\s"
    r"|\b(?:first|last|only|next|current|previous|original|best|worst|most|least|other|another"
    "|same|main"
    r"|\w{3,}est)\b"
    r"|^(?:\w{3,}ed|found|built|known|given|made|written|seen|held|worn|done|said)"
    r" (?:in|by|at|on|to|for|from|with|as|of|under|during|between)\b"
    r"|\S .*\w{2,}ed(?: (?:of|from|on|in|by|as|with|to|at|after|under|for))?$"
    r"|\b(?:made (?:of|from)|known as|written in|found|built|born|like|happening|wrong)\b"
    r"|\b(?:responsible|in charge)\b"
)
_PREPOSITION = lazy_pattern(
    r"\b(?:of|in|on|at|to|for|from|by|with|between|under|during|per|after|before|about|that"
    r"|which|who)\b"
)
_OF_NAMES = word_set("of the von van de der del la le da di al bin ibn and")
_NO_PERSON = lazy_pattern(
    r"^(?:the|an?|his|her|its|their|my|your|our|this|that)\b|\b(?:of|in|on|at|to|for|from|by"
    r"|with)\b"
    r"|ed\b|'s\b|^(?:subject|eligible|responsible|liable|able|allowed|next|first)\b"
)
_LONGEST_NAME = 6  # words of a thing that is defined

_ROW = lazy_pattern(
    r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9][\w-]+|[`\"“「『][^`\"”」』]{1,40}[`\"”」』]"
    r"|(?<!\w)'[^']{1,40}'(?!\w)"
    r"|(?<![\d.])(?:19|20)\d\d(?![\d.])|\b[A-Z]\w* plan\b|\b[a-z]+_[a-z_]+\b",
    re.ASCII,
)
_TABLE = lazy_pattern(
    r"\btable \d|\b(?:the|this|that|what|which) (?:table|column|row)\b|表 ?\d|[表栏]中"
    r"|(?<!哪)一[栏列](?!表)|这[栏列行]"
)
_NO_LOOK_UP = lazy_pattern(r"(?i)(?:\w+ )?(?:when|who|whom|whose|where|why)\b")
_SOME = lazy_pattern("(?i)how many|谁|哪|什么职务")
_YEAR_ONLY = lazy_pattern(r"(?:19|20)\d\d")
_HAN_ATTRIBUTE = lazy_pattern(
    "名字|名称|全称|全名|本名|别名|价格|售价|单价|重量|质量|体积|面积|长度|宽度|高度|深度|厚度"
    "|尺寸|大小|直径|容量|电压|电流|功率|"
    "频率|速度|时速|温度|压力|转速|密度|沸点|熔点|端口|地址|网址|电话|邮箱|默认|缺省"
    "|最[大小高低长短]|上限|下限|版本|日期|时间|"
    "期限|年份|年龄|数量|人数|人口|总数|比例|比率|占比|增长率|利率|费用|成本|收入|营收|利润|资产"
    "|负债|净利|毛利|股息|工资|单位|"
    "型号|内存|显存|存储|硬盘|核心?数|负载|载重|编号|代码|符号|取值|[的之]值|参数值|数值|范围"
    "|作者|首都|首府|材质|材料|颜色|语言|货币|职业|国籍|学历|专业|封号|"
    "笔名|绰号|标题|前身|身份|职务|许可证|格式|后缀|路径|命令|密码|分辨率|续航|保修|得分|F1|准确率"
)
_HAN_LEAD = lazy_pattern(
    "(?:你好|您好|请|麻烦|劳驾|那么?|所以|另外|还有|谢谢)?[,，！!\\s]*(?:请问一?下?"
    "|想请?问一?下?|问一?下|我?(?:想|要)(?:要)?(?:知道|了解)(?:一下)?|"
    "(?:你|您)?(?:能不能|可不可以|能否|可否|可以|能)?(?:帮我)?(?:请)?(?:告诉|告知)(?:我"
    "|我们)?(?:一下)?|"
    "(?:你|您)?(?:能不能|可不可以|能否|可否|可以|能)(?=解释|介绍|说明|列出|列举|比较|讲)"
    "|有(?:没有)?人知道|(?:你|您)?知道(?=.*吗$)|请(?!求))[,，：:\\s]*"
)
_HAN_IS = lazy_pattern("^(?:谁是)?(.*?)(?:究竟|到底)?是(?:谁|何人|一?个?(?:什么|啥)(?:样的)?)$")
_HAN_SINGLED_OUT = lazy_pattern(
    "^[他她它其该这那此我你]|第[一二三四五六七八九十\\d]|最|首[位个部次]|唯一|默认|缺省"
    "|[现时前]任|当时|"
    "(?:[长人者席理授事员帝]|总统|皇后|导演|教练|冠军|主角|对手"
    "|[名值号码率量度价费址口径型色质料位币期])$"
)

_HAN_RELATIONS = (  # "X 的 Y 是什么" asks for a fact, where X is no program or product
    _HAN_SINGLED_OUT,
    lazy_pattern(f"(?:{_HAN_ATTRIBUTE.pattern})$"),
    lazy_pattern("^[^A-Za-z]*的[^的A-Za-z]{1,8}$"),
)


def checked_type(name: str | None) -> QuestionType | None:
    """Return the type of question that a name stands for; None for None.

    Raises:
        QuestionError: If there is no such type.
    """
    known = next((each for each in get_args(QuestionType) if each == name), None)
    if name is not None and known is None:
        names = ", ".join(get_args(QuestionType))
        raise QuestionError(f"there is no type of question `{name}`. Take one of: {names}.")
    return known


def question_type(question: str) -> QuestionType:
    """Return the type of a question: the kind of answer it wants.

    Args:
        question: A question, a request or keywords, in any language; it may be empty.

    Example:
        >>> question_type("How do I reset the password?"), question_type("reset password")
        ('how-to', 'keywords')
        >>> question_type("列表和元组有什么区别？"), question_type("X300 的电压是多少？")
        ('comparison', 'table')
    """
    text = plain(question)
    if is_chinese(question):
        kind = _chinese_type(text, question)
    elif language_of(text) in ("en", ""):
        kind = _english_type(text, question)
    else:
        kind = "fact" if is_question(question) else "keywords"
    return "table" if kind == "fact" and _looks_up(simplified(one_line(question))) else kind


def is_chinese(question: str) -> bool:
    """Return whether a question is asked in Chinese, whatever the names in it.

    Example:
        >>> is_chinese("什么是 retrieval-augmented generation"), is_chinese("What does 你好 mean?")
        (True, False)
    """
    question = one_line(question)
    if not _HAN.search(question) or _ENGLISH_LEAD.match(question):
        return False
    asks = _HAN_ASKS.search(simplified(question)) is not None
    return language_of(question) == "zh" or (asks and language_of(question) == "en")


def plain(question: str) -> str:
    """Return a question on one line, in simplified Chinese, without a polite beginning and marks.

    Example:
        >>> plain("Can you tell me when it opens?"), plain("請問怎麼安裝？")
        ('when it opens', '怎么安装')
    """
    text = simplified(one_line(question)).replace("甚么", "什么")
    han = is_chinese(question)
    while True:
        found = _HAN_LEAD.match(text) if han else _LEAD.match(text.lower())
        if not found or not found[0] or found.end() == len(text):
            return text
        text = re.sub("^if (?=.)", "whether ", text[found.end() :], flags=re.IGNORECASE)
        if han and re.search("知道|能|可", found[0]):
            text = text.removesuffix("吗")


def one_line(question: str) -> str:
    """Return the sentence that asks on one line, without marks at its ends.

    Of a longer text without a question mark, the first `LONGEST` characters.
    """
    if _MARK.search(question):
        spans = sentence_spans(question[-MOST:])
        asking = [part for start, end in spans if _MARK.search(part := question[-MOST:][start:end])]
        question = asking[-1] if asking else question
    return " ".join(question[:LONGEST].replace("’", "'").split()).strip(_END)


def _english_type(text: str, question: str) -> QuestionType:
    low = text.lower()
    kind = next((kind for kind, rule in ENGLISH if rule.search(low)), None)
    if kind:
        return kind
    found = _WHAT_IS.match(low) or re.match(r"what (.+) (?:is|are|was|were|means?)$", low)
    thing = text[found.start(1) :] if found else ""
    if thing and (_is_person(thing) if low.startswith("who") else _is_name(thing)):
        return "definition"
    return "fact" if is_question(question) else "keywords"


def _is_person(thing: str) -> bool:
    """Return whether "Who is ..." asks for a person by name, not for the holder of a role.

    Example:
        >>> _is_person("Ada Lovelace"), _is_person("the head of the team")
        (True, False)
    """
    words = thing.split()
    small = [word for word in words if word[0].islower() and word not in _OF_NAMES]
    return len(words) <= _LONGEST_NAME and (
        not small or (thing.islower() and len(words) <= 3 and not _NO_PERSON.search(thing))
    )


def _is_name(thing: str) -> bool:
    """Return whether "What is ..." asks what the thing is, not for an attribute of it.

    Example:
        >>> _is_name("the event loop"), _is_name("the author of the book")
        (True, False)
    """
    if _NAMED.match(thing) and not _ATTRIBUTE.match(thing):
        return True
    low = thing.lower()
    if len(low.split()) > _LONGEST_NAME or _SINGLED_OUT.search(low):
        return False
    article, _, rest = low.partition(" ")
    head = _PREPOSITION.split(low, maxsplit=1)[0]
    if article in ("a", "an"):
        return rest != ""
    if _ATTRIBUTE.search(head) and (article == "the" or head != low):
        return False
    return article != "the" or not re.search(r"\bof\b|\bthat\b", low)


def _chinese_type(text: str, question: str) -> QuestionType:
    kind = next((kind for kind, rule in CHINESE if rule.search(text)), None)
    if kind == "definition" and (found := _HAN_IS.match(text)):
        thing = found[1].strip()
        if thing and any(pattern.search(thing) for pattern in _HAN_RELATIONS):
            return "fact"
    if kind:
        return kind
    return "fact" if is_question(question) or _HAN_ASKS.search(text) else "keywords"


def _looks_up(text: str) -> bool:
    """Return whether a fact is one of a table: an attribute of a row, or a table is named."""
    if _TABLE.search(text.lower()):
        return True
    rows = [found[0] for found in _ROW.finditer(text)]
    if _NO_LOOK_UP.match(text) or (_SOME.search(text) and all(map(_YEAR_ONLY.fullmatch, rows))):
        return False
    pattern = _HAN_ATTRIBUTE if _HAN.search(text) else _ATTRIBUTE
    return bool(rows) and any(found[0] not in rows for found in pattern.finditer(text))
