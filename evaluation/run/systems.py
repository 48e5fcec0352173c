"""Systems to compare: a name and the configuration keys in which a system differs.

The names `bm25`, `dense` and `hybrid` are retrieval methods over the run's configuration, without
its ranker; `hybrid+rank` has it. A YAML file defines others:

    few: {retrieval.top_k: 3}
    by words: {retrieval.method: bm25, fusion.k: 10}
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rag.config import Config
from rag.config.paths import expanded
from rag.errors import ConfigError

METHODS = ("bm25", "dense", "hybrid")


@dataclass(frozen=True)
class System:
    """A named configuration.

    Attributes:
        name: Name in tables.
        overrides: Dotted key -> value, where it differs from the run's configuration.
        config: The whole configuration.
    """

    name: str
    overrides: Mapping[str, Any]
    config: Config

    @property
    def needs_vectors(self) -> bool:
        """Whether passages need vectors."""
        return self.config.retrieval.method != "bm25"


def resolve_systems(text: str, base: Config) -> list[System]:
    """Return the systems of a comma-separated list, or of a YAML file.

    Args:
        text: Names of methods, or the path of a file (ending in .yaml or .yml).
        base: Configuration that the systems override.

    Raises:
        ConfigError: If a name is unknown or repeated, or an override is invalid.
    """
    if text.endswith((".yaml", ".yml")):
        named = _read_file(expanded(text))
    else:
        names = [name.strip() for name in text.split(",") if name.strip()]
        named = [(name, _method(name, base)) for name in names]
    if not named:
        raise ConfigError("--systems: expected bm25, dense, hybrid or a YAML file (got nothing)")
    repeated = [name for name, _ in named if [other for other, _ in named].count(name) > 1]
    if repeated:
        raise ConfigError(f"--systems: `{repeated[0]}` comes twice")
    return [System(name, keys, override(base, keys, where=name)) for name, keys in named]


def sweep_systems(over: Sequence[str], base: Config) -> list[System]:
    """Return one system for each combination of values.

    Args:
        over: Items of the form `key=value,value`, such as `retrieval.top_k=3,5`.
        base: Configuration that the systems override.

    Raises:
        ConfigError: If an item has another form, or a key or value is invalid.

    Example:
        >>> [system.name for system in sweep_systems(["retrieval.top_k=3,5"], Config())]
        ['top_k=3', 'top_k=5']
    """
    axes = []
    for each in over:
        key, equals, values = each.partition("=")
        if not (key and equals and values):
            raise ConfigError(f"--over: expected key=value,value (got {each!r})")
        axes.append([(key, yaml.safe_load(value)) for value in values.split(",")])
    systems = []
    for combination in itertools.product(*axes):
        name = " ".join(f"{key.rpartition('.')[2]}={value}" for key, value in combination)
        keys = dict(combination)
        systems.append(System(name, keys, override(base, keys, where=name)))
    return systems


def override(base: Config, keys: Mapping[str, Any], *, where: str) -> Config:
    """Return a configuration with some dotted keys set to other values.

    Raises:
        ConfigError: If a key or value is invalid; lists all of them.

    Example:
        >>> override(Config(), {"retrieval.top_k": 3}, where="few").retrieval.top_k
        3
    """
    whole: dict[str, Any] = base.model_dump()
    content = base.model_dump(exclude_unset=True)  # what follows from other keys may change
    for key, value in keys.items():
        section, _, last = key.rpartition(".")
        place, known = content, whole
        for part in section.split(".") if section else ():
            if not isinstance(known.get(part), dict):
                raise ConfigError(f"the system `{where}`: {key}: unknown key")
            known = known[part]
            place = place.setdefault(part, {})
        place[last] = value
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        problems = [_explain(problem) for problem in error.errors()]
        raise ConfigError("\n  ".join([f"the system `{where}`:", *problems])) from None


def _explain(problem: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    where = ".".join(map(str, problem["loc"])) or "the configuration"
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key"
    message = problem["msg"].replace("Input should be", "expected").removeprefix("Value error, ")
    return f"{where}: {message} (got {problem['input']!r:.60})"


def _method(name: str, base: Config) -> dict[str, Any]:
    method, plus, rest = name.partition("+")
    if method not in METHODS or (plus and rest != "rank"):
        raise ConfigError(
            f"there is no system `{name}`: expected {', '.join(METHODS)}, one of them with +rank, "
            "or a YAML file of named overrides"
        )
    if not plus:
        return {"retrieval.method": method} | ({"ranker": None} if base.ranker else {})
    if base.ranker is None:
        raise ConfigError(
            f"the system `{name}`: no ranker is configured. Set `ranker.model` in the configuration"
        )
    return {"retrieval.method": method, "ranker": base.ranker.model_dump(mode="json")}


def _read_file(path: Path) -> list[tuple[str, dict[str, Any]]]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"`{path}` cannot be read: {error}.") from None
    if not isinstance(content, dict):
        raise ConfigError(f"`{path}`: expected names with overrides (got {content!r:.60})")
    named = []
    for name, keys in content.items():
        if keys is not None and not isinstance(keys, dict):
            raise ConfigError(f"`{path}`: {name}: expected keys and values (got {keys!r:.60})")
        named.append((str(name), _flat(keys or {})))
    return named


def _flat(keys: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Return nested sections as dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in keys.items():
        if isinstance(value, dict) and f"{above}{key}" not in ("generator", "ranker"):
            flat |= _flat(value, f"{above}{key}.")
        else:
            flat[f"{above}{key}"] = value
    return flat
