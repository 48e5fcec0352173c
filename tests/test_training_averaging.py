"""The mean of trained models, and what cannot be averaged."""

import json
import shutil

import pytest
import torch
from safetensors.torch import save_file
from tiny_models import save_encoder, save_reader
from training_sets import learnt_reader, write_squad

from rag.errors import ModelError
from rag.models.int8 import load_weights, pack
from tools.average_readers import average, recalibrate


def test_every_weight_is_the_mean_packed_or_not(tmp_path):
    first, second, packed = (save_reader(tmp_path / f"{n}", seed=n) for n in range(3))
    save_file(pack(load_weights(packed)), packed / "model.safetensors")
    found = [load_weights(each) for each in (first, second, packed)]
    average([first, second, packed], tmp_path / "mean")
    mean = load_weights(tmp_path / "mean")
    assert mean.keys() == found[0].keys()
    for name, each in mean.items():
        wanted = (found[0][name] + found[1][name] + found[2][name]) / 3
        torch.testing.assert_close(each, wanted, atol=2e-3, rtol=1e-3)
    assert not torch.equal(mean["qa_outputs.weight"], found[0]["qa_outputs.weight"])
    for name in ("config.json", "tokenizer.json"):
        assert (tmp_path / "mean" / name).read_bytes() == (first / name).read_bytes()


def test_what_cannot_be_averaged_is_refused_and_writes_nothing(tmp_path):
    reader, encoder = save_reader(tmp_path / "reader"), save_encoder(tmp_path / "encoder")
    empty = tmp_path / "empty"
    empty.mkdir()
    out = tmp_path / "mean"
    for folders, message in (
        ([reader], "needs two models"),
        ([reader, encoder], "has other weights than"),
        ([reader, empty], "holds no .safetensors weights"),
    ):
        with pytest.raises(ModelError, match=message):
            average(folders, out)
        assert not out.exists()
    with pytest.raises(ModelError, match="Nothing was overwritten"):
        average([reader, reader], empty)


def test_a_mean_is_calibrated_on_what_its_models_held_back(tmp_path, tmp_path_factory):
    learnt = learnt_reader(tmp_path_factory)
    first = shutil.copytree(learnt / "reader", tmp_path / "first")
    (first / "calibration.json").unlink(missing_ok=True)
    average([first, first], tmp_path / "mean")
    recalibrate(tmp_path / "mean", [learnt / "set.json"])
    fitted = json.loads((tmp_path / "mean" / "calibration.json").read_text())["fitted_on"]
    assert fitted > 1
    (tmp_path / "few").mkdir()
    with pytest.raises(ModelError, match="give larger sets"):
        recalibrate(tmp_path / "mean", [write_squad(tmp_path / "few" / "set.json", count=2)])
