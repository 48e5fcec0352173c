"""Scores of answers in other languages: CMRC 2018 for Chinese, MLQA for seven languages.

Both follow the official scripts. For Chinese, report CMRC's numbers, which are comparable with
published ones, and MLQA's F1. The best gold counts; values are from 0 to 1; `golds` must not be
empty. CMRC's F1 is the lower one, as it takes the longest common run, not the bag of tokens.
"""

import re
import string
import unicodedata
from collections.abc import Sequence

from evaluation.metrics.overlap import bag_f1, best_over_golds, run_f1

_MLQA_ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "ar": "ال",  # anywhere in a word, as the script does
    "zh": r"(?!)",
    "hi": r"(?!)",
}
_HAN = "\u4e00-\u9fa5"
# The script lists '……' too, but compares single characters: '…' stays.
_CMRC_PUNCTUATION = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
_OPENING_QUOTE = re.compile(r'(?:^|(?<=[ (\[{<]))"')
_LATIN_TOKEN_BORDERS = re.compile(
    r"""\.{2,} | `` | '' | [;@#$%&?!()\[\]{}<>«»‘„\u2012-\u2015] | ,(?!\d) | \.(?=[\])}>"'\s]*$)
    | (?:n't|'s|'m|'d|'ll|'re|'ve)(?!\w) | '(?!\w) | (?<!\w)'""",
    re.VERBOSE,
)


def normalize_mlqa(text: str, language: str) -> str:
    """Return an answer in lower case, without Unicode punctuation and the language's articles.

    Args:
        text: Any text.
        language: Language of the answer: "en", "es", "de", "vi", "ar", "zh" or "hi". In "zh" each
            character from U+4E00 to U+9FA5 becomes a token, the rest is split at spaces.

    Returns:
        Tokens joined by single spaces.

    Raises:
        ValueError: If the language is not one of the seven.

    Example:
        >>> normalize_mlqa("《红楼梦》 1791年", "zh")
        '红 楼 梦 1791 年'

    Reference:
        Lewis et al. (2020), ACL; mlqa_evaluation_v1.py `normalize_answer`.
    """
    if language not in _MLQA_ARTICLES:
        raise ValueError(f"`language` must be one of {list(_MLQA_ARTICLES)}, got {language!r}.")
    kept = "".join(char for char in text.lower() if not _is_punctuation(char))
    kept = re.sub(_MLQA_ARTICLES[language], " ", kept)
    return " ".join((re.sub(f"([{_HAN}])", r" \1 ", kept) if language == "zh" else kept).split())


def mlqa_f1(prediction: str, golds: Sequence[str], language: str) -> float:
    """Return token F1 against the best gold after `normalize_mlqa`; 0 if a side has no token.

    Example:
        Two characters of 北京 and three of 北京市 share two: 2*2 / (2+3).

        >>> mlqa_f1("北京", ["北京市"], "zh")
        0.8

    Reference:
        mlqa_evaluation_v1.py `f1_score`.
    """
    tokens = normalize_mlqa(prediction, language).split()
    return best_over_golds(
        lambda gold: bag_f1(tokens, normalize_mlqa(gold, language).split()), golds
    )


def segment_cmrc(text: str) -> list[str]:
    """Return the tokens of a Chinese answer: each Chinese character, and the words in between.

    In lower case and without the script's punctuation list, which lacks the ASCII comma, period,
    ? ! and parentheses; a listed mark inside a number disappears (100，000 is 100000).

    The script passes the text in between to `nltk.word_tokenize(preserve_line=True)`. Here it is
    split at spaces and around: `"`, which becomes two backticks at the start or behind a space or
    opening bracket, else two apostrophes; runs of periods; `; @ # $ % & ? ! ( ) [ ] { } < >`,
    guillemets, ‘ and dashes; a comma without a digit behind it; the final period;
    `n't 's 'm 'd 'll 're 've`; an apostrophe at either end of a word. Not copied: contractions
    (cannot -> can not, gonna -> gon na) and doubled quotation marks. On the 46,633 such parts of
    the CMRC 2018 train and trial sets, nltk 3.10 gives other tokens for 55 (0.12 %).

    Args:
        text: Any text; may be empty.

    Returns:
        Tokens in order, punctuation outside the list included.

    Example:
        >>> segment_cmrc("1990年，BBC News, 伦敦")
        ['1990', '年', 'bbc', 'news', ',', '伦', '敦']

    Reference:
        cmrc2018_evaluate.py `mixed_segmentation(rm_punc=True)`; nltk `NLTKWordTokenizer`.
    """
    tokens: list[str] = []
    for part in re.split(f"([{_HAN}])", _without_cmrc_punctuation(text)):
        quoted = _OPENING_QUOTE.sub("``", part).replace('"', "''")
        tokens += _LATIN_TOKEN_BORDERS.sub(r" \g<0> ", quoted).split()
    return tokens


def cmrc_exact_match(prediction: str, golds: Sequence[str]) -> float:
    """Return 1 if the prediction equals a gold answer in lower case without punctuation, else 0.

    Example:
        >>> cmrc_exact_match("红楼梦", ["《红楼梦》"])
        1.0

    Reference:
        Cui et al. (2019), EMNLP; cmrc2018_evaluate.py `calc_em_score`.
    """
    normal = _without_cmrc_punctuation(prediction)
    return best_over_golds(lambda gold: _without_cmrc_punctuation(gold) == normal, golds)


def cmrc_f1(prediction: str, golds: Sequence[str]) -> float:
    """Return F1 of the longest contiguous run of tokens shared by prediction and best gold.

    0 if a side has no token, even if the exact match is 1.

    Example:
        张三李四 (4) and 张三和李四 (5) share a run of two: 2*2 / (4+5).

        >>> round(cmrc_f1("张三李四", ["张三和李四"]), 4)
        0.4444

    Reference:
        cmrc2018_evaluate.py `calc_f1_score`, `find_lcs`.
    """
    tokens = segment_cmrc(prediction)
    return best_over_golds(lambda gold: run_f1(tokens, segment_cmrc(gold)), golds)


def _without_cmrc_punctuation(text: str) -> str:
    return "".join(char for char in text.lower().strip() if char not in _CMRC_PUNCTUATION)


def _is_punctuation(char: str) -> bool:
    return char in string.punctuation or unicodedata.category(char).startswith("P")
