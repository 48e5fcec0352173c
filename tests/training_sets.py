"""Small sets to train on, and a training that is stopped."""

import json

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


class KilledError(Exception):
    """Somebody pulled the plug."""


def stop_at(step, error):
    errors = [error]

    def told(now):
        if now.step == step and errors:
            raise errors.pop()

    return told
