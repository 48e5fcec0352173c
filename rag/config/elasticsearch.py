"""Configuration of the Elasticsearch cluster."""

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from rag.config.hosts import is_loopback
from rag.config.section import ConfigSection, Key


class ElasticsearchConfig(ConfigSection):
    """A cluster of Elasticsearch 8.12 or newer, but below 9.

    Attributes:
        url: Address of the cluster, or of several of its nodes; plain http only to this machine.
        ca: File with the certificate authority that signed the cluster's certificates; None is
            the system's own list.
        username: User name for basic authentication.
        password: Password; write `${NAME}` to take it from the environment.
        api_key: API key instead of name and password; write `${NAME}`.
        insecure: Allow plain http to another machine, with all traffic readable on the way.
        prefix: Prefix of the names of the indexes.
        dense: `elasticsearch` keeps an int8 HNSW graph in the cluster; `faiss` keeps the vectors
            in the cluster and searches them with FAISS beside the application.
        shards: Number of primary shards of a new index.
        replicas: Copies of each shard; at least 1 to survive the loss of a node.
        refresh: `refresh_interval` of the index; publishing refreshes by itself, so -1 (never).
        candidates: Breadth of the graph search in each shard; more finds more and takes longer.
        timeout: Maximum seconds that one retrieval waits for the cluster, all attempts together.
        patience: Maximum seconds that indexing waits for a cluster that is away or overloaded.
    """

    url: tuple[str, ...] = Field(default=("http://127.0.0.1:9200",), min_length=1)
    ca: str | None = None
    username: str | None = None
    password: SecretStr | None = None
    api_key: Key | None = None
    insecure: bool = False
    prefix: str = Field(default="citewell", pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")
    dense: Literal["elasticsearch", "faiss"] = "elasticsearch"
    shards: int = Field(default=1, ge=1, le=1024)
    replicas: int = Field(default=1, ge=0, le=16)
    refresh: str = Field(default="-1", pattern=r"^(-1|[1-9][0-9]*(ms|s|m))$")
    candidates: int = Field(default=400, ge=50, le=10_000)
    timeout: float = Field(default=10, gt=0)
    patience: float = Field(default=120, gt=0)

    @field_validator("url", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        for url in self.url:
            _check_url(url, allow_http=self.insecure)
        if self.api_key is not None and (self.username, self.password) != (None, None):
            raise ValueError("set either `api_key`, or `username` and `password`")
        if (self.username is None) != (self.password is None):
            raise ValueError("`username` and `password` belong together")
        return self


def _check_url(url: str, *, allow_http: bool) -> None:
    """Reject an address that is invalid, contains a password, or is sent unencrypted."""
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("`url` holds a name or password; set `username` and `password` instead")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"`url`: expected https://HOST:PORT (got {url!r})")
    if parts.scheme == "http" and not allow_http and not is_loopback(parts.hostname):
        raise ValueError(
            f"`url`: {url!r} is plain http to another machine, where all of it can be read on the "
            "way. Use https, or set `insecure: true` if you trust every machine between"
        )
