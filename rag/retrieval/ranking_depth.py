"""Whether a question's passages are ranked by the ranker."""

from rag.config import Config
from rag.errors import QuestionError
from rag.language.question_detection import is_question
from rag.models.selection import Roles, serving
from rag.retrieval.query import Query

NO_QUESTION = "not a question, and the ranker has learned from questions: not ranked"


def ranking_depth(
    query: Query, config: Config, roles: Roles, wanted: bool | None
) -> tuple[int, str | None]:
    """Return how many passages are ranked, 0 for none, and a note where a ranker is left out.

    A ranker that `rag train` made has learned from questions alone: keywords and statements stay in
    the order found, which it would worsen (benchmarks/README.md).

    Args:
        query: Its language and kind decide, if nothing else is asked for.
        config: How many.
        roles: The ranker, if there is one.
        wanted: The caller's wish; None leaves it to the configuration.

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
    model = serving(roles.rankers, query.language)
    if wanted is None and model is None:
        serves = ", ".join(roles.rankers)
        return 0, f"question in `{query.language}`, ranker serves `{serves}`: not ranked"
    asks = query.asks or is_question(query.text)
    if wanted is None and model and model.files.own and not asks:
        return 0, NO_QUESTION
    return config.ranker.candidates, None
