"""Rules that tell the type of a question by its form, in English and Chinese.

The first rule that fits decides; `rag.language.question_types` says what the types are. English is
matched in lower case, Chinese in simplified characters, both without a polite beginning.
"""

import re
from typing import Literal

from rag.language.lazy_patterns import lazy_pattern

QuestionType = Literal[
    "fact", "definition", "how-to", "why", "comparison", "list", "table", "yes-no", "keywords"
]
Rule = tuple[QuestionType, re.Pattern[str]]


def _rules(*patterns: tuple[QuestionType, str]) -> tuple[Rule, ...]:
    return tuple((kind, lazy_pattern(pattern)) for kind, pattern in patterns)


_NOT_PLURAL = (
    r"(?!\w*(?:ss|us|is)\b|series\b|news\b|does\b|was\b|has\b|always\b|physics\b|mathematics\b)"
)
_VERB = (
    r"(?!(?:stand|hold|give|show|set|take|use|run|make|come|goe|lie|mean|control|contain|define"
    "|return"
    r"|start|stop|print|list|display|create|remove|tell|turn|belong|cover|win|play|own|host|need"
    r"|exist|work|live|read|say|increase|decrease|reduce|improve|affect|determine|influence|produce"
    r"|require|allow|enable|help|keep|prevent|represent|separate|happen|occur|contribute)s\b)"
)
_PLURAL = (
    rf"(?:{_NOT_PLURAL}{_VERB}[\w-]{{2,}}s|people|children|men|women|criteria|phenomena"
    r"|media)"
)
_AUX = (
    r"(?:are|do|does|did|can|could|should|have|had|has|were|exist|must|may|might|will|would|i|we"
    "|you"
    r"|they|come|belong|make|need|support|apply|affect|help)"
)
_COUNT = r"(?:two|three|four|five|six|seven|eight|nine|ten|\d{1,2})"
_GOOD = r"(?:taste|feel|look|sound|smell|perform|fit|fare|rate|like|rank|score)"
_CAUSE = (
    r"(?:reason|purpose|point|cause|role|function|goal|aim|objective|motivation|motive|rationale"
    r"|benefit|use|need|intention|effect|impact|consequence|significance|importance)"
)
_MAIN = r"(?:(?:main|primary|real|exact|chief|key|underlying|original|intended|stated) )?"

ENGLISH = _rules(
    ("list", r"^how (?:else|many ways)\b"),
    ("fact", r"^how many\b"),
    (
        "comparison",
        r"^compar(?:e|ing)\b|^(?:a )?comparison\b|\bdifferences? (?:between|among|from|in)\b"
        r"|\bthe differences?$|\bdiffers?\b|\bdifferent (?:from|to|than)\b"
        r"|\b(?:versus|vs)\b(?! code)|\bdistinguish|\bsimilarit(?:y|ies) (?:between|of)"
        r"|\bin common\b|\b(?:advantages?|benefits?) of .+ over\b"
        r"|^[^:,?]+ (?:and|or|against) [^:,?]+[:,] .*\b(?:each|either|both)\b"
        r"|^[^:,?]+ against [^:,?]+[:,] "
        r"|^(?:which|what|who)(?: \w+)? (?:is|are|was|were|has|have|runs?|uses?|costs?|does|do"
        r"|draws?) "
        r"(?:the )?(?:\w{2,}er|more|less|worse|best|most|least|\w{3,}est)\b.*[ ,]or\b"
        r"|^(?:should|shall) (?:i|we|one|you|they)\b.* or (?!not)"
        r"|^(?:is|are) it (?:better|best|cheaper|faster|safer|easier|more \w+)\b.* or "
        r"|^(?:is|are|does|do) .* or .*\b(?:better|worse|\w{3,}er|more|less)\b(?! than)"
        r"|^how (?:does|do|did|is|are) .*\bcompared?\b|\bcompared? (?:to"
        r"|with)\b(?!.*\b(?:how (?:many|much)))",
    ),
    (
        "fact",
        r"^(?:\w+ )?how (?!(?:to|do|does|did|can|could|should|would|will|shall|is|are|was"
        "|were|has"
        r"|have|had|must|might|may|come|i|we|you|one|the|my|best|not|about|exactly|else"
        r"|\w+ly)\b)\w+"
        rf"|^how (?:do|does|did|would) .*\b{_GOOD}\b",
    ),
    (
        "why",
        r"\bwhy\b|^how come\b|\bfor what (?:reason|purpose)"
        rf"|^what(?: is|'s| are| was| were)? (?:the |its |their )?{_MAIN}{_CAUSE}s?"
        r" (?:of|for|behind|in|to|why|that)\b"
        r"|^what(?: is|'s| are| was| were) (?:[\w-]+ ){1,3}(?:reason|purpose)s? (?:of|for|behind"
        r"|why|that)\b"
        r"|\b(?:for|to) what purpose$"
        r"|^what (?:caus(?:es|ed)|led|leads|made|makes|drove|drives|triggers?|triggered"
        "|prompted"
        r"|motivated|results?|resulted|explains|contributed)\b"
        r"|^what (?:can |could |may |might |would |will |does )?(?:happens?|occurs?)\b"
        r"(?=.*\b(?:if|when|after|to|once|during|on|unless|without)\b)"
        r"|\bused for$|^what(?: is|'s| are| was| were) (?!.*\b(?:known|famous|responsible"
        "|named|"
        r"noted|nominated|looking|remembered|awarded|charged|recognized)\b).*\bfor$"
        r"|^when (?:should|would|do|is it) (?:i|we|you|one|best|better|appropriate|useful)\b"
        r"|^what(?: is|'s) (?:it )?good for\b",
    ),
    (
        "how-to",
        r"^(?!(?:who|what|which|where|when|is|are|do|does|did)\b)(?:.* )?how to\b"
        r"|^how (?:\w+ly )?(?:do|does|can|could|should|would|must|shall|may"
        "|might|will"
        r"|i|we|you|one|best)\b|^how (?:is|are) (?!.*\b(?:your|called|named)\b).*\b(?:\w+ed"
        "|made|built|done|set|"
        r"written|sent|kept|run|given|chosen|taken|found|held|stored|drawn|known)\b"
        r"|^(?:what are )?(?:the )?(?:steps|instructions|procedure|directions) (?:to|for|of"
        r"|in)\b"
        r"|^what(?: is|'s) the (?:[\w-]+ )*(?:way|procedure|method|process|approach|workflow)"
        r" (?:to|for|of)\b|^is there (?:a|any|an) (?:\w+ )?(?:way|method) (?:to|of|for)\b"
        r"|^what (?:should|must|can|do|shall) (?:i|we|you|one) (?:have to |need to )?do\b"
        r"|^(?:a )?(?:way|method) to\b|^(?:help|teach|show) (?:me|us) (?:to )?\w+",
    ),
    (
        "list",
        rf"^(?:list|enumerate)\b (?:all|the|of|every|each|any|some|me|out|{_COUNT}|.*s\b)"
        rf"|^name (?:all|some|the|a few|any|every|{_COUNT})\b"
        r"|^(?:give|show|tell|find)(?: me| us)? (?:all|a list|some|every|examples|the list"
        r"|\w+ examples)\b"
        rf"|^what (?:all |else )?(?:are|were) (?:all )?(?:(?:the|some|its|their|his|her|your"
        f"|our|other"
        rf"|{_COUNT}) )+(?:(?!of|in|for|that)[\w'-]+ )*?{_PLURAL}\b"
        rf"|^(?:\w+ )?(?:which|what) (?:other |all )?{_COUNT} "
        rf"|^(?:\w+ )?(?:which|what) (?!is\b|was\b|does\b|did\b|has\b|are\b|were\b|do\b|if\b)"
        rf"(?:(?:kind|sort|type|form|number)s of [\w-]+(?: [\w-]+)? {_AUX}"
        rf"|(?:(?!the\b|an?\b|of\b)[\w-]+ ){{0,3}}?{_PLURAL} (?:[\w-]+ly )?{_AUX})\b"
        rf"|^(?:\w+ )?which {_PLURAL} \w|^what {_PLURAL} (?!the\b|an?\b|this\b|that\b|my\b"
        r"|his\b|her\b|its\b)\w"
        rf"|^who (?:all )?(?:are|were) (?:the|all|its|their) (?:[\w-]+ )*?{_PLURAL}\b"
        r"|^what (?:all|else)\b|^what(?: is|'s| are) (?:all )?(?:included|contained"
        r"|in the (?:box|package|kit))\b"
        r"|^what (?:does|do|did) .*\b(?:include|contain|consist of|comprise|come with)$",
    ),
    (
        "definition",
        r"^(?:please )?(?:define|explain|describe|summari[sz]e|outline|introduce)\b"
        r"|^(?:tell|teach)(?: me| us)?(?: more| something| a bit)? about\b"
        r"|^(?:give|show)(?: me| us)? (?:an |a )?(?:brief |short )?(?:overview|introduction"
        r"|summary|definition)\b"
        r"|^what (?:do|does|did) .*\b(?:mean|means|stand for|refer to|do)$|^what do (?:you"
        r"|we|they) mean by\b"
        r"|^what (?:is|are|was) (?:meant|understood) by\b"
        r"|^(?:what(?: is|'s) )?(?:the )?(?:meaning|definition|concept|idea|notion) (?:of"
        r"|behind)\b"
        r"|^(?:an? )?(?:overview|introduction|definition) (?:of|to)\b"
        r"|^how (?:is|are|do you) .*\bdefined?\b",
    ),
    (
        "yes-no",
        r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|shall"
        "|must|may"
        r"|might|am|isn't|aren't|wasn't|weren't|don't|doesn't|didn't|hasn't|haven't|can't"
        "|couldn't"
        r"|won't|wouldn't|shouldn't|whether) \S+ \S"
        r"|^(?:are|is|was|were|can|may|do|does) \w+ \w+$|,? (?:right|correct|or not|isn't it"
        "|true or false)$",
    ),
)
_NUMBER = "[几两二三四五六七八九十多数\\d]"

CHINESE = _rules(
    (
        "comparison",
        "区别|差别|差异|有(?:什么|何|啥|哪些)不(?:同|一样)|不同(?:之处|点|在哪)|哪里不同"
        "|异同|相同点|共同点|相似之处|优劣|"
        "相比|相较|差在(?:哪|什么)|(?:哪里|哪儿|怎么|有啥)不一样|两样"
        "|[和与跟].+分别(?!(?:是|为|有|叫|在)(?:谁|多少|几|哪[年里儿])).*(?:用|适|怎|如何|什么|何时)"
        "|^(?:对比|比较)|(?:和|与|跟|、).+(?:的)?(?:对比|比较)(?:一下)?$|哪(?:个"
        "|一个|种|一种|款|者|边)?(?:更|比较)|[和与跟、].+哪(?:一?[个种款边]|者)(?:好|便宜|快|慢"
        "|大|小|多|少|贵|省\\w?|强|弱|重|轻|长|短|高|低|适合|合适|划算"
        "|安全|稳定|值得\\w?|耐用|可靠|容易|简单|方便)"
        "|[和与跟].+各有?(?:什么|何|哪些)|"
        "孰|(?i:\\bvs\\b)|(?:该|用|选|买|更|装|学).*还是|还是.*(?:好|更|合适|适合)|(?:相对于"
        "|相对|比).+有?(?:什么|何|哪些)(?:优势|好处|优点)|"
        "(?:和|与|跟).+(?:有什么|有何|什么)不同|怎么区分|如何区分|怎样区分",
    ),
    (
        "why",
        "(?<![认以评称作化成视译命分定变改])为什么|为何(?!物|人|种|$)|^为何$|为啥|何以|[因缘]何"
        "|因为(?:什么|啥)|原因|缘故|理由|怎么(?:会|回事|不|没|总|引起|造成|产生)|"
        "(?:什么|何|的)(?:作用|用途|目的(?!地)|用处|意图|意义|影响)(?:是|为|何|$)|有(?:什么"
        "|啥|何)(?:作用|用处?|用途|意义|影响|后果|必要)|"
        "(?:有|做|干)(?:什么|啥)用|用来(?:做|干)(?:什么|啥)|用于(?:做)?什么|何(?:用|在)$|"
        "(?:会|将)(?:怎么?样|如何|发生什么|有什么)|会(?:导致|造成|引起)(?:什么|哪)"
        "|什么(?:会)?(?:导致|造成|引起|使得?|让)|由(?:什么|何)(?:导致|造成|引起)|"
        "(?:什么(?:情况下|时候|场景下?|场合)|何时)(?:才)?(?:应该?|该|用|使用|适合|需要)"
        "|好处是什么|(?:目的|用途|作用|意义)(?:就|主要|大概)?(?:是|在于|为)+了?$|为了$",
    ),
    (
        "fact",
        "^(?!.*(?:流程|步骤|过程|方法|做法)).*(?:怎么?样|如何|咋样)的?$|(?:怎么|如何"
        "|怎样)(?:死|去世|身亡|遇害|逝世|得名|来的|称呼|形容|评价|描述|解释|看待|对待|命名)",
    ),
    ("definition", "(?:如何|怎么|怎样)(?:定义|理解)|何为|^何谓|^(?:什么|啥)(?:是|叫|为)|是啥$"),
    (
        "how-to",
        "怎么(?!样$|说)|怎样|如何|咋|步骤|流程(?:是|$)|(?:方法|办法|做法)(?:是什么|为何|$)"
        "|教程|"
        "有(?:没有|无|什么)(?:什么)?(?:办法|方法)|(?:该|要)做(?:什么|些什么|啥)$|什么手续$"
        "|^(?:教我|演示)",
    ),
    (
        "yes-no",
        "[吗嘛么]$(?<!什么)(?<!怎么)(?<!那么)|是否(?!.*(?:哪|什么|谁|多少|何))|能否|可否|会否"
        "|是不是|有没有|能不能"
        "|可不可以|会不会|要不要|需不需要|行不行|对不对|有无|"
        "好不好|算不算|可以不可以|应不应该|(.)不\\1",
    ),
    (
        "list",
        f"哪些|哪{_NUMBER}|都(?:有|是|包括)(?:谁|什么|啥)|有(?:什么|何)(?!关系|名|称|意思"
        "|年)|需要(?:准备|提供|携带|具备|满足|安装|提交|使用|用)?(?:什么|何种)\\w"
        "|包括(?:什么|啥|谁)|包含(?:什么|啥)|含有什么|"
        f"分(?:为|成)(?:哪|几|什么|多少|$)|(?:由|包)(?:什么|谁)(?:组成|构成)|列出|列举|罗列|枚举"
        f"|清单|一览"
        "|分别(?:是|为|有|叫|在)|[举说写]出.*{_NUMBER}|^(?:所有|全部)",
    ),
    (
        "definition",
        "^(?!.*(?:哪|谁|几|多少))(?:解释|说明(?!书|文)|介绍(?!信)|定义|描述|概述|简述|阐述|讲讲"
        "|讲一下|说说|说一下"
        "|谈谈|聊聊|讲解|了解|总结)|什么意思|何意|"
        "^(?!.*(?:哪|谁|几|多少)).*(?:意思|含义|定义|概念)(?:是|$)|(?:做|干)(?:什么|啥)的|干嘛的"
        "|意味着什么"
        "|指的?是?(?:什么|啥)$|"
        "是(?:一?个)?(?:什么|啥)(?:东西|概念|玩意儿?|样的)?$|^谁是|是(?:谁|何人)$|(?:简介"
        "|概述)$",
    ),
)
