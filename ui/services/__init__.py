"""What the page and the HTTP API share: engines, conversations, answers and uploads in the making.

No streamlit and no fastapi in here. Everything may be used by many threads at once. Owners come
first in every call; see `owners`.

    owners.py         who something belongs to
    database.py       the SQLite file for what people say and own
    engines.py        collections opened for questions, models loaded once
    conversations.py  conversations and exchanges;  exports.py  as Markdown, as a question set
    jobs.py           answers made in the background
    library.py        collections and documents;  names.py  file names from outside
    uploads.py        indexing in the background
    runs.py           runs of `rag evaluate`, read and compared
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.config import Config, data_folder
from rag.errors import RagError
from rag.schema import AS_CONFIGURED, SearchOptions
from ui.services.conversations import Conversations
from ui.services.database import PeopleDatabase
from ui.services.engines import CombinedResult, Engines
from ui.services.exports import as_markdown, as_questions
from ui.services.jobs import AnswerJobs
from ui.services.library import Library
from ui.services.runs import Runs
from ui.services.uploads import IndexJobs


@dataclass(frozen=True)
class Services:
    """All of it, for one installation; open it with `open_services`."""

    config: Config
    database: PeopleDatabase
    engines: Engines
    conversations: Conversations
    library: Library
    answers: AnswerJobs
    uploads: IndexJobs
    runs: Runs

    def close(self) -> None:
        """Stop what is being made, keep what there is of it, and close all files."""
        self.answers.close()
        self.uploads.close()
        self.engines.close()
        self.database.close()

    def search(
        self,
        owner: str,
        question: str,
        collections: Sequence[str],
        options: SearchOptions = AS_CONFIGURED,
        *,
        read: bool = True,
    ) -> CombinedResult:
        """Return the passages for a question in collections that somebody may use.

        Arguments are those of `Engines.search`.

        Raises:
            NotFoundError: If one of them is not there or not theirs.
            QuestionError: If the question or the filter cannot be used.
        """
        for name in collections:
            self.library.check(owner, name)
        return self.engines.search(question, collections, options, read=read)

    def export_markdown(self, owner: str, conversation_id: str) -> str:
        """Return a conversation as Markdown with its sources.

        Raises:
            NotFoundError: If it is not there or not theirs.
        """
        conversation = self.conversations.get(owner, conversation_id)
        return as_markdown(conversation, self.conversations.exchanges(owner, conversation_id))

    def export_questions(self, owner: str) -> dict[str, Any]:
        """Return what somebody rated good as a question set that `rag evaluate` reads."""

        def text_of(collection: str, document_id: str) -> str:
            try:
                return self.library.text(owner, collection, document_id)
            except RagError:  # gone, or not theirs any more
                return ""

        return as_questions(self.conversations.rated(owner), text_of)


def open_services(config: Config, *, home: Path | None = None, recover: bool = False) -> Services:
    """Return the services of an installation; models are loaded when they are first needed.

    Args:
        config: The configuration.
        home: The data folder; None is the configured one.
        recover: Whether this process takes over from one that served the page and is gone: what
            it was answering is marked as interrupted. The API beside a page must not.

    Raises:
        StoreError: If the data folder cannot be used.
    """
    home = data_folder() if home is None else home
    database = PeopleDatabase(home / "people.db")
    engines = Engines(config)
    conversations = Conversations(database)
    if recover:
        conversations.mark_interrupted()
    library = Library(config, home, database, engines)
    answers = AnswerJobs(config, engines, conversations, library)
    return Services(
        config, database, engines, conversations, library, answers,
        IndexJobs(config, engines, library), Runs([Path(config.server.runs), home / "runs"]),
    )  # fmt: skip
