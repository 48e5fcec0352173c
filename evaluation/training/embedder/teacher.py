"""Teacher scores: a ranker scores the texts of questions for the training of an embedder."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from evaluation.training.embedder.pairs import QuestionTexts, with_scores
from rag.config import Config
from rag.config.ranker import RankerConfig
from rag.config.reader import ReaderConfig
from rag.errors import ModelError
from rag.models.cross_encoder import RelevanceModel
from rag.models.selection import open_roles

SCORES_FILE = "teacher.json"


def open_teacher(name: str, device: str) -> RelevanceModel:
    """Return a ranker of this project or a cross-encoder, not loaded yet.

    Raises:
        ModelError: If it is missing or is no ranker.
    """
    ranker = RankerConfig(model=name, device=device, batch_size=32)
    config = Config(ranker=ranker, reader=ReaderConfig(kind="sentences"))
    teacher = next(iter(open_roles(config).rankers.values()), None)
    if teacher is None:
        raise ModelError(f"--teacher: `{name}` does not rank.")
    return teacher


def teach(
    asked: Sequence[QuestionTexts],
    teacher: RelevanceModel,
    *,
    folder: Path,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> list[QuestionTexts]:
    """Return the questions with the teacher's scores of their texts.

    Args:
        asked: Questions with their texts.
        teacher: The ranker.
        folder: Folder of the stored scores, which a resumed training reads.
        progress: Called after each question.

    Raises:
        ModelError: If the teacher cannot be loaded, or memory does not suffice.
        OSError: If the scores cannot be written.
    """
    path = folder / SCORES_FILE
    if path.is_file():
        rows = json.loads(path.read_text(encoding="utf-8"))
    else:
        rows = []
        for done, each in enumerate(asked, start=1):
            texts = [text.text for text in (*each.right, *each.wrong)]
            found = teacher.relevance(each.question, texts)
            rows.append([each.question, dict(zip(texts, found or (), strict=True))])
            progress(done, len(asked), "teacher")
        half = path.with_suffix(".part")
        half.write_text(json.dumps(rows), encoding="utf-8")
        half.replace(path)
    scores = {(question, text): value for question, row in rows for text, value in row.items()}
    return with_scores(asked, scores)
