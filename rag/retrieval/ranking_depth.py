"""Decision whether, and how deep, a question's passages are ranked."""

from rag.config import Config
from rag.errors import QuestionError
from rag.language.question_detection import is_question
from rag.models.selection import Roles, serving
from rag.retrieval.query import Query

NO_QUESTION = "not a question, and the ranker has learned from questions: not ranked"


def ranking_depth(
    query: Query, config: Config, roles: Roles, wanted: bool | None
) -> tuple[int, str | None]:
    """Return how many passages to rank, 0 for none, and a note if the ranker is skipped.

    A ranker trained with `rag train` has seen only questions: for keywords and statements the
    retrieval order is kept, which the ranker would worsen (benchmarks/README.md).

    Args:
        query: Its language and kind decide, if nothing else is asked for.
        config: How many.
        roles: The ranker, if there is one.
        wanted: The caller's wish; None leaves it to the configuration.

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
    model = serving(roles.rankers, query.language)
    if wanted is None and model is None:
        serves = ", ".join(roles.rankers)
        return 0, f"question in `{query.language}`, ranker serves `{serves}`: not ranked"
    asks = query.asks or is_question(query.as_read.text)
    if wanted is None and model and model.files.own and not asks:
        return 0, NO_QUESTION
    return config.ranker.candidates, None
