"""Relations that a question asks for: designed is not built, sold is not bought.

A sentence that tells who built a thing answers no question about who designed it. Only relations
that are told apart safely by their verbs are known, in English and Chinese; others are left to the
reader.
"""

import re
from typing import Final

from rag.language.forms import simplified
from rag.language.lazy_patterns import lazy_pattern

# Forms of verbs and nouns, in English as patterns.
_FORMS: Final = {
    "designing": """
        design\\w* invent\\w* devis\\w+ engineered conceiv\\w+ creat\\w+ architects?
        设计 发明 构思 创造
    """,
    "building": """
        buil[dt]\\w* construct\\w* erect\\w* manufactur\\w+ produc(?:ed?|es|ing) ma(?:de|kes?|king)
        assembled complet\\w+ finish\\w* creat\\w+ 建造 制造 生产 修建 兴建 建成 建于 竣工 完工 盖
    """,
    "selling": """
        s[eo]l[ld]\\w* sales? market\\w* launch\\w* releas\\w+ introduc\\w+
        出售 销售 售出 卖 上市 推出 发布 发售
    """,
    "buying": "bought buy\\w* purchas\\w+ acquir\\w+ acquisition 购买 购入 买 收购 购得",
    "writing": """
        wr[io]t\\w+ author\\w* compos\\w+ penned publish\\w* 写 撰写 作者 著 编写 创作 发表 出版
    """,
    "founding": """
        found\\w* establish\\w* set\\sup start\\w* creat\\w+ form\\w* organi[sz]\\w+ beg[aiu]n\\w*
        创立 成立 创办 建立 创建 设立 创始 组建 开办
    """,
    "repairing": """
        repair\\w* fix\\w* mend\\w* restor\\w+ renovat\\w+ servic\\w+ maintain\\w* overhaul\\w*
        修理 维修 修复 修缮 翻修 检修 保养 维护
    """,
    "birth": "born birth\\w* 出生 生于 诞生 诞辰",
    "death": """
        died? dies dying deaths? dead kill\\w* execut\\w+ assassinat\\w+ murder\\w* passed\\saway
        去世 逝世 死 卒 身亡 病逝 遇害 牺牲 驾崩
    """,
    "opening": "open\\w* inaugurat\\w+ 开放 开业 开通 开馆 启用 开幕",
    "closing": """
        clos\\w+ shut\\w* ceas\\w+ demolish\\w* dissol\\w+ 关闭 停业 停用 关门 拆除 解散 倒闭
    """,
    "installing": "install\\w* mount\\w* fitt\\w+ 安装 装设 架设",
}
# What may be told of a thing in place of what is asked, without saying it.
_OTHERS: Final = {
    "designing": "building selling buying repairing installing opening closing",
    "building": "selling buying repairing closing installing",
    "selling": "designing building repairing installing opening closing",
    "buying": "designing building repairing installing",
    "writing": "buying repairing selling",
    "founding": "closing repairing",
    "repairing": "designing building selling buying installing founding opening",
    "birth": "death",
    "death": "birth",
    "opening": "closing designing repairing selling",
    "closing": "opening designing building founding repairing",
    "installing": "designing building selling repairing buying",
}
_ASKS = lazy_pattern(
    r"^(?:and |so )?(?:who|whom|when|where|by whom|in (?:which|what) year|what year)\b"
    "|谁|何时|什么时候|哪一?年|何人|哪里|什么地方|何地",
    re.IGNORECASE,
)


def _pattern(forms: str) -> re.Pattern[str]:
    """Return what finds any of some forms: Latin ones as words, Chinese ones anywhere."""
    words = forms.split()
    latin, han = (
        "|".join(word for word in words if word.isascii() is ascii) for ascii in (True, False)
    )
    return lazy_pattern(rf"\b(?:{latin})\b|{han}", re.IGNORECASE)


_PATTERNS = {name: _pattern(forms) for name, forms in _FORMS.items()}


def asked_relation(question: str) -> frozenset[str]:
    """Return the relations that a question about a person, time or place asks for.

    Example:
        >>> asked_relation("Who designed the X300?"), asked_relation("How heavy is the X300?")
        (frozenset({'designing'}), frozenset())
    """
    text = question.strip()
    return relations_in(text) if _ASKS.search(simplified(text)) else frozenset()


def tells_another_relation(asked: frozenset[str], text: str) -> bool:
    """Return whether a text tells of another relation, and of none that is asked for.

    Example:
        >>> tells_another_relation(frozenset({"designing"}), "It was built by Halden Works.")
        True
        >>> tells_another_relation(frozenset({"designing"}), "Halden Works designed and built it.")
        False
    """
    told = relations_in(text) if asked else frozenset()
    return bool(told) and not told & asked and all(told & set(_OTHERS[a].split()) for a in asked)


def relations_in(text: str) -> frozenset[str]:
    """Return the relations whose verbs stand in a text.

    Example:
        >>> sorted(relations_in("It was built in 1998 and sold in 2004."))
        ['building', 'selling']
    """
    plain = simplified(text)
    return frozenset(name for name, pattern in _PATTERNS.items() if pattern.search(plain))
