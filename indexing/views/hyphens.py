"""Words that were divided at a line's end: joined, or a real hyphen."""

import re

from rag.language.english_words import english_words

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LAST = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*$")
_FIRST = re.compile(r"[^\W\d_]+")
HYPHENS = "-\u2010\u00ad"


class Hyphens:
    """Decides for one document whether the hyphen at a line's end belongs to the word.

    Args:
        text: The document's text, whose words elsewhere tell how they are written.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._words: frozenset[str] | None = None

    def keeps(self, before: str, after: str) -> bool:
        """Return whether the hyphen stays between two lines.

        Args:
            before: A line that ends in a hyphen.
            after: The next line, which begins with a letter.

        Example:
            >>> some = Hyphens("The refrigerator is well-known.")
            >>> some.keeps("the refrig-", "erator"), some.keeps("a well-", "known thing")
            (False, True)
        """
        if before[-1] == "\u00ad":
            return False
        left, right = _LAST.search(before[:-1]), _FIRST.match(after)
        if left is None or right is None:
            return True
        first, second = left[0].casefold(), right[0].casefold()
        words = self._known()
        if first + second in words:
            return False
        if f"{first}-{second}" in words:
            return True
        english = english_words()
        if first + second in english:
            return False
        return "-" in first or (first in english and second in english)

    def _known(self) -> frozenset[str]:
        if self._words is None:
            self._words = frozenset(word.casefold() for word in _WORD.findall(self._text))
        return self._words
