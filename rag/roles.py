"""The models that read a question together with passages: the ranker's and the reader's."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.config import Config
from rag.errors import ModelError

if TYPE_CHECKING:
    from rag.pair_model import PairModel
    from rag.rankers import RelevanceModel


@dataclass(frozen=True)
class Roles:
    """Models for the roles beside embedder and generator; None is off.

    Attributes:
        ranker: Ranks passages.
        reader: Finds spans; without one, sentences are looked for.
    """

    ranker: "RelevanceModel | None" = None
    reader: "PairModel | None" = None

    def warm_up(self) -> None:
        """Load them now."""
        if self.ranker is not None:
            self.ranker.warm_up()
        if self.reader is not None:
            self.reader.warm_up()


def open_roles(config: Config) -> Roles:
    """Return the configured models, not loaded yet.

    A joint reader-ranker that is configured for both is one model, and reads a passage once.

    Raises:
        ModelError: If one is missing or has not the head for its role; says which, and what to do.
    """
    ranker = _ranker(config)
    return Roles(ranker, _reader(config, ranker))


def _ranker(config: Config) -> "RelevanceModel | None":
    settings = config.ranker
    if settings is None:
        return None
    from rag.models import find_model
    from rag.pair_model import PairModel
    from rag.rankers import CrossEncoderModel

    if not find_model(settings.model, setting="ranker.model").own:
        return CrossEncoderModel(settings)
    model = PairModel(
        settings.model,
        setting="ranker.model",
        device=settings.device,
        dtype=settings.dtype,
        batch_size=settings.batch_size,
    )
    if not model.ranks:
        raise ModelError(f"`{settings.model}` does not rank: set `ranker.model` to one that does.")
    return model


def _reader(config: Config, ranker: "RelevanceModel | None") -> "PairModel | None":
    settings = config.reader
    if settings.kind != "spans" or settings.model is None:
        return None
    from rag.pair_model import PairModel

    if isinstance(ranker, PairModel) and config.ranker is not None:
        same = ("model", "device", "dtype")
        if all(getattr(settings, name) == getattr(config.ranker, name) for name in same):
            return _reads(ranker)
    model = PairModel(
        settings.model,
        setting="reader.model",
        device=settings.device,
        dtype=settings.dtype,
        batch_size=settings.batch_size,
    )
    return _reads(model)


def _reads(model: "PairModel") -> "PairModel":
    if not model.reads:
        raise ModelError(
            f"`{model.files.name}` only ranks: set `reader.model` to one that finds answers."
        )
    return model
