"""Small sets to train on, a reader that learnt from one, and a training that is stopped."""

import json

from shared_builds import built_once
from tiny_models import save_encoder

from evaluation.training.loop import Schedule
from evaluation.training.options import TrainingOptions
from evaluation.training.reader.training import train_model

ANIMALS = ("dog", "cat", "hen", "cow", "pig", "goat", "mule", "duck", "fox", "owl", "bee", "ant")


def paragraph(number):
    animal, year = ANIMALS[number % len(ANIMALS)], 1950 + number
    context = f"The {animal} of farm {number} sleeps. It was born in {year}. It eats hay."
    start = context.index(str(year))
    asked = f"When was the {animal} of farm {number} born?"
    answer = {"text": str(year), "answer_start": start}
    qas = [
        {"id": f"{number}a", "question": asked, "answers": [answer]},
        {"id": f"{number}b", "question": f"Who sold the {animal} {number}?", "answers": []},
    ]
    return {"context": context, "qas": qas}


def squad_content(count=24):
    return {
        "version": "2.0",
        "data": [
            {"title": f"Farm_{number}", "paragraphs": [paragraph(number)]}
            for number in range(count)
        ],
    }


def write_squad(path, content=None, **options):
    path.write_text(json.dumps(content or squad_content(**options)), encoding="utf-8")
    return path


def learnt_reader(tmp_path_factory):
    """A folder with a `set.json`, the `reader` that was trained on it, and how that went."""

    def build(folder):
        base, path = save_encoder(folder / "base"), write_squad(folder / "set.json")
        schedule = Schedule(epochs=25, batch_size=8, learning_rate=5e-3, device="cpu")
        losses = []
        course = TrainingOptions("reader", [path], str(base), folder / "reader", schedule)
        done = train_model(course, told=lambda now: losses.append(now.loss))
        facts = {"losses": losses, "step": done.ended.step, "share": done.ended.share}
        (folder / "learnt.json").write_text(json.dumps(facts), encoding="utf-8")

    return built_once(tmp_path_factory, "learnt-reader", build)


class KilledError(Exception):
    """Somebody pulled the plug."""


def stop_at(step, error):
    errors = [error]

    def told(now):
        if now.step == step and errors:
            raise errors.pop()

    return told
