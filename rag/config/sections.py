"""The configuration's sections, one frozen class each; `Config()` is the documented default."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from rag.config.elasticsearch import ElasticsearchConfig
from rag.config.ranker import RankerConfig
from rag.config.reader import ReaderConfig
from rag.config.section import ConfigSection
from rag.schema import Method


class StoreConfig(ConfigSection):
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


class ConversionConfig(ConfigSection):
    """Limits for reading one file; a file that passes them is listed as failed.

    Attributes:
        seconds: Longest time for one file.
        memory_mb: Most memory of the process that reads files.
        max_file_mb: Largest file that is read.
    """

    seconds: float = Field(default=30, gt=0)
    memory_mb: int = Field(default=2048, ge=256)
    max_file_mb: int = Field(default=200, ge=1)


class ChunkingConfig(ConfigSection):
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


class EmbedderConfig(ConfigSection):
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


class RetrievalConfig(ConfigSection):
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


class FusionConfig(ConfigSection):
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


class AbstentionConfig(ConfigSection):
    """When to decline.

    Attributes:
        confidence: Below this probability of being right no answer is given; 0 always answers.
    """

    confidence: float = Field(default=0.1, ge=0, le=1)


class GeneratorConfig(ConfigSection):
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


class ServerConfig(ConfigSection):
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


class Config(ConfigSection):
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
