"""Selection of the models of ranker and reader."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from rag.config import Config
from rag.config.ranker import RankerConfig
from rag.config.reader import ReaderConfig
from rag.errors import ModelError
from rag.models.default_models import AUTO, languages_of, model_for
from rag.models.model_files import ModelFiles, find_model

if TYPE_CHECKING:
    from rag.models.cross_encoder import RelevanceModel
    from rag.models.pair_model import PairModel

Model = TypeVar("Model")


@dataclass(frozen=True)
class Roles:
    """Models of the roles beside embedder and generator; an empty mapping is off.

    Attributes:
        rankers: Language of the question -> model that ranks passages.
        readers: Language of the question -> model that finds spans; others get sentences.
    """

    rankers: "Mapping[str, RelevanceModel]" = field(default_factory=dict)
    readers: "Mapping[str, PairModel]" = field(default_factory=dict)

    def warm_up(self) -> None:
        """Load the models now."""
        for model in {id(each): each for each in self._all()}.values():
            model.warm_up()

    def forget(self) -> None:
        """Clear the cached results of the models that keep some."""
        for model in self._all():
            if hasattr(model, "forget"):
                model.forget()

    def _all(self) -> Iterator[Any]:
        yield from self.rankers.values()
        yield from self.readers.values()


def serving(models: Mapping[str, Model], language: str) -> Model | None:
    """Return the model for a language; the first one if unknown (""); None if no model serves it.

    Example:
        >>> serving({"en": 1, "zh": 2}, "zh"), serving({"en": 1}, ""), serving({"en": 1}, "ru")
        (2, 1, None)
    """
    return models.get(language) if language else next(iter(models.values()), None)


def open_roles(config: Config) -> Roles:
    """Return the configured models, not loaded yet.

    A joint reader-ranker that is configured for both roles is one model, and reads a passage once.

    Raises:
        ModelError: If one is missing or lacks the head for its role; says which, and what to do.
    """
    pairs = _PairModels()
    return Roles(_rankers(config.ranker, pairs), _readers(config.reader, pairs))


class _PairModels:
    """Pair models, each created once."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, ...], PairModel] = {}

    def get(self, name: str, settings: RankerConfig | ReaderConfig, setting: str) -> "PairModel":
        from rag.models.pair_model import PairModel

        key = (name, settings.runtime, settings.device, settings.dtype)
        if key not in self._made:
            self._made[key] = PairModel(
                name,
                setting=setting,
                runtime=settings.runtime,
                device=settings.device,
                dtype=settings.dtype,
                batch_size=settings.batch_size,
            )
        return self._made[key]


def _rankers(settings: RankerConfig | None, pairs: _PairModels) -> "dict[str, RelevanceModel]":
    if settings is None:
        return {}
    if settings.model != AUTO:
        files = find_model(settings.model, setting="ranker.model")
        model = _ranker(settings.model, settings, files, pairs)
        return dict.fromkeys(served_by(files, settings.languages), model)
    found: dict[str, RelevanceModel] = {}
    for language in languages_of("ranker"):
        name = model_for("ranker", language)
        if name is not None:
            files = find_model(name, setting="ranker.model")
            found[language] = _ranker(name, settings, files, pairs)
    return found


def _ranker(
    name: str, settings: RankerConfig, files: ModelFiles, pairs: _PairModels
) -> "RelevanceModel":
    from rag.models.cross_encoder import CrossEncoderModel

    if not files.own:
        return CrossEncoderModel(settings)
    model = pairs.get(name, settings, "ranker.model")
    if not model.ranks:
        raise ModelError(f"`{name}` does not rank: set `ranker.model` to one that does.")
    return model


def _readers(settings: ReaderConfig, pairs: _PairModels) -> "dict[str, PairModel]":
    if settings.kind != "spans":
        return {}
    if settings.model != AUTO:
        model = _reader(settings.model, settings, pairs)
        return dict.fromkeys(served_by(model.files, settings.languages), model)
    names = {language: model_for("reader", language) for language in languages_of("reader")}
    return {language: _reader(name, settings, pairs) for language, name in names.items() if name}


def _reader(name: str, settings: ReaderConfig, pairs: _PairModels) -> "PairModel":
    model = pairs.get(name, settings, "reader.model")
    if not model.reads:
        raise ModelError(f"`{name}` only ranks: set `reader.model` to one that finds answers.")
    return model


def served_by(files: ModelFiles, languages: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the languages that a model serves: as configured, as it declares, or English."""
    return languages or tuple(files.own.get("languages") or ()) or ("en",)
