"""F1 overlap of two lists of tokens, shared by all answer scores."""

from collections import Counter
from collections.abc import Callable, Sequence


def best_over_golds(score: Callable[[str], float], golds: Sequence[str]) -> float:
    """Return the highest score over the gold answers.

    Args:
        score: Function of a gold answer, from 0 to 1.
        golds: Gold answers, at least one.

    Returns:
        A number from 0 to 1.

    Raises:
        ValueError: If `golds` is empty: a question without an answer needs SQuAD 2.0's rules.

    Example:
        >>> best_over_golds(lambda gold: gold == "b", ["a", "b"])
        1.0
    """
    if not golds:
        raise ValueError("`golds` is empty; only version 2.0 of SQuAD's scores allows that.")
    return float(max(map(score, golds)))


def bag_f1(predicted: Sequence[str], gold: Sequence[str]) -> float:
    r"""Return F1 of two multisets of tokens: $2 c / (|P| + |G|)$, c the size of their intersection.

    Args:
        predicted: Tokens of the prediction; may be empty.
        gold: Tokens of the gold answer; may be empty.

    Returns:
        A number from 0 to 1; 0 if either is empty.

    Example:
        >>> bag_f1(["a", "b"], ["b", "c"])
        0.5

    Reference:
        SQuAD evaluate-v1.1.py `f1_score`.
    """
    common = sum((Counter(predicted) & Counter(gold)).values())
    return 2 * common / (len(predicted) + len(gold)) if common else 0.0


def run_f1(predicted: Sequence[str], gold: Sequence[str]) -> float:
    r"""Return F1 by the longest common run of tokens: $2 l / (|P| + |G|)$, l its length.

    Arguments and range are those of `bag_f1`. Time grows with |P| |G|.

    Example:
        The longest common run is "a b": 2*2 / (3+4).

        >>> round(run_f1(["a", "b", "d"], ["a", "b", "c", "d"]), 4)
        0.5714

    Reference:
        cmrc2018_evaluate.py `find_lcs`.
    """
    longest, row = 0, [0] * (len(gold) + 1)
    for token in predicted:
        row = [0] + [row[i] + 1 if token == other else 0 for i, other in enumerate(gold)]
        longest = max(longest, *row)
    return 2 * longest / (len(predicted) + len(gold)) if longest else 0.0
