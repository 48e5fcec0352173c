"""Models to promote, and questions that they are compared on."""

import pytest
from training_sets import squad_content, write_squad

from rag.models import default_models
from rag.models.default_models import SHIPPED, promoted_folder


@pytest.fixture
def promotion_home(tmp_path, monkeypatch):
    """A data folder of its own, and no readers and rankers that are shipped."""
    monkeypatch.setenv("RAG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(default_models, "SHIPPED", {**SHIPPED, "reader": {}, "ranker": {}})
    return tmp_path / "home"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    from tiny_models import save_encoder

    return save_encoder(tmp_path_factory.mktemp("base"))


@pytest.fixture
def model(tmp_path):
    """A folder that passes for a model, as far as installing goes."""

    def make(content="a"):
        folder = tmp_path / f"model-{content}"
        (folder / "1_Pooling").mkdir(parents=True)
        (folder / "model.safetensors").write_text(content)
        (folder / "config.json").write_text("{}")
        (folder / "1_Pooling" / "config.json").write_text("{}")
        return folder

    return make


def farms(path, numbers):
    """A set of some farms."""
    data = squad_content(count=max(numbers) + 1)["data"]
    return write_squad(path, {"data": [data[number] for number in numbers]})


def held_out(tmp_path, count=24):
    """A set of other farms than the first few hundred."""
    return farms(tmp_path / "held.json", range(500, 500 + count))


def content_of(role="reader", language="en"):
    folder = promoted_folder(f"promoted/{role}-{language}")
    return (folder / "model.safetensors").read_text()
