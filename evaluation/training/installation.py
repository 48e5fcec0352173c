"""Atomic installation of a trained model: written next to its place, then moved there."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evaluation.datasets.schema import sha256_of
from evaluation.training.data.sets import TrainingSet
from evaluation.training.options import TrainingOptions
from rag.errors import ModelError, first_line
from rag.models.model_files import ModelFiles


@contextmanager
def written(out: Path) -> Iterator[None]:
    """Turn a write error, such as a full disk, into a `ModelError`."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise ModelError(
            f"`{out}` cannot be written: {reason}. Nothing was installed; free some space and give "
            "the same command again: it goes on from the last checkpoint."
        ) from error


@contextmanager
def checkpoints(options: TrainingOptions, base: ModelFiles, data: TrainingSet) -> Iterator[Path]:
    """Provide the folder of the checkpoints, next to the model's; on success it is deleted."""
    folder = options.out.with_name(f"{options.out.name}.training")
    facts: list[Any] = [asdict(options.schedule), options.role, base.sha256, options.negatives]
    facts += [options.mine, options.teacher, options.window]
    sets = [[each.questions_sha256, each.qrels_sha256] for each in data.datasets]
    key = sha256_of([*facts, *sets])
    marker = folder / "course.sha256"
    if marker.is_file() and marker.read_text(encoding="utf-8") != key:
        raise ModelError(f"`{folder}` holds another training. Delete it, or give another --out.")
    folder.mkdir(parents=True, exist_ok=True)
    marker.write_text(key, encoding="utf-8")
    yield folder
    shutil.rmtree(folder)


@contextmanager
def installing(out: Path) -> Iterator[Path]:
    """Provide a folder next to a model's place, which is moved there on success."""
    half = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield half
        half.chmod(0o755)
        half.rename(out)
    finally:
        shutil.rmtree(half, ignore_errors=True)
