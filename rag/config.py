"""The configuration: one frozen value, read once at the edge and passed down.

Where it comes from, first found wins: the path given, the environment variable `RAG_CONFIG`,
`./rag.yaml`, the defaults. `${NAME}` inside a value is replaced from the environment, for secrets
and hosts. Unknown keys and values out of range are errors, all reported at once. `null` is off.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from rag.elasticsearch_config import ElasticsearchConfig
from rag.errors import ConfigError
from rag.ranker_config import RankerConfig
from rag.reader_config import ReaderConfig
from rag.section import Section

Method = Literal["bm25", "dense", "hybrid"]


class StoreConfig(Section):
    """Where passages are kept.

    Attributes:
        kind: `embedded`: one folder per collection, no server; or `elasticsearch`: a cluster.
        bm25: `tantivy`, or `rank-bm25`, the slow reference for small collections.
        exact_limit: Up to this many passages dense search is exact; above, an HNSW graph.
        graph_search: Breadth of the HNSW search (efSearch): more finds more and takes longer.
        rebuild_share: A derived index is rebuilt when this share of it is new or removed.
        elasticsearch: The cluster, for that kind. Of the settings above, `exact_limit`,
            `graph_search` and `rebuild_share` count there too where FAISS searches.
    """

    kind: Literal["embedded", "elasticsearch"] = "embedded"
    bm25: Literal["tantivy", "rank-bm25"] = "tantivy"
    exact_limit: int = Field(default=50_000, ge=0)
    graph_search: int = Field(default=160, ge=16, le=4096)
    rebuild_share: float = Field(default=0.2, gt=0, le=1)
    elasticsearch: ElasticsearchConfig = ElasticsearchConfig()


class ConversionConfig(Section):
    """Limits for reading one file; a file that passes them is listed as failed.

    Attributes:
        seconds: Longest time for one file.
        memory_mb: Most memory of the process that reads files.
        max_file_mb: Largest file that is read.
    """

    seconds: float = Field(default=30, gt=0)
    memory_mb: int = Field(default=2048, ge=256)
    max_file_mb: int = Field(default=200, ge=1)


class ChunkingConfig(Section):
    """How documents are cut into passages, in tokens of the embedder's own tokenizer.

    Attributes:
        length: Most tokens in a passage; never more than the embedder reads.
        overlap: Tokens repeated from the end of the passage before; less than `length`.
        context: Put title and heading path in front of the text that is embedded.
    """

    length: int = Field(default=192, ge=16)
    overlap: int = Field(default=32, ge=0)
    context: bool = True

    @model_validator(mode="after")
    def _overlap_is_shorter(self) -> Self:
        if self.overlap >= self.length:
            raise ValueError(f"`overlap` ({self.overlap}) must be less than `length`")
        return self


class EmbedderConfig(Section):
    """The model that turns text into vectors.

    Attributes:
        model: `auto`, by the language of the documents one that was trained here or comes with
            this package; or a hub name, a folder, or the name of a model that a package ships.
        languages: The languages it serves; for a question in another one bm25 leads. None is what
            the model says of itself, or English.
        device: `auto` takes a GPU if there is one.
        dtype: `auto` is bfloat16 where the processor has it, else float32.
        batch_size: Passages encoded at once.
    """

    model: str = "auto"
    languages: tuple[str, ...] | None = None
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: int = Field(default=32, ge=1, le=4096)


class RetrievalConfig(Section):
    """How passages are found for a question.

    Attributes:
        method: `bm25`, `dense`, or `hybrid` (both, joined by reciprocal rank fusion).
        top_k: Passages that a search returns and an answer is made from.
        candidates: Passages that each retriever hands to the fusion.
        title_weight: Weight of the title and heading field beside the text in bm25.
        max_question: Longest question, in characters.
    """

    method: Method = "hybrid"
    top_k: int = Field(default=5, ge=1, le=1000)
    candidates: int = Field(default=50, ge=1, le=10_000)
    title_weight: float = Field(default=0.3, ge=0)
    max_question: int = Field(default=2000, ge=1)


class FusionConfig(Section):
    """Weighted reciprocal rank fusion: the sum over methods of weight / (k + rank).

    Attributes:
        k: How slowly the weight falls with the rank.
        bm25: Weight of the bm25 ranking.
        dense: Weight of the dense ranking.
        dense_foreign: Weight of the dense ranking for a question in a language that the
            embedder does not serve.
    """

    k: int = Field(default=60, ge=1)
    bm25: float = Field(default=1.0, ge=0)
    dense: float = Field(default=1.0, ge=0)
    dense_foreign: float = Field(default=0.001, ge=0)


class AbstentionConfig(Section):
    """When to decline.

    Attributes:
        confidence: Below this probability of being right no answer is given; 0 always answers.
    """

    confidence: float = Field(default=0.1, ge=0, le=1)


class GeneratorConfig(Section):
    """A language model that writes the answer from the passages; none by default.

    Attributes:
        kind: `gguf` (a local file), `transformers` (a local folder or hub name), or `openai`
            (any server that speaks the OpenAI API).
        model: Path, folder or model name.
        base_url: Address of the server, for `openai`.
        api_key: Key of the server; write `${NAME}` to take it from the environment.
        insecure: Allow plain http to another machine, with the key readable on the way.
        context: Most tokens that a local model reads and writes together.
        max_tokens: Most tokens in an answer.
        temperature: 0 always takes the likeliest word.
        timeout: Seconds to wait for a server.
    """

    kind: Literal["gguf", "transformers", "openai"]
    model: str
    base_url: str | None = None
    api_key: SecretStr | None = None
    insecure: bool = False
    context: int = Field(default=4096, ge=512)
    max_tokens: int = Field(default=300, ge=1)
    temperature: float = Field(default=0.0, ge=0, le=2)
    timeout: float = Field(default=60, gt=0)


class ServerConfig(Section):
    """The page (`rag ui`) and the HTTP API (`rag serve`).

    Attributes:
        address: Where they listen; beyond this machine the API needs `api_key`.
        port: Of the page.
        api_port: Of the API.
        api_key: What clients of the API must send; write `${NAME}` to take it from the environment.
        allowed_hosts: Names under which a browser may ask for the page or the API.
        workers: Answers made at the same time.
        queue: Answers that may wait; beyond, people are asked to try again.
        per_owner: Answers that one person may have running or waiting.
        answer_seconds: Longest time for one answer.
        max_upload_mb: Largest file that may be uploaded.
        max_files: Most files in one upload.
        max_request_mb: Most that one upload to the API may hold in all.
        requests_per_minute: Most requests of one client of the API.
        runs: Folder with the runs of `rag evaluate`, below where we stand.
    """

    address: str = "127.0.0.1"
    port: int = Field(default=8501, ge=0, le=65535)
    api_port: int = Field(default=8000, ge=0, le=65535)
    api_key: SecretStr | None = None
    allowed_hosts: tuple[str, ...] = ("localhost", "127.0.0.1")
    workers: int = Field(default=4, ge=1, le=64)
    queue: int = Field(default=32, ge=1, le=10_000)
    per_owner: int = Field(default=2, ge=1, le=64)
    answer_seconds: float = Field(default=120, gt=0)
    max_upload_mb: int = Field(default=20, ge=1, le=1024)
    max_files: int = Field(default=50, ge=1, le=1000)
    max_request_mb: int = Field(default=100, ge=1, le=4096)
    requests_per_minute: int = Field(default=120, ge=1)
    runs: str = "runs"


class Config(Section):
    """Everything that can be set; `Config()` is the documented default."""

    store: StoreConfig = StoreConfig()
    conversion: ConversionConfig = ConversionConfig()
    chunking: ChunkingConfig = ChunkingConfig()
    embedder: EmbedderConfig = EmbedderConfig()
    retrieval: RetrievalConfig = RetrievalConfig()
    fusion: FusionConfig = FusionConfig()
    ranker: RankerConfig | None = RankerConfig()
    reader: ReaderConfig = ReaderConfig()
    generator: GeneratorConfig | None = None
    abstention: AbstentionConfig = AbstentionConfig()
    server: ServerConfig = ServerConfig()


def load_config(path: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Config:
    """Return the configuration of a YAML file, or the defaults if there is no file.

    Args:
        path: The file; None looks at `RAG_CONFIG` and then at `./rag.yaml`.
        environ: Where `RAG_CONFIG` and `${NAME}` are looked up; None is the process's own.

    Raises:
        ConfigError: If a named file is missing, is not YAML, or a key or value in it cannot be
            used; the message lists every problem by its dotted path.
    """
    environ = os.environ if environ is None else environ
    found = _find(path, environ)
    if found is None:
        return Config()
    content = _read(found)
    problems: list[str] = []
    content = _substitute(content, environ, "", problems)
    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        problems += [_explain(problem) for problem in error.errors()]
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ConfigError("\n  ".join([f"`{found}` has {count}:", *problems]))
    return config


def data_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder that holds all collections: `$RAG_HOME`, or `.rag` where we stand."""
    environ = os.environ if environ is None else environ
    return Path(environ.get("RAG_HOME") or ".rag")


def _find(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    if path is None and environ.get("RAG_CONFIG"):
        path = Path(environ["RAG_CONFIG"])
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
        value = value.replace("${" + name + "}", environ.get(name, ""))
    return value


def _variables(text: str) -> Iterator[str]:
    yield from re.findall(r"\$\{(\w+)\}", text)


def _explain(problem: ErrorDetails) -> str:
    """One line a problem: where it is, what was expected, what was given."""
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
    secret = where.endswith(("password", "api_key"))
    got = "" if problem["type"] == "missing" or secret else f" (got {problem['input']!r})"
    return f"{where}: {message}{got}"


def _suggest(location: tuple[int | str, ...]) -> str:
    """Return the nearest existing key, as a question, or nothing."""
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
