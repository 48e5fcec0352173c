"""Values that a question asks for, and those that a text gives, as kinds of quantities.

By rules in English and Chinese. A kind is named only where the words of the question leave no
doubt: "how big" may ask for a length, an area or a number of bytes, and has none.
"""

import re
from typing import Literal

from rag.language.analysis import language_of
from rag.language.forms import simplified
from rag.language.lazy_patterns import lazy_pattern
from rag.language.question_types import is_chinese, plain, question_type

Quantity = Literal[
    "length", "area", "volume", "mass", "duration", "time of day", "date", "money", "voltage",
    "current", "power", "energy", "percent", "temperature", "speed", "frequency", "pressure",
    "data size", "loudness", "version", "identifier", "count",
]  # fmt: skip

_NO_VALUE = frozenset({"definition", "how-to", "why", "comparison", "yes-no"})
_NOUNS: dict[Quantity, str] = {
    "length": "length|width|height|depth|thickness|distance|diameter|radius|elevation|altitude"
    "|wavelength",
    "area": "area|acreage|footprint",
    "volume": "volume",
    "mass": "weight|mass",
    "duration": "duration|lifespan|lifetime|age|run ?time|battery life|time ?out|warranty"
    "|(?:charging|waiting|response|boiling|cooking|delivery|travel|flight|half|running) time",
    "time of day": "time|hour",
    "date": "years?|date|day|month|century|decade|birthday|deadline|birth date",
    "money": "price|cost|fee|fare|salary|revenue|income|profit|budget|ebitda|turnover|wage"
    "|(?:net |total )?sales|operating expenses|net worth|debt",
    "voltage": "voltage",
    "current": "amperage|(?:rated|maximum|max|charging|output|input|operating|electric"
    "|peak) current",
    "power": "power|wattage",
    "energy": "energy",
    "percent": "percent|percentage|share|proportion|margin|interest rate|growth rate|humidity",
    "temperature": "temperature|(?:melting|boiling|freezing|flash) point",
    "speed": "speed|velocity|pace",
    "frequency": "frequency|clock rate|refresh rate",
    "pressure": "pressure",
    "data size": "file size|memory|ram|disk space|storage(?: space)?|bandwidth",
    "loudness": "loudness|noise level|noise|sound level",
    "version": "version|release",
    "identifier": "(?!(?:total|maximum|minimum|max|min|average|mean|exact|approximate|largest"
    "|smallest|whole|large|small|the|a|what|which) )[a-z]+ (?:numbers?|no|ids?)",
    "count": "number|count|quantity|population|headcount",
}
_ADJECTIVES: dict[str, Quantity] = {
    **dict.fromkeys(("tall", "high", "wide", "deep", "thick", "far"), "length"),
    **dict.fromkeys(("hot", "cold", "warm"), "temperature"),
    "heavy": "mass", "fast": "speed", "loud": "loudness", "old": "duration", "expensive": "money",
}  # fmt: skip
_HAN_ADJECTIVES: dict[str, Quantity] = {
    "多[高宽深厚远长]": "length", "多重": "mass", "多快": "speed", "多[热冷]": "temperature",
    "多贵": "money",
}  # fmt: skip
_HAN_DATE = (
    "哪一?[年天日月]|哪个(?:月|年份|年代|世纪|季节)|几世纪|何[时年日]|什么(?:时候|日子|年代|时间)"
    "|(?:公元|西元|民国)(?:前)?(?:多少|几)年|"
    "[几多]少?[号月](?!球|线|楼|元|饼)|年代(?:是)?(?:何|什么)"
)
_HAN_FORMS: tuple[tuple[Quantity, re.Pattern[str]], ...] = (
    ("time of day", lazy_pattern("几点(?!建议|要求|原因|意见)|几时几分")),
    ("date", lazy_pattern(_HAN_DATE)),
    ("percent", lazy_pattern("百分之(?:几|多少)")),
    ("duration", lazy_pattern("多久|多长时间|多少时间")),
)
_UNITS: dict[Quantity, str] = {
    "length": "(?:milli|centi|kilo)?met(?:er|re)s?|kilomet|miles?|feet|foot|inch(?:es)?|yards?"
    "|mm|cm|km|ft"
    "|light[- ]years?",
    "area": r"(?:square|sq\.?) (?:\w+|m|km|ft)|hectares?|acres?|(?:m|km|cm)[²2]",
    "volume": "(?:milli)?lit(?:er|re)s?|gallons?|pints?|cubic \\w+|ml|L",
    "mass": "(?:kilo|milli)?grams?|kg|mg|pounds?|lbs?|oz|ounces?|tonn?es?|tons",
    "duration": "(?:milli|micro|nano)?seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?"
    "|ms|min|hrs?|secs?",
    "money": "dollars?|euros?|usd|eur|cents|rmb|yuan|yen|francs?|rupees?",
    "voltage": "(?:kilo|milli)?volts?|k?V|mV",
    "current": "(?:milli)?amp(?:ere)?s?|mA|A",
    "power": "(?:kilo|mega|giga)?watts?|horse ?power|[kMG]?W|hp",
    "energy": "(?:kilo)?joules?|(?:kilo)?watt[- ]hours?|k?Wh|k?J|(?:kilo)?calories|kcal",
    "percent": "per ?cent|percentage points?|%",
    "temperature": "degrees? (?:celsius|fahrenheit|centigrade)|degrees|kelvin|°\\s?[CF]|℃|℉",
    "speed": r"(?:km|kilomet(?:er|re)s|miles|m|met(?:er|re)s)(?:/| per | an )(?:h|hour|s|second)"
    r"|mph|knots|km/h",
    "frequency": "(?:kilo|mega|giga)?hertz|[kMG]?Hz|rpm",
    "pressure": "(?:kilo|hecto|mega)?pascals?|[kMh]?Pa|bars?|psi|atm",
    "data size": "(?:kilo|mega|giga|tera|peta)?(?:byte|bit)s?|[KMGTP]i?B|[kmg]b",
    "loudness": "decibels?|dB(?:\\(A\\))?",
}
_HAN_NOUNS: dict[Quantity, str] = {
    "length": "长度|宽度|高度|深度|厚度|距离|直径|半径|海拔|全长|身高|波长|跨度",
    "area": "面积",
    "volume": "体积|容积",
    "mass": "重量|质量|体重|净重|毛重|自重",
    "duration": "时长|寿命|年龄|保质期|保修期|期限|续航(?:时间)?|(?:充电|等待|响应|超时|烹饪"
    "|配送|持续|使用)时间|工期",
    "time of day": "(?:开门|关门|上课|出发|到达|起飞|营业|开放|开始)时间",
    "date": "年份|日期|生日|(?:成立|建成|出版|发行|上映|发布|出生|去世|完工|落成|创立)(?:时间"
    "|日期|年份)|截止日期",
    "money": "价格|售价|单价|价钱|费用|成本|票价|工资|薪水|年薪|学费|租金|收入|营收|利润|净利"
    "|毛利|预算|营业额|票房|负债|造价",
    "voltage": "电压",
    "current": "电流",
    "power": "功率|瓦数",
    "energy": "能量|耗电量|热量|电量",
    "percent": "百分比|比例|占比|比率|增长率|利率|湿度|成功率|毛利率|市场份额"
    "|[一-鿿]率(?<!功率)(?<!频率)(?<!汇率)",
    "temperature": "温度|气温|水温|体温|沸点|熔点|燃点|凝固点",
    "speed": "速度|时速|车速|流速|风速",
    "frequency": "频率|主频|刷新率|转速",
    "pressure": "压力|压强|气压|水压",
    "data size": "内存|显存|存储空间|磁盘空间|文件大小|带宽",
    "loudness": "噪音|噪声|响度|音量",
    "version": "版本(?:号)?",
    "identifier": "编号|号码|[同单车票证账]号|序列号|型号",
    "count": "数量|人数|人口(?!密度)|总数|个数|次数|员工数|学生数",
}
_HAN_UNITS: dict[Quantity, str] = {
    "length": "(?:毫|厘|公|英|千)?米|公里|公分|英尺|英寸|英里|里路|光年|海里",
    "area": "平方(?:公里|千米|米|英尺|英里|厘米)|平米|亩|公顷",
    "volume": "毫?升|立方(?:米|厘米|分米)|加仑",
    "mass": "(?:公|千|毫|市)?[克斤]|吨|磅|盎司",
    "duration": "毫?秒|分钟|(?:个)?(?:小时|钟头|星期|礼拜|月)|[天周]"
    "|(?<!\\d{4})年(?![代份月初底])|年时间|岁|世纪",
    "money": "(?:美|欧|日|港|台|新台|人民币)?[元币]|块钱?|钱|英镑|人民币",
    "voltage": "千?伏特?",
    "current": "毫?安培?",
    "power": "[千兆]?瓦特?|马力",
    "energy": "千?焦耳?|千瓦时|度电|千?卡路里|大卡|千卡",
    "percent": "百分(?:比|点)|个百分点|成(?![立为名功])",
    "temperature": "摄氏度|华氏度|度(?!电|假|过)",
    "speed": "(?:公里|米|英里|千米)(?:每|/)(?:小时|秒)|码速",
    "frequency": "[千兆吉]?赫兹?|转每分钟",
    "pressure": "[千兆百]?帕|大气压",
    "data size": "字节|比特|[KMGTkmgt][Bb]?(?![A-Za-z])|[兆吉]字节",
    "loudness": "分贝",
}

_TAIL = lazy_pattern(
    r"(?: (?:limits?|ranges?|ratings?|requirements?|levels?|values?|consumption|draw"
    "|usage|output"
    r"|input|needed|required|allowed|used))+$"
)
_ASKED = lazy_pattern(
    r"\b(?:what|which)(?: exactly)?(?:(?: is| are| was| were|'s)(?: the| its| their| his| her"
    "| your| an?)?"
    r"(?: (?:approximate|exact|total|average|usual|typical))?|) (.+)$"
    r"|^(?:give|tell|show|find|state)(?: me| us)? (?:the )?(.+)$"
)
_CUT = lazy_pattern(
    r"\b(?:of|in|on|at|to|for|from|by|with|between|under|during|per|after|before|about|that|when|if"
    r"|do|does|did|is|are|was|were|can|could|should|must|will|would|has|have|had|may)\b"
)
_IS = lazy_pattern(r"^(?:what|which)(?: exactly)?(?: (?:is|are|was|were)|'s)\b")
_BARE = frozenset({"area", "mass", "power", "count", "volume", "energy"})  # "in what area ..."
_TEMPORAL = lazy_pattern(
    r"\b(?:warranty|session|time ?out|trip|journey|flight|video|film|movie|song|life|wait|delay"
    "|term|course"
    r"|war|battle|reign|break|period|process|stay|visit|contract|trial|interval|season|holiday"
    r"|meeting)\b"
)
_GIVEN = "(?:是|为|有|达|达到|大约|大概|约|一般|应该|可以|能|会|要|占|在)*"
_NUMERAL = r"(?<![A-Za-z\d.])[-+−]?\d[\d,.]*(?:\s?(?:million|billion|thousand|[万亿千百]))?"


def _pattern(
    words: dict[Quantity, str], form: str, flags: int = 0
) -> dict[Quantity, re.Pattern[str]]:
    """Return for each kind the pattern of its words in a form, in which they stand as WORDS."""
    return {
        kind: lazy_pattern(form.replace("WORDS", f"(?:{each})"), flags)
        for kind, each in words.items()
    }


_NOUN = _pattern(_NOUNS, r"(?:^|\s|')WORDS$")
_HOW_MANY = _pattern(_UNITS, r"\bhow many (?:\w+ )?WORDS(?!\w)", re.IGNORECASE)
_HOW_MUCH = _pattern(_NOUNS, r"\bhow much (?:\w+ )?WORDS\b")
_HAN_HOW_MANY = _pattern(_HAN_UNITS, "(?:多少|几)(?:万|亿|千|百)?个?WORDS")
_HAN_NOUN = _pattern(
    _HAN_NOUNS,
    f"(?:多少|(?<!为)什么|何种|哪个)WORDS|WORDS{_GIVEN}(?:多少|几|多[大高长快重低]"
    f"|(?<=[是为])(?:什么|何|哪)|$)",
)
_IN_TEXT = {
    kind: lazy_pattern(
        rf"{_NUMERAL}[\s-]?(?:(?:{_UNITS.get(kind, '(?!)')})(?![A-Za-z])"
        f"|(?:{_HAN_UNITS.get(kind, '(?!)')}))"
    )
    for kind in _UNITS
}
_MONEY = lazy_pattern(r"[$€£¥￥]\s?\d|(?:USD|EUR|RMB|CNY|US\$)\s?\d|\d\s?[€£]")
_MONTH = (
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    "|sept?(?:ember)?"
    "|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DATE = lazy_pattern(
    rf"(?i:\b{_MONTH}\.? \d{{1,4}}\b|\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}\b)"
    r"|(?<![\d.,$€£])(?:1[0-9]|20)\d\d(?![\d.,%]\d|%)"
    r"|\d{1,4} ?[年月日](?!间)|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d(?:st|nd|rd|th) century|世纪"
    r"|\b\d+ (?:BC|AD|BCE|CE)\b"
)
_CLOCK = lazy_pattern(
    r"\b\d{1,2}[:：]\d\d\b|\b\d{1,2} ?[ap]\.?m\b|\d+ ?[点时](?!间)", re.IGNORECASE
)
_IDENTIFIER = lazy_pattern(  # letters and digits, or more digits than a year has
    r"(?<![\w./-])(?:(?=[\w./-]*\d)(?=[\w./-]*[A-Za-z])[A-Za-z0-9][A-Za-z0-9./_-]{3,}"
    r"|\d[\d -]{3,}\d)"
)
_VERSION = lazy_pattern(r"\bv?\d+\.\d+(?:\.\d+)*\b|\bversion \d|版本 ?\d", re.IGNORECASE)


def asked_quantity(question: str) -> Quantity | None:
    """Return the kind of quantity for which a question or keywords ask, or None.

    "When" asks for a date here, though an event may answer it ("after the restart").

    Example:
        >>> asked_quantity("What is the rated voltage of the X300?"), asked_quantity("多少公斤？")
        ('voltage', 'mass')
        >>> asked_quantity("How long is the warranty?"), asked_quantity("Which lamp has 12 V?")
        ('duration', None)
    """
    if question_type(question) in _NO_VALUE:
        return None
    text = plain(question)
    chinese = is_chinese(question) or language_of(question) == "zh"
    return _asked_in_chinese(text) if chinese else _asked(text.lower())


def quantities_in(text: str) -> frozenset[Quantity]:
    """Return the kinds of quantities that a text gives, by its units.

    A bare number has no unit, and no kind.

    Example:
        >>> sorted(quantities_in("It weighs 19 kg and runs for 8 hours at 12 V."))
        ['duration', 'mass', 'voltage']
        >>> sorted(quantities_in("重19公斤，售价300元，1998年上市。"))
        ['date', 'mass', 'money']
    """
    text = simplified(text)
    found = {kind for kind, pattern in _IN_TEXT.items() if pattern.search(text)}
    others: tuple[tuple[Quantity, re.Pattern[str]], ...] = (
        ("money", _MONEY), ("date", _DATE), ("time of day", _CLOCK), ("version", _VERSION),
        ("identifier", _IDENTIFIER),
    )  # fmt: skip
    return frozenset(found | {kind for kind, pattern in others if pattern.search(text)})


def _asked(text: str) -> Quantity | None:
    if re.search(r"^(?:\w+ )?when\b(?! (?:should|would|do i|is it))", text):
        return "date"
    if re.search(r"\bhow (?:much|many)\b", text):
        return _how_many(text)
    if found := re.search(r"\bhow (\w+)", text):
        return _how_adjective(found[1], text)
    found = _ASKED.search(text)
    if not found and question_type(text) != "keywords":
        return None
    phrase = (found[1] or found[2]) if found else text
    phrase = _TAIL.sub("", _CUT.split(phrase, maxsplit=1)[0].strip(" ,"))
    kind = next((kind for kind, pattern in _NOUN.items() if pattern.search(phrase)), None)
    bare = found is not None and found[1] and not _IS.search(found[0])
    return None if bare and kind in _BARE else kind


def _how_many(text: str) -> Quantity | None:
    if " how many " in f" {text} ":
        return next((kind for kind, pattern in _HOW_MANY.items() if pattern.search(text)), "count")
    if re.search(r"\bweighs?\b", text):
        return "mass"
    if re.search(r"\b(?:cost|pay|paid|charge|spend|spent|earn|worth|money)\b", text):
        return "money"
    if re.search(r"how much time\b", text):
        return "duration"
    named = (kind for kind, pattern in _HOW_MUCH.items() if pattern.search(text))
    return next(named, "money" if re.match(r"how much (?:is|are|was|were)\b", text) else None)


def _how_adjective(adjective: str, text: str) -> Quantity | None:
    if adjective == "long":
        verb = re.search(r"how long (?:is|are|was|were) ", text)
        return "duration" if not verb or _TEMPORAL.search(text) else "length"
    if adjective in ("high", "low", "large", "big", "great"):
        named = (
            kind
            for kind, words in _NOUNS.items()
            if kind not in ("date", "time of day") and re.search(rf"\b(?:{words})\b", text)
        )
        return next(named, _ADJECTIVES.get(adjective))
    return _ADJECTIVES.get(adjective)


def _asked_in_chinese(text: str) -> Quantity | None:
    for kind, pattern in _HAN_FORMS:
        if pattern.search(text):
            return kind
    for patterns in (_HAN_NOUN, _HAN_HOW_MANY):
        for kind, pattern in patterns.items():
            if pattern.search(text):
                return kind
    for sign, kind in _HAN_ADJECTIVES.items():
        if re.search(sign, text):
            return kind
    return "count" if re.search("多少|[有共为达是]几|几[个名位种次座所条支部场家]", text) else None
