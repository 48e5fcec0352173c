"""Whether a question's passages are ranked by the ranker."""

from rag.config import Config
from rag.errors import QuestionError
from rag.language.analysis import language_of
from rag.language.question_detection import is_question
from rag.models.selection import Roles, serving

NO_QUESTION = "not a question, and the ranker has learned from questions: not ranked"


def is_ranked(
    question: str, config: Config, roles: Roles, wanted: bool | None, *, asks: bool = False
) -> tuple[int, str | None]:
    """Return how many passages are ranked, 0 for none, and a note where a ranker is left out.

    A ranker that `rag train` made has learned from questions alone: keywords and statements stay in
    the order found, which it would worsen (benchmarks/README.md).

    Args:
        question: Its language and kind decide, if nothing else is asked for.
        config: How many.
        roles: The ranker, if there is one.
        wanted: What was asked for; None leaves it to the configuration.
        asks: Whether it is a question in any case.

    Raises:
        QuestionError: If ranking is asked for and there is no ranker.
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
