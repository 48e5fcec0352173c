"""Answers for append-only clients: only checked sentences are sent."""

from collections.abc import Sequence

from rag.answers.citations import WrittenSentence, split_settled, tie_sentences
from rag.schema import Answer, Passage
from ui.api.chat_markdown import as_message, disarmed

CORRECTED = "This was not upheld when the whole answer was checked. Instead:"


class AppendOnlyAnswer:
    """The message of one answer, sentence by sentence as they are written, checked and cited.

    Nothing is sent before the first supported sentence: until then the answer may still turn out to
    be an abstention.
    """

    def __init__(self) -> None:
        self._settled: list[WrittenSentence] = []
        self._given = ""

    def more(self, written: str, passages: Sequence[Passage]) -> str:
        """Return the text that has become final since the last call; often empty.

        Args:
            written: The generator's text so far.
            passages: The passages it was given.
        """
        settled = split_settled(written)
        if settled == self._settled:
            return ""
        self._settled = settled
        cited = tie_sentences(settled, passages)
        text = disarmed(cited.text)
        if not cited.citations or not text.startswith(self._given):
            return ""
        piece, self._given = text[len(self._given) :], text
        return piece

    def rest(self, answer: Answer) -> str:
        """Return the remaining text of the finished answer."""
        text = as_message(answer)
        if text.startswith(self._given):
            return text[len(self._given) :]
        return f"\n\n{CORRECTED}\n\n{text}"
