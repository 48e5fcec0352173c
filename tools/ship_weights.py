"""Preparation of a trained model for this package: weights in eight bits, and checksums.

    python -m tools.ship_weights FOLDER NAME

For maintainers. FOLDER is an output folder of `rag train`; the model goes to `rag/weights/NAME`.
Edit its card by hand then: the licences of base and data, names instead of this machine's folders,
and the scores of the packed model. Without arguments only the checksums are rewritten.
"""

import hashlib
import shutil
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

from rag.console import show
from rag.models.default_models import WEIGHTS, shipped_folder
from rag.models.int8 import pack

SUMS = "SHA256SUMS"
LEFT_OUT = {"special_tokens_map.json", "vocab.txt"}  # in tokenizer.json as well


def ship(folder: Path, out: Path) -> int:
    """Copy a model, with its weights packed.

    Args:
        folder: Output folder of `rag train`.
        out: Target folder; its old content is replaced.

    Returns:
        Size in bytes.
    """
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(folder, out, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for path in out.glob("*.safetensors"):
        save_file(pack(load_file(path)), path, metadata={"format": "pt"})
        path.chmod(0o644)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def write_sums(folder: Path) -> None:
    """Write the SHA-256 of every file below a folder, in the format of `sha256sum`."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != SUMS
    ]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def main(folder: str = "", name: str = "") -> None:
    """Ship a model under a name, if one is given; write the checksums."""
    if name:
        size = ship(Path(folder), shipped_folder(name))
        show(f"{shipped_folder(name)}: {size:,} bytes")
    write_sums(WEIGHTS)


if __name__ == "__main__":
    main(*sys.argv[1:])
