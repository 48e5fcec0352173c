"""A trained model made ready to come with this package: weights in eight bits, and checksums.

    python -m tools.ship_weights FOLDER NAME

For maintainers. FOLDER is what `rag train` made; the model goes to `rag/weights/NAME`. Its card
wants a hand then: the licences of base and data, names instead of this machine's folders, and what
it scores as shipped. Without arguments the checksums are written anew.
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
        folder: What `rag train` made.
        out: Where it goes; what was there is replaced.

    Returns:
        Its size in bytes.
    """
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(folder, out, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for path in out.glob("*.safetensors"):
        save_file(pack(load_file(path)), path, metadata={"format": "pt"})
        path.chmod(0o644)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def write_sums(folder: Path) -> None:
    """Write the sha256 of every file below a folder, as `sha256sum` reads it."""
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
