"""Sections of the configuration, one frozen class each; `Config()` is the documented default."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from rag.config.abstention import AbstentionConfig
from rag.config.date_formats import check_format
from rag.config.elasticsearch import ElasticsearchConfig
from rag.config.fusion import FusionConfig
from rag.config.ranker import RankerConfig
from rag.config.reader import ReaderConfig
from rag.config.section import ConfigSection, Key
from rag.schema import Method

DateFormat = Annotated[str, AfterValidator(check_format)]


class StoreConfig(ConfigSection):
    """Storage and search of the passages.

    Attributes:
        kind: `embedded`: one folder per collection, no server; or `elasticsearch`: a cluster.
        bm25: `tantivy`, or `rank-bm25`, the slow reference for small collections.
        exact_limit: Number of passages up to which dense search is exact; above, an HNSW graph.
        graph_search: Breadth of the HNSW search (efSearch): more finds more and takes longer.
        rebuild_share: Share of new or removed rows at which a derived index is rebuilt.
        elasticsearch: The cluster, for that kind. Of the settings above, `exact_limit`,
            `graph_search` and `rebuild_share` also apply there if FAISS searches.
    """

    kind: Literal["embedded", "elasticsearch"] = "embedded"
    bm25: Literal["tantivy", "rank-bm25"] = "tantivy"
    exact_limit: int = Field(default=50_000, ge=0)
    graph_search: int = Field(default=160, ge=16, le=4096)
    rebuild_share: float = Field(default=0.2, gt=0, le=1)
    elasticsearch: ElasticsearchConfig = ElasticsearchConfig()


class ConversionConfig(ConfigSection):
    """Reading of files; one that exceeds a limit is listed as failed.

    Attributes:
        seconds: Maximum time for one file.
        seconds_per_page: Time added for each page of a PDF file; pages read until then are kept.
        passwords: Passwords that are tried on encrypted PDF files; write `${NAME}` to take one from
            the environment.
        memory_mb: Memory limit of the process that reads files.
        max_file_mb: Size limit of a file.
        dates: Forms of dates in fields, such as `%d.%m.%Y`, or `when=%d.%m.%Y` for one field; they
            are stored as ISO 8601, the only form that filters take for a date.
    """

    seconds: float = Field(default=30, gt=0)
    seconds_per_page: float = Field(default=1, ge=0)
    passwords: tuple[SecretStr, ...] = ()
    memory_mb: int = Field(default=2048, ge=256)
    max_file_mb: int = Field(default=200, ge=1)
    dates: tuple[DateFormat, ...] = ()

    @field_validator("dates", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else () if value is None else value


class ChunkingConfig(ConfigSection):
    """Cutting of documents into passages, in tokens of the embedder's own tokenizer.

    Attributes:
        length: Maximum number of tokens in a passage; never more than the embedder reads.
        overlap: Tokens repeated from the end of the previous passage; less than `length`.
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


class EmbedderConfig(ConfigSection):
    """The model that turns text into vectors.

    Attributes:
        model: `auto`, which selects by the documents' language a model trained here or shipped with
            this package; or a hub name, a folder, or the name of a model that a package ships.
        languages: Languages that it serves; for questions in others bm25 leads. None takes the
            languages that the model declares, or English.
        runtime: `auto` is ONNX Runtime on a processor, if the model has a graph, else torch.
        device: `auto` takes a GPU if there is one.
        dtype: `auto` is float32 in ONNX Runtime, and bfloat16 in torch where the processor has it.
        batch_size: Number of passages per batch.
    """

    model: str = "auto"
    languages: tuple[str, ...] | None = None
    runtime: Literal["auto", "onnx", "torch"] = "auto"
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: int = Field(default=32, ge=1, le=4096)


class RetrievalConfig(ConfigSection):
    """Retrieval of passages for a question.

    Attributes:
        method: `bm25`, `dense`, or `hybrid` (both, joined as `fusion` says).
        top_k: Number of passages that a search returns and an answer is based upon.
        min_relevance: Passages less likely than this to bear on the question are left out, so that
            fewer than `top_k` may be returned; 0 returns them all.
        candidates: Number of passages that each retriever passes to the fusion.
        title_weight: Weight of the title and heading field relative to the text in bm25.
        max_question: Maximum length of a question, in characters. Long ones are searched by their
            most telling words and the vectors of their parts; the limit is for mistakes.
    """

    method: Method = "hybrid"
    top_k: int = Field(default=5, ge=1, le=1000)
    min_relevance: float = Field(default=0.0, ge=0, le=1)
    candidates: int = Field(default=50, ge=1, le=10_000)
    title_weight: float = Field(default=0.3, ge=0)
    max_question: int = Field(default=200_000, ge=1)


class GeneratorConfig(ConfigSection):
    """A language model that writes the answer from the passages; none by default.

    Attributes:
        kind: `gguf` (a local file), `transformers` (a local folder or hub name), or `openai`
            (any server that speaks the OpenAI API).
        model: Path, folder or model name.
        base_url: Address of the server, for `openai`.
        api_key: Key of the server; write `${NAME}` to take it from the environment.
        insecure: Allow plain http to another machine, with the key readable on the way.
        context: Maximum number of tokens that a local model reads and writes together.
        max_tokens: Maximum number of tokens in an answer.
        temperature: 0 always takes the likeliest token.
        timeout: Seconds to wait for a server.
    """

    kind: Literal["gguf", "transformers", "openai"]
    model: str
    base_url: str | None = None
    api_key: Key | None = None
    insecure: bool = False
    context: int = Field(default=4096, ge=512)
    max_tokens: int = Field(default=300, ge=1)
    temperature: float = Field(default=0.0, ge=0, le=2)
    timeout: float = Field(default=60, gt=0)


_ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_ROUTES = ("v1", "health", "ready", "docs", "openapi.json")


class ServerConfig(ConfigSection):
    """The page (`rag ui`) and the HTTP API (`rag serve`).

    Attributes:
        address: Address to listen at; beyond this machine the API needs `api_key`.
        port: Port of the page.
        api_port: Port of the API.
        root_path: Path below which a proxy serves the API, such as `/rag`; the proxy may take it
            off the address or leave it there.
        api_key: Key required from clients of the API; write `${NAME}` to take it from the
            environment.
        allowed_hosts: Host names that a browser may use for the page or the API.
        workers: Number of answers made at the same time.
        queue: Number of answers that may wait; beyond it, people are asked to try again.
        per_owner: Number of answers that one person may have running or waiting.
        answer_seconds: Maximum time for one answer.
        max_upload_mb: Size limit of an uploaded file.
        max_files: Maximum number of files in one upload.
        max_request_mb: Size limit of one upload to the API in total.
        requests_per_minute: Maximum number of requests of one client of the API.
        runs: Folder with the runs of `rag evaluate`, relative to the current folder.
    """

    address: str = "127.0.0.1"
    port: int = Field(default=8501, ge=0, le=65535)
    api_port: int = Field(default=8000, ge=0, le=65535)
    root_path: str = ""
    api_key: Key | None = None
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

    @field_validator("root_path")
    @classmethod
    def _root_path_is_a_path(cls, value: str) -> str:
        path = value.rstrip("/")
        parts = path.split("/")[1:]
        if path and (not _ROOT_PATH.fullmatch(path) or {".", ".."} & set(parts)):
            raise ValueError(f"expected a path such as `/rag` (got {value!r})")
        if parts and parts[0] in _ROUTES:
            raise ValueError(f"`/{parts[0]}` is an address of the API itself (got {value!r})")
        return path


class Config(ConfigSection):
    """The whole configuration; `Config()` is the documented default."""

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
