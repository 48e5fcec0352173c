"""Loading of the configuration from a YAML file.

The first of these that exists is used: the path given, the environment variable `RAG_CONFIG`,
`./rag.yaml`, the defaults. `${NAME}` inside a value is replaced from the environment, for secrets
and hosts. Unknown keys and values out of range are errors, all reported at once. `null` is off.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rag.config.abstention import FORMER
from rag.config.paths import expanded
from rag.config.sections import Config
from rag.console import say
from rag.errors import ConfigError

_SIZE = "`reader.characters` sets how much is quoted"
_FORMER = {("reader", "sentences"): _SIZE, ("reader", "share"): _SIZE}


def load_config(path: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Config:
    """Return the configuration of a YAML file, or the defaults if there is no file.

    Args:
        path: The file; None uses `RAG_CONFIG`, then `./rag.yaml`.
        environ: Environment for `RAG_CONFIG` and `${NAME}`; None is the process's own.

    Raises:
        ConfigError: If a named file is missing, is not YAML, or a key or value in it is invalid;
            the message lists every problem by its dotted path.
    """
    environ = os.environ if environ is None else environ
    found = _find(path, environ)
    if found is None:
        return Config()
    content = _read(found)
    problems: list[str] = []
    content = _without_former_keys(found, _substitute(content, environ, "", problems))
    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        problems += [_explain(problem) for problem in error.errors()]
    else:
        _say_former_confidence(found, content, config)
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ConfigError("\n  ".join([f"`{found}` has {count}:", *problems]))
    return config


def data_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of all collections: `$RAG_HOME`, or `.rag` in the current folder."""
    environ = os.environ if environ is None else environ
    return expanded(environ.get("RAG_HOME") or ".rag")


def _find(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    if path is None and environ.get("RAG_CONFIG"):
        path = expanded(environ["RAG_CONFIG"])
    if path is None:
        here = Path("rag.yaml")
        return here if here.is_file() else None
    if not path.is_file():
        raise ConfigError(
            f"there is no configuration file `{path}`. Give an existing file with --config or "
            "RAG_CONFIG, or leave both out to use the defaults."
        )
    return path


def _read(path: Path) -> Any:  # noqa: ANN401 - YAML gives any shape
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"`{path}` cannot be read: {error}.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = getattr(error, "problem", None) or "it cannot be parsed"
        raise ConfigError(f"`{path}` is not valid YAML{where}: {reason}.") from None
    return {} if content is None else content


def _without_former_keys(path: Path, content: Any) -> Any:  # noqa: ANN401 - YAML gives any shape
    """Return a configuration without keys that something else has replaced; say which."""
    if not isinstance(content, dict):
        return content
    for (section, key), now in _FORMER.items():
        held = content.get(section)
        if isinstance(held, dict) and key in held:
            content = {**content, section: {k: v for k, v in held.items() if k != key}}
            say(f"`{path}`: `{section}.{key}` is not used any more; {now}.")
    return content


def _say_former_confidence(path: Path, content: Any, config: Config) -> None:  # noqa: ANN401
    held = content.get("abstention") if isinstance(content, dict) else None
    if isinstance(held, dict) and FORMER in held:
        now = f"`abstention.precision: {config.abstention.precision:.2f}`"
        say(f"`{path}`: `abstention.{FORMER}: {held[FORMER]}` is {now} now.")


def _substitute(
    value: Any,  # noqa: ANN401 - YAML gives any shape
    environ: Mapping[str, str],
    where: str,
    problems: list[str],
) -> Any:  # noqa: ANN401
    """Replace `${NAME}` in every string of a nested value."""
    if isinstance(value, dict):
        return {
            key: _substitute(item, environ, f"{where}.{key}".lstrip("."), problems)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_substitute(item, environ, where, problems) for item in value]
    if not isinstance(value, str):
        return value
    for name in _variables(value):
        if name not in environ:
            problems.append(f"{where}: the environment variable `{name}` is not set")
            continue
        value = value.replace("${" + name + "}", environ[name])
    return value


def _variables(text: str) -> Iterator[str]:
    yield from re.findall(r"\$\{(\w+)\}", text)


def _explain(problem: ErrorDetails) -> str:
    """Return one line for a problem: dotted path, expected and given value."""
    where = ".".join(map(str, problem["loc"])) or "the file"
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key{_suggest(problem['loc'])}"
    if problem["type"] == "value_error":
        return f"{where}: {problem['ctx']['error']}"
    if problem["type"] == "literal_error":
        return f"{where}: expected {problem['ctx']['expected']} (got {problem['input']!r})"
    if problem["type"] in ("model_type", "model_attributes_type"):
        return f"{where}: expected keys and values (got {problem['input']!r})"
    message = problem["msg"].replace("Input should be", "expected").replace("Field ", "")
    secret = where.endswith(("password", "api_key")) or "passwords" in map(str, problem["loc"])
    got = "" if problem["type"] == "missing" or secret else f" (got {problem['input']!r})"
    return f"{where}: {message}{got}"


def _suggest(location: tuple[int | str, ...]) -> str:
    """Return the nearest existing key, as a question, or an empty string."""
    section: Any = Config
    for key in location[:-1]:
        section = _section_type(section.model_fields[str(key)].annotation)
    near = difflib.get_close_matches(str(location[-1]), list(section.model_fields), 1, 0.6)
    near = near or [
        name for name in section.model_fields if name.replace("_", "") == str(location[-1])
    ]
    return f"; did you mean `{near[0]}`?" if near else ""


def _section_type(annotation: Any) -> Any:  # noqa: ANN401 - a type, or a union with None
    arguments = getattr(annotation, "__args__", ())
    return arguments[0] if arguments else annotation
