"""Words that name no subject: attributes, relations and actions, which belong to something else.

"What is the price?" asks about a thing that another question named; "What is a quasar?" does not.
"""

import re

from rag.language.analysis import content_words, language_of, word_set
from rag.language.forms import simplified
from rag.language.lazy_patterns import lazy_pattern

_ATTRIBUTES = word_set(
    "accuracy actor address advantage age altitude amount answer application area argument "
    "artist attribute author background bandwidth battery-life benefit best better big boss "
    "budget capacity capital captain case cast category cause ceo chair chairman champion "
    "characteristic child children circumference city class climate coach code color colour "
    "command common component composition con condition configuration cons consequence content "
    "contents cost count country creator currency current date day deadline deep default "
    "definition density depth description designer detail developer diameter difference "
    "different dimension director disadvantage distance downside drawback duration easy economy "
    "editor effect elevation email end ending error exact example exception exports extension "
    "far fast father feature fee final first flag food form format formula founder frequency "
    "full function goal good government head headquarters heavy height high history hour "
    "husband idea impact importance important income information ingredient input interface "
    "kilometer kind king language languages large largest last latency latest law leader length "
    "level licence license limit limitation list location logo long loss low main manufacturer "
    "margin mass material maximum mayor meaning member memory meter method metre mile minimum "
    "minister minute month mother motto much name next nickname normal note number objective "
    "often old opening option order origin original outcome output overview owner parameter "
    "parent part password path people percent percentage phone place plot point population port "
    "possible power prerequisite presence president pressure price primary principle pro "
    "problem procedure process producer profit property pros purpose quality quantity queen "
    "range rate ratio real reason religion required requirement resolution result return "
    "revenue risk role rule safe salary same score second setting shape singer single size "
    "small solution source speaker spec specification specs speed stage state status step "
    "storage structure style subject successor summary symbol symptom syntax tall target taste "
    "temperature term theme thing threshold time timeout title tool topic total type typical "
    "unit usage use user usual value various version voltage volume warning warranty way week "
    "weight wheelbase whole wide width wife winner year"
)
_ACTIONS = word_set(
    "affect allow allowed apply arrive ask become began begin born build built call called came "
    "change close come compare configure connect consist contain cost create created define "
    "delete deploy design develop die died differ disable discover do done download enable end "
    "establish exist fail find finish fix found founded get go got happen have help include "
    "included install invent keep kept know known last launch leave left live lived locate "
    "located look lose lost made make manage mean meant move name named need needed occur offer "
    "open own owned perform pick play produce provide publish put reach read release remove "
    "replace require required reset restart return run save sell serve set show situate sold "
    "sort sound speak spend spoken stand start stop store support supported switch take talk "
    "tell test took turn uninstall update upgrade use used visit wear weigh went win won work "
    "worn write written"
)
_HAN_GENERAL = lazy_pattern(
    "使用|安装|配置|设置|启动|停止|关闭|打开|删除|创建|卸载|更新|升级|运行|调用|工作|实现|成立"
    "|建立|建成|建造|修建|创立|创办|创建|"
    "出生|去世|逝世|死亡|毕业|发行|出版|上映|发布|发明|发现|完成|完工|开始|结束|举行|举办|位于"
    "|坐落|属于|隶属|包括|包含|组成|构成|"
    "支持|生产|制造|导演|主演|设计|命名|得名|改名|称为|称作|担任|获得|分布|生活|居住|流经|发源"
    "|适合|适用|需要|处理|解决|操作|"
    "价格|售价|单价|费用|成本|重量|质量|体积|面积|长度|宽度|高度|深度|厚度|尺寸|大小|容量|电压"
    "|电流|功率|频率|速度|时速|温度|压力|"
    "密度|端口|地址|网址|电话|邮箱|默认值?|缺省值?|上限|下限|范围|版本|日期|时间|期限|年份|年龄"
    "|数量|人数|人口|总数|总人口|比例|"
    "收入|利润|单位|型号|编号|代码|符号|取值|参数|选项|属性|字段|方法|步骤|流程|条件|要求|前提"
    "|限制|注意事项|注意|事项|问题|缺陷|结果|"
    "例子|示例|样例|用法|用途|作用|功能|特点|特性|特征|特色|优点|优势|缺点|好处|坏处|区别|差别"
    "|不同|原因|理由|目的|意义|影响|"
    "历史|来源|起源|由来|来历|背景|结构|组织|部分|种类|类型|类别|形式|格式|内容|定义|含义|意思"
    "|概念|原理|名字|名称|全称|别名|简称|"
    "英文名?|中文名?|作者|创始人|创办人|发明者|设计师|校长|院长|市长|总统|主席|首都|首府|省会"
    "|导演|主角|演员|成员|国家|城市|地区|地方|"
    "位置|总部|语言|货币|宗教|民族|气候|经济|产业|颜色|材质|材料|成分|口味|味道|父亲|母亲|父母"
    "|妻子|丈夫|儿子|女儿|家人|国籍|籍贯|"
    "身高|体重|职业|职务|学历|专业|成绩|奖项|战绩|排名|寿命|保修期?|保质期|错误|情况|过程|结局"
    "|剧情|主题|风格|标志|命令|路径|密码|"
    "头衔|著作|作品|代表作|体制|制度|学名|科属|花期|果实|"
    "主要|常见|目前|现在|最[早大小高低长短新后初终快]|首次|第[一二三]|一共|总共|大约|大概|通常"
    "|一般|具体|分别|平均|当时|后来|曾经|"
    "[是有在于为由从到被把对和与及或的了着过吗呢吧啊用建死写叫做作会能可要应该得让使个位种次名条年月日天人用法可以]"
)
_HAN_WHEN = lazy_pattern(
    "主要|常见|目前|现在|一共|总共|大约|大概|通常|一般|具体|分别|平均|当时|后来|曾经"
)
_HAN_ASKS = lazy_pattern(
    "为什么|什么时候|什么|甚么|怎么样?|怎样|如何|为何|何[时地人处]|多[少久大长高远重快深宽]"
    "|哪[里儿个些位年种]?|几[个种位岁年月]?|"
    "谁|请问|介绍|解释|说明|告诉我?|一下"
)
_NAME = lazy_pattern(
    r"(?<=[^\s.?!:])\s+(?!I\b)[\"'“(]?[A-Z]\w|\d|[`\"“「『《]\S|\w[._/-]\w*[A-Z_]|^\S*[a-z][A-Z]"
    r"|\b[A-Z]{2,}"
)
_LONGEST_GENERAL = 5  # characters of Chinese
_THE = lazy_pattern(r"\b(?:the|its|their|his|her|an?|any|some)\b", re.IGNORECASE)
_SUFFIXES = ("", "s", "es", "ed", "d", "ing")


def is_general(word: str) -> bool:
    """Return whether an English word is an attribute or an action, which names no subject.

    Example:
        >>> is_general("parameters"), is_general("quasar")
        (True, False)
    """
    return _is_of(word, _ATTRIBUTES) or _is_of(word, _ACTIONS)


def _is_of(word: str, known: frozenset[str]) -> bool:
    low = word.casefold()
    stems = {low.removesuffix(suffix) for suffix in _SUFFIXES if low.endswith(suffix)}
    stems |= {stem + "e" for stem in stems} | {low[:-3] + "y" if low.endswith("ies") else low}
    return not stems.isdisjoint(known)


def subject_words(text: str) -> list[str]:
    """Return the content words of a question that may name its subject, in their original form.

    Example:
        >>> subject_words("What is the rated voltage of the X300?"), subject_words("And the price?")
        (['X300'], [])
        >>> subject_words("北京大学的校长是谁？"), subject_words("什么时候成立？")
        (['北京大学'], [])
        >>> subject_words("How do I use path parameters?")
        ['path', 'parameters']
    """
    words = content_words(text)
    attributes = [w for w in words if _is_of(w, _ATTRIBUTES) and not _is_of(w, _ACTIONS)]
    if len(attributes) > 1 and not _THE.search(text):  # a compound that names a thing
        return attributes
    named = [word for word in words if not _is_general_piece(word)]
    if not named and language_of(text) == "zh" and "的" not in text:
        pieces = [word for word in words if len(_HAN_WHEN.sub("", simplified(word))) > 1]
        return pieces if len(pieces) > 1 else []  # a verb with its object: 发明 电话
    return named


def _is_general_piece(word: str) -> bool:
    if language_of(word) == "zh":
        if len(word) > _LONGEST_GENERAL:  # 路径操作配置 is the name of something
            return False
        rest = _HAN_GENERAL.sub("", _HAN_ASKS.sub("", simplified(word)))
        return not rest.strip()
    return is_general(word)


def has_name(text: str) -> bool:
    """Return whether a text has a name, a number, a code or words in quotes.

    Example:
        >>> has_name("And the X500?"), has_name("And in winter?")
        (True, False)
    """
    return _NAME.search(text) is not None
