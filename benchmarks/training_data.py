"""The questions that the shipped readers were trained on, and those they were measured on.

    python benchmarks/training_data.py --data ../shared/data --out .rag/training

English: SQuAD's development sets without six articles (`squad_train.json`, both versions together),
which are held back (`squad_held_v1.json`, `squad_held_v2.json`). Chinese: CMRC 2018's training set
without what its trial set holds (`cmrc_train.json`, `cmrc_held.json`); DRCD without every twelfth
article, half of the paragraphs in simplified characters if `opencc-python-reimplemented` is there
(`drcd_train.json`, `drcd_held.json`). CLAPnq, HotpotQA and MuSiQue are taken as they are. Answers
that do not stand at their offset are for `--repair`; held-back sets are repaired here. Two of them
are written as sets for retrieval too (`squad_held/`, `drcd_held/`): 200 questions, and the
paragraph that each was asked of.
"""

import argparse
import hashlib
import json
import random
from pathlib import Path

HELD = {
    "Packet_switching",
    "Scottish_Parliament",
    "Huguenot",
    "Sky_(United_Kingdom)",
    "Victoria_(Australia)",
    "Rhine",
}


def number(text, modulus):
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % modulus


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))["data"]


def write(path, articles):
    content = {"version": path.stem, "data": [each for each in articles if each["paragraphs"]]}
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    asked = sum(len(p["qas"]) for article in articles for p in article["paragraphs"])
    print(f"{path.name}: {len(content['data'])} articles, {asked} questions")


def english(data, out):
    old, new = (read(data / "squad" / f"dev-v{version}.json") for version in ("1.1", "2.0"))
    for name, articles in (("v1", old), ("v2", new)):
        held = [article for article in articles if article["title"] in HELD]
        write(out / f"squad_held_{name}.json", held)
    paragraphs = {}
    for article in [*old, *new]:
        if article["title"] not in HELD:
            for paragraph in article["paragraphs"]:
                known = paragraphs.setdefault(article["title"], {})
                asked = known.setdefault(paragraph["context"], {})
                asked |= {qa["id"]: qa for qa in paragraph["qas"] if qa["id"] not in asked}
    write(
        out / "squad_train.json",
        [
            {
                "title": title,
                "paragraphs": [
                    {"context": context, "qas": list(asked.values())}
                    for context, asked in known.items()
                ],
            }
            for title, known in paragraphs.items()
        ],
    )


def repaired(paragraph, said=lambda text: text):
    """Return a paragraph with the answers where they stand; a question without any is left out."""
    context, qas = said(paragraph["context"]), []
    for qa in paragraph["qas"]:
        answers = []
        for answer in qa["answers"]:
            text, start = said(answer["text"]), answer["answer_start"]
            if not context.startswith(text, start):
                start = context.find(text)
            found = {"text": text, "answer_start": start}
            if start >= 0 and found not in answers:
                answers.append(found)
        if answers and qa["question"].strip():
            qas.append({"id": qa["id"], "question": said(qa["question"]), "answers": answers})
    return {"context": context, "qas": qas}


def chinese(data, out):
    trial = read(data / "cmrc2018" / "cmrc2018_trial.json")
    train = read(data / "cmrc2018" / "cmrc2018_train_from_expmrc.json")
    known = {p["context"][:60] for article in trial for p in article["paragraphs"]}
    asked = {qa["question"] for article in trial for p in article["paragraphs"] for qa in p["qas"]}
    titles = {article["title"] for article in trial}
    for name, articles in (("cmrc_held", trial), ("cmrc_train", train)):
        kept = []
        for article in articles:
            if articles is train and article["title"] in titles:
                continue
            paragraphs = [
                repaired(each)
                for each in article["paragraphs"]
                if articles is trial or each["context"][:60] not in known
            ]
            if articles is train:
                for each in paragraphs:
                    each["qas"] = [qa for qa in each["qas"] if qa["question"] not in asked]
            kept.append({"title": article["title"], "paragraphs": paragraphs})
        write(out / f"{name}.json", kept)
    try:
        from opencc import OpenCC

        simplified = OpenCC("t2s").convert
    except ImportError:
        print("opencc-python-reimplemented is not installed: DRCD stays in traditional characters")
        simplified = str
    parts = {"drcd_held": [], "drcd_train": []}
    for article in read(data / "drcd" / "DRCD_dev.json"):
        held = number(article["title"], 12) == 0
        paragraphs = [
            repaired(each, str if held or number(each["context"], 2) == 0 else simplified)
            for each in article["paragraphs"]
        ]
        parts["drcd_held" if held else "drcd_train"].append(
            {"title": article["title"], "paragraphs": paragraphs}
        )
    for name, articles in parts.items():
        write(out / f"{name}.json", articles)


def retrieval(path, number_of=200):
    """Write a held-back set in BEIR's form, with some of its questions."""
    corpus, asked = [], []
    for article in read(path):
        for paragraph in article["paragraphs"]:
            name = f"p{len(corpus) + 1}"
            title = article["title"].replace("_", " ")
            corpus.append({"_id": name, "title": title, "text": paragraph["context"]})
            asked += [(qa["question"], name) for qa in paragraph["qas"]]
    asked = [(f"q{place}", *each) for place, each in enumerate(asked)]
    random.Random(1).shuffle(asked)
    asked = asked[:number_of]
    folder = path.with_name(path.stem.removesuffix("_v1"))
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    queries = [{"_id": name, "text": question} for name, question, _ in asked]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    judged = [f"{name}\t{paragraph}\t1\n" for name, _, paragraph in asked]
    header = "query-id\tcorpus-id\tscore\n"
    (folder / "qrels" / "test.tsv").write_text(header + "".join(judged), encoding="utf-8")
    print(f"{folder.name}: {len(corpus)} paragraphs, {len(asked)} questions")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    english(args.data, args.out)
    chinese(args.data, args.out)
    for name in ("squad_held_v1", "drcd_held"):
        retrieval(args.out / f"{name}.json")


if __name__ == "__main__":
    main()
