"""Small trainings of an embedder: a base, its courses, and texts to train on."""

import pytest
from training_sets import write_squad


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    from tiny_models import save_embedder

    return save_embedder(tmp_path_factory.mktemp("base"))


@pytest.fixture
def course(tmp_path, base):
    from evaluation.training.loop import Schedule
    from evaluation.training.options import TrainingOptions

    def make(paths=None, **options):
        schedule = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3, "device": "cpu"}
        own = {name: options.pop(name) for name in list(options) if name in
               ("epochs", "minutes", "seed", "learning_rate")}  # fmt: skip
        return TrainingOptions(
            role="embedder",
            paths=paths or [write_squad(tmp_path / "set.json")],
            base=str(options.pop("base", base)),
            out=options.pop("out", tmp_path / "model"),
            schedule=Schedule(**schedule | own, spans=False),
            **options,
        )

    return make


def text(words, document="", score=None):
    from evaluation.training.embedder.pairs import Text

    return Text(words, document or words, score)
