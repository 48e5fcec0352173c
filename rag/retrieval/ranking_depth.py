"""Decision whether, and how deep, a question's passages are ranked."""

from rag.config import Config
from rag.errors import QuestionError
from rag.language.analysis import language_of
from rag.language.question_detection import is_question
from rag.models.selection import Roles, serving

NO_QUESTION = "not a question, and the ranker has learned from questions: not ranked"


def is_ranked(
    question: str, config: Config, roles: Roles, wanted: bool | None, *, asks: bool = False
) -> tuple[int, str | None]:
    """Return how many passages to rank, 0 for none, and a note if the ranker is skipped.

    A ranker trained with `rag train` has seen only questions: for keywords and statements the
    retrieval order is kept, which the ranker would worsen (benchmarks/README.md).

    Args:
        question: The question, whose language and kind decide by default.
        config: The configuration, for the number of candidates.
        roles: The models, with the ranker if there is one.
        wanted: The caller's choice; None leaves it to the configuration.
        asks: Whether to treat the text as a question in any case.

    Raises:
        QuestionError: If ranking is requested and there is no ranker.
    """
    if wanted and (not roles.rankers or config.ranker is None):
        raise QuestionError(
            "no ranker is configured. Set `ranker.model` in the configuration, or do not ask to "
            "rank."
        )
    if wanted is False or config.ranker is None or not roles.rankers:
        return 0, None
    language = language_of(question)
    model = serving(roles.rankers, language)
    if wanted is None and model is None:
        serves = ", ".join(roles.rankers)
        return 0, f"question in `{language}`, ranker serves `{serves}`: not ranked"
    if wanted is None and model and model.files.own and not (asks or is_question(question)):
        return 0, NO_QUESTION
    return config.ranker.candidates, None
