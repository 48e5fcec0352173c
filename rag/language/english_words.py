"""English words, to tell a word from a typing error and from the half of a word."""

from functools import cache
from importlib.resources import files


@cache
def english_words() -> frozenset[str]:
    """Return some 80,000 English words in small letters, from the list that symspellpy ships."""
    path = files("symspellpy") / "frequency_dictionary_en_82_765.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(line.partition(" ")[0] for line in lines)
