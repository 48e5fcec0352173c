"""Checks before a collection is asked: the question's form, and the embedder's fit."""

from collections.abc import Sequence

from rag.config import Config, Method
from rag.errors import MismatchError, QuestionError
from rag.models.embedder import Embedder
from rag.retrieval.query import Query
from rag.stores.contract import Store

LARGEST_TOP_K = 1000


def check_length(question: str, config: Config) -> None:
    """Check that a question has words, and not more than are read.

    Raises:
        QuestionError: If not.
    """
    longest = config.retrieval.max_question
    if not question.strip():
        raise QuestionError("the question is empty. Ask something.")
    if len(question) > longest:
        raise QuestionError(
            f"the question has {len(question):,} characters; at most {longest:,} are read "
            "(`retrieval.max_question`). Ask a shorter question, or index the text as a document."
        )


def check_question(query: Query, method: Method, top_k: int, *, methods: Sequence[str]) -> None:
    """Check that a question can be asked.

    Args:
        query: The question.
        method: The method that passages are to be found by.
        top_k: Most passages.
        methods: The methods that the collection can be asked by.

    Raises:
        QuestionError: If it cannot; says what is wrong.
    """
    if not 1 <= top_k <= LARGEST_TOP_K:
        raise QuestionError(f"top_k: expected 1 to {LARGEST_TOP_K} (got {top_k})")
    if method not in methods:
        raise QuestionError(f"method: expected one of {', '.join(methods)} (got {method})")
    if method == "bm25" and not query.tokens:
        raise QuestionError(
            f"`{query.question.strip()[:60]}` has only common words or signs, which bm25 does not "
            "index. Add a word that says what it is about, or use --method dense."
        )


def check_embedder(store: Store, embedder: Embedder | None, collection: str) -> None:
    """Check that an embedder is the one that a collection was made with; None always passes.

    Raises:
        MismatchError: If name, dimension or files differ; names both.
    """
    made = store.manifest
    if made is None or embedder is None:
        return
    files = embedder.files
    if (made.embedder, made.dimension) != (files.name, files.dimension):
        raise MismatchError(
            f"the collection `{collection}` was made with `{made.embedder}` ({made.dimension} "
            f"dimensions), but the configuration asks for `{files.name}` ({files.dimension}). Set "
            f"`embedder.model` back, or run `rag collections reembed {collection}`."
        )
    if made.embedder_sha256 != files.sha256:
        raise MismatchError(
            f"the collection `{collection}` was made with other files of `{made.embedder}` than "
            f"those in `{files.folder}`. Restore the model, or run `rag collections reembed "
            f"{collection}`."
        )
