"""Averaging of trained readers' weights ("model soup"), often better than each of the models.

    python -m tools.average_readers OUT FOLDER FOLDER ... [--calibrate SET --calibrate SET]

For maintainers. The folders hold readers of one kind and size; one is often trained from another.
Tokenizer, configuration, card and list of training data come from the first: give the one with the
longest list. The calibration is fitted again on the questions that `rag train reader --repair`
holds out of the sets, which must be the training sets of all models.

Reference:
    Wortsman et al. (2022), "Model soups", ICML.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file

from evaluation.training.data.sets import Mining, load_training_set
from evaluation.training.installation import installing
from evaluation.training.preparation import load_tokenizer, refuse_existing
from evaluation.training.reader.features import make_features
from evaluation.training.reader.training import cutter_of
from evaluation.training.reader.validation import calibrate
from rag.console import show
from rag.errors import DatasetError, ModelError
from rag.models.calibration import write_calibration
from rag.models.int8 import load_weights
from rag.models.model_files import find_model
from rag.models.reader_ranker import load_reader_ranker


def average(folders: Sequence[Path], out: Path) -> None:
    """Write a model whose weights are the means of those of some models, in float16.

    Args:
        folders: At least two models; everything but the weights is copied from the first.
        out: Folder of the new model, which must not exist.

    Raises:
        ModelError: If there are fewer, one cannot be read, their weights differ in names or
            shapes, or `out` exists; nothing is written then.
    """
    refuse_existing(out)
    if len(folders) < 2:
        raise ModelError("a mean needs two models or more: give another folder.")
    found = [_read(folder) for folder in folders]
    shapes = [{name: each.shape for name, each in weights.items()} for weights in found]
    for folder, each in zip(folders, shapes, strict=True):
        if each != shapes[0]:
            raise ModelError(f"`{folder}` has other weights than `{folders[0]}`; nothing is done.")
    mean = {
        name: torch.stack([each[name] for each in found]).mean(0).to(torch.float16)
        for name in found[0]
    }
    with installing(out) as half:
        shutil.copytree(
            folders[0], half, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.safetensors")
        )
        save_file(mean, half / "model.safetensors", metadata={"format": "pt"})


def _read(folder: Path) -> dict[str, torch.Tensor]:
    found = load_weights(folder)
    if not found:
        raise ModelError(f"`{folder}` holds no .safetensors weights.")
    return {name: each for name, each in found.items() if each.is_floating_point()}


def recalibrate(folder: Path, paths: Sequence[Path]) -> None:
    """Fit a reader's calibration again on the held-out part of its training sets.

    Raises:
        DatasetError: If a set cannot be read.
        ModelError: If the model cannot be read, or the sets do not show when it is right.
    """
    files = find_model(str(folder), setting="FOLDER")
    tokenizer = load_tokenizer(files).backend_tokenizer
    data = load_training_set(
        paths, "reader", mining=Mining(), seed=0, repair=True, most_held_back=sys.maxsize
    )
    held = data.held_back
    features = make_features(held, cutter_of(files, tokenizer, None))
    found = calibrate(load_reader_ranker(folder), held, features)
    if found is None:
        raise ModelError("it is right on all that is held back, or on none: give larger sets.")
    write_calibration(folder, found)


def main() -> None:
    """Average some models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--calibrate", type=Path, action="append", default=[])
    given = parser.parse_args()
    try:
        average(given.folders, given.out)
        if given.calibrate:
            recalibrate(given.out, given.calibrate)
    except (DatasetError, ModelError) as error:
        parser.exit(1, f"Error: {error}\n")
    show(str(given.out))


if __name__ == "__main__":
    main()
