"""Exceptions that this project raises on purpose.

RagError
├── ConfigError       the configuration cannot be used
├── QuestionError     a question or filter cannot be asked
│   └── UnknownFieldError  a filter names a field that there is not
├── CollectionError   a collection is missing, or its name cannot be used
├── StoreError        a store cannot be read or written
│   ├── LockedError   another process is writing
│   ├── MismatchError the collection was made with other settings
│   ├── StaleError    the generation asked for is gone
│   ├── UnwritableError  nothing can be written: the disk is full, or the folder read-only
│   └── UnavailableError  the store's server does not answer now
├── ModelError        a model cannot be found, loaded or run
├── SourceError       the paths given cannot be indexed at all
└── DatasetError      an evaluation data set is malformed

A message shows the value, says what was expected and what to do next, and fits on one line unless
it lists several problems. `ValueError` and `TypeError` are for a programmer's misuse.
"""


def first_line(error: BaseException) -> str:
    r"""Return the first line of an error's message, or the name of its class if there is none.

    Example:
        >>> first_line(OSError("no space\nat all")), first_line(KeyError())
        ('no space', 'KeyError')
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class RagError(Exception):
    """Base of all expected failures; the command line prints its message without a traceback."""


class ConfigError(RagError):
    """The configuration cannot be used."""


class QuestionError(RagError):
    """A question or a filter cannot be asked."""


class UnknownFieldError(QuestionError):
    """A filter names a field that no passage of the collection has."""


class CollectionError(RagError):
    """A collection is missing, or its name cannot be used."""


class StoreError(RagError):
    """A store cannot be read or written."""


class LockedError(StoreError):
    """Another process is writing to the collection."""


class MismatchError(StoreError):
    """The collection was made with settings that differ from the current ones."""


class StaleError(StoreError):
    """The generation asked for is gone; ask again without naming one."""


class UnwritableError(StoreError):
    """Nothing can be written: the disk is full, or the folder read-only; reading may go on."""


class UnavailableError(StoreError):
    """The store's server does not answer now; the same request may work later."""


class ModelError(RagError):
    """A model cannot be found, loaded or run."""


class SourceError(RagError):
    """The paths given cannot be indexed at all."""


class DatasetError(RagError):
    """An evaluation data set is malformed."""
