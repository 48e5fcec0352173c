"""Services shared by the page and the HTTP API: engines, conversations, answers and uploads.

No streamlit and no fastapi in here. All services are thread-safe. The owner is the first argument
of every call; see `owners`.

    owners.py         ids of owners
    database.py       the SQLite file of conversations, ratings and private collections
    engines.py        open collections, and models that are loaded once
    conversations.py  conversations and exchanges;  exports.py  as Markdown, as a question set
    jobs.py           answers in the background
    library.py        collections and documents;  names.py  untrusted file names
    uploads.py        indexing in the background
    runs.py           runs of `rag evaluate`: read, compare
    errors.py         errors that may be shown to people
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.config import Config, data_folder
from rag.config.paths import expanded
from rag.errors import RagError, UnwritableError
from rag.files import why_unwritable
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
    """The services of one installation; open them with `open_services`."""

    config: Config
    database: PeopleDatabase
    engines: Engines
    conversations: Conversations
    library: Library
    answers: AnswerJobs
    uploads: IndexJobs
    runs: Runs

    def limits(self) -> str | None:
        """Return what cannot be done where nothing can be written, in a sentence; else None."""
        home = self.library.uploads.parent
        reason = why_unwritable(home)
        if reason is None:
            return None
        return (
            f"Read only: `{home}` cannot be written ({reason}). Questions and search work; "
            "conversations and ratings are not kept, and nothing can be uploaded or indexed."
        )

    def close(self) -> None:
        """Stop running jobs, keep their partial results, and close all files."""
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
        before_step: Callable[[], None] = lambda: None,
    ) -> CombinedResult:
        """Return the passages for a question in collections that an owner may use.

        Arguments are those of `Engines.search`.

        Raises:
            NotFoundError: If a collection does not exist or belongs to another owner.
            QuestionError: If the question or the filter cannot be used.
        """
        for name in collections:
            self.library.check(owner, name)
        return self.engines.search(
            question, collections, options, read=read, before_step=before_step
        )

    def export_markdown(self, owner: str, conversation_id: str) -> str:
        """Return a conversation as Markdown with its sources.

        Raises:
            NotFoundError: If it does not exist or belongs to another owner.
        """
        conversation = self.conversations.get(owner, conversation_id)
        return as_markdown(conversation, self.conversations.exchanges(owner, conversation_id))

    def export_questions(self, owner: str) -> dict[str, Any]:
        """Return an owner's answers rated good as a question set for `rag evaluate`."""

        def text_of(collection: str, document_id: str) -> str:
            try:
                return self.library.text(owner, collection, document_id)
            except RagError:  # deleted, or no longer accessible
                return ""

        return as_questions(self.conversations.rated(owner), text_of)


def open_services(config: Config, *, home: Path | None = None, recover: bool = False) -> Services:
    """Return the services of an installation; models are loaded on first use.

    Args:
        config: The configuration.
        home: The data folder; None is the configured one.
        recover: Whether this process replaces one that served the page and has ended, so that its
            unfinished answers are marked as interrupted. Must be False for the API next to a page.

    Where nothing can be written, questions and search work; see `Services.limits`.

    Raises:
        StoreError: If the data folder cannot be used.
    """
    home = data_folder() if home is None else home
    database = PeopleDatabase(home / "people.db")
    engines = Engines(config)
    conversations = Conversations(database)
    if recover:
        with suppress(UnwritableError):  # nothing new can have been begun either
            conversations.mark_interrupted()
    library = Library(config, home, database, engines)
    answers = AnswerJobs(config, engines, conversations, library)
    return Services(
        config, database, engines, conversations, library, answers,
        IndexJobs(config, engines, library), Runs([expanded(config.server.runs), home / "runs"]),
    )  # fmt: skip
