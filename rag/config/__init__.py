"""The configuration: one frozen value, read once at the entry point and passed down."""

from rag.config.abstention import AbstentionConfig
from rag.config.elasticsearch import ElasticsearchConfig
from rag.config.fusion import FusionConfig
from rag.config.loader import data_folder, load_config
from rag.config.ranker import RankerConfig
from rag.config.reader import ReaderConfig
from rag.config.sections import (
    ChunkingConfig,
    Config,
    ConversionConfig,
    EmbedderConfig,
    GeneratorConfig,
    RetrievalConfig,
    ServerConfig,
    StoreConfig,
)
from rag.schema import Method

__all__ = [
    "AbstentionConfig",
    "ChunkingConfig",
    "Config",
    "ConversionConfig",
    "ElasticsearchConfig",
    "EmbedderConfig",
    "FusionConfig",
    "GeneratorConfig",
    "Method",
    "RankerConfig",
    "ReaderConfig",
    "RetrievalConfig",
    "ServerConfig",
    "StoreConfig",
    "data_folder",
    "load_config",
]
