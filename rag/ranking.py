"""Whether a question's passages are ranked by the ranker."""

from rag.config import Config
from rag.errors import QuestionError
from rag.roles import Roles, serving
from rag.text import language_of


def is_ranked(
    question: str, config: Config, roles: Roles, wanted: bool | None
) -> tuple[int, str | None]:
    """Return how many passages are ranked, 0 for none, and a note where a ranker is left out.

    Args:
        question: Its language decides, if nothing else is asked for.
        config: How many.
        roles: The ranker, if there is one.
        wanted: What was asked for; None leaves it to the configuration.

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
    if wanted is None and serving(roles.rankers, language) is None:
        serves = ", ".join(roles.rankers)
        return 0, f"question in `{language}`, ranker serves `{serves}`: not ranked"
    return config.ranker.candidates, None
