"""How long ranking and reading take, and what ending early costs in answers.

    python benchmarks/reading.py --data ../shared/data --questions 100

Whole Wikipedia articles are indexed, half of them without questions; SQuAD's questions are asked.
Four ways in turn for each question, so that they share the machine's moods: search as found, search
with the ranker over 20 passages, ask with all 20 ranked, ask that ends at an answer that is sure.
Prints medians, ratios, EM and F1 of the exact words of the answers; `--chinese` does it on CMRC.
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from statistics import fmean, median

from haystack import Document

from evaluation.metrics.answers import cmrc_exact_match, cmrc_f1, exact_match, f1
from indexing.pipeline import manifest_of
from rag.config import Config, EmbedderConfig
from rag.config.reader import ReaderConfig
from rag.engine import RAG
from rag.models.default_models import model_for
from rag.models.embedder import Embedder
from rag.models.selection import open_roles
from rag.stores.embedded.store import EmbeddedStore

SEED = 3


def english(data, rng):
    folder = data / "squad_articles"
    lines = (folder / "questions_dev_v1.1.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    asked = sorted({each["document"] for each in questions})
    others = sorted(p.name for p in (folder / "articles").iterdir() if p.name not in asked)
    texts = []
    for name in [*asked, *rng.sample(others, len(asked))]:
        paragraphs = (folder / "articles" / name).read_text(encoding="utf-8").split("\n")
        texts += [
            (name.removesuffix(".txt").replace("_", " "), each) for each in paragraphs if each
        ]
    return texts, [(each["text"], each["answers"]) for each in questions]


def chinese(data, rng):
    content = json.loads((data / "cmrc2018/cmrc2018_trial.json").read_text(encoding="utf-8"))
    texts, questions = [], []
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            texts.append((article["title"], paragraph["context"]))
            questions += [
                (each["question"], [answer["text"] for answer in each["answers"]])
                for each in paragraph["qas"]
                if each["question"].strip()
            ]
    return texts, questions


def ways(store, embedder):
    """Return the ways to ask, with one model behind all of them."""
    config = Config()
    roles = open_roles(config)
    full = config.model_copy(update={"reader": ReaderConfig(enough=1)})
    early = RAG(config, store, embedder=embedder, roles=roles)
    whole = RAG(full, store, embedder=embedder, roles=roles)
    forget = [model.forget for model in roles.readers.values()]
    return forget, {
        "search, as found": lambda text: early.search(text, rank=False),
        "search, 20 ranked": lambda text: early.search(text, rank=True),
        "ask, 20 ranked": whole.ask,
        "ask, ends early": early.ask,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--chinese", action="store_true")
    args = parser.parse_args()
    rng = random.Random(SEED)
    texts, questions = (chinese if args.chinese else english)(args.data, rng)
    texts = list(dict.fromkeys(texts))  # an id is made from its text
    language = "zh" if args.chinese else "en"
    scorers = (cmrc_exact_match, cmrc_f1) if args.chinese else (exact_match, f1)
    embedder = Embedder(EmbedderConfig(model=model_for("embedder", language)))
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(folder)
        with store.writer() as writer:
            writer.use(manifest_of(embedder, Config()))
            writer.publish()
        vectors = embedder.encode_passages([f"{title}\n{text}" for title, text in texts])
        store.write_documents(
            [
                Document(content=text, meta={"title": title}, embedding=vector.tolist())
                for (title, text), vector in zip(texts, vectors, strict=True)
            ]
        )
        forget, by_name = ways(store, embedder)
        took = {name: [] for name in by_name}
        said = {name: [] for name in by_name if name.startswith("ask")}
        ranked = []
        asked = rng.sample(questions, args.questions)
        for place, (text, golds) in enumerate([asked[0], *asked]):
            for name, ask in by_name.items():
                for each in forget:
                    each()
                start = time.perf_counter()
                found = ask(text)
                took[name].append(time.perf_counter() - start)
                if name in said:
                    short = "" if found.abstained else found.short or found.answer
                    said[name].append((short, golds))
                if name == "ask, ends early":
                    counts = {stage.name: stage.count for stage in found.trace.stages}
                    ranked.append(counts["ranked"])
            if place == 0:  # models are loaded now
                for each in (*took.values(), *said.values(), ranked):
                    each.clear()
        store.close()
    base = median(took["search, as found"])
    print(f"{len(texts)} passages, {len(asked)} questions, `{language}`")
    for name, seconds in took.items():
        print(f"{name:20} median {1000 * median(seconds):7.0f} ms, {median(seconds) / base:5.1f} x")
    for name, pairs in said.items():
        em, score = (fmean(scorer(text, golds) for text, golds in pairs) for scorer in scorers)
        print(f"{name:20} EM {em:.3f} F1 {score:.3f}")
    one, other = said.values()
    same = fmean(a == b for (a, _), (b, _) in zip(one, other, strict=True))
    print(f"same answer {same:.3f}; passages ranked, mean {fmean(ranked):.1f} of 20")


if __name__ == "__main__":
    main()
