"""An answer for clients that cannot take back what they show: only what is checked is sent."""

from collections.abc import Sequence

from rag.answers.citations import settled, tie
from rag.schema import Answer, Passage
from ui.api.chat_markdown import as_message, disarmed

CORRECTED = "This was not upheld when the whole answer was checked. Instead:"


class AppendOnlyAnswer:
    """The message of one answer, sentence by sentence as they are written, checked and cited.

    Nothing is given out before the first sentence that a passage supports: until then the answer
    may still turn out to be none.
    """

    def __init__(self) -> None:
        self._settled = self._given = ""

    def more(self, written: str, passages: Sequence[Passage]) -> str:
        """Return what has become final since the last call; often nothing.

        Args:
            written: All that the generator wrote so far.
            passages: The passages that it saw.
        """
        ready = settled(written)
        if ready == self._settled:
            return ""
        self._settled = ready
        cited = tie(ready, passages)
        text = disarmed(cited.text)
        if not cited.citations or not text.startswith(self._given):
            return ""
        piece, self._given = text[len(self._given) :], text
        return piece

    def rest(self, answer: Answer) -> str:
        """Return what is left to say when the answer is finished."""
        text = as_message(answer)
        if text.startswith(self._given):
            return text[len(self._given) :]
        return f"\n\n{CORRECTED}\n\n{text}"
