"""bm25, dense and both joined, on every public retrieval set: by ranks, by scores, with the ranker.

    python benchmarks/fusion.py lists CACHE --data ../shared/data [--set NAME] [--embedder MODEL]
    python benchmarks/fusion.py logits CACHE --set NAME ...       # slow: the ranker reads passages
    python benchmarks/fusion.py table CACHE

`lists` indexes a set as the product does and keeps, for each question, both lists (50 deep, raw
scores) and of every passage in them the share of the question's idf that it holds; `--asked OTHER`
asks another set's questions. The other commands read what it kept.
"""

import argparse
import json
import os
import time
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

from benchmarks.retrieval_sets import MOST, SETS, load_set
from evaluation.metrics.retrieval import ndcg
from evaluation.metrics.significance import holm, randomization_test
from rag.config import FusionConfig, RankerConfig
from rag.language.analysis import tokens
from rag.language.question_detection import is_question
from rag.models.similarity_floor import FLOORS
from rag.retrieval.fusion import fuse, fuse_scores
from rag.retrieval.ranker import joined

DEPTH = 50
DEPTHS = (5, 10, 20)  # of the ranker
WEIGHT = RankerConfig().weight
SHARE = FusionConfig().dense / (FusionConfig().dense + FusionConfig().bm25)
FOREIGN = FusionConfig().dense_foreign


def path_of(cache, name, embedder=None, asked=None):
    """Return the file of a set's lists."""
    model = f"@{Path(embedder).name}" if embedder else ""
    return cache / "lists" / f"{name}{model}{f'+{asked}' if asked else ''}.json"


def collect(args):
    """Make the lists of the sets that have none."""
    os.environ["RAG_HOME"] = str(args.cache / "home")
    for name in args.set or SETS:
        path = path_of(args.cache, name, args.embedder, args.asked)
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        started = time.time()
        made = lists_of(name, args)
        path.write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")
        print(f"{path.stem}: {len(made['rows'])} questions, {made['passages']} passages, "
              f"{time.time() - started:.0f} s", flush=True)  # fmt: skip


def lists_of(name, args):
    """Return the lists of a set's questions, or of another set's over its documents."""
    from evaluation.run.corpus import corpus_embedder, open_corpus
    from rag.config import Config, EmbedderConfig
    from rag.engine import RAG
    from rag.models.embedder import Embedder

    dataset, config = load_set(name, args.data, characters=args.characters), Config()
    settings = (
        EmbedderConfig(model=args.embedder) if args.embedder else corpus_embedder(dataset, config)
    )
    embedder = Embedder(settings)
    corpus = open_corpus(dataset, config, embedder, vectors=True)
    rag = RAG(config, corpus.store, embedder=embedder)
    questions = load_set(args.asked, args.data).questions if args.asked else dataset.questions
    rows = [row_of(rag, each, foreign=bool(args.asked)) for each in questions[: args.most]]
    passages = corpus.store.count_documents()
    corpus.store.close()
    facts = {"set": name, "asked": args.asked, "embedder": settings.model, "floor": embedder.floor}
    return {**facts, "key": corpus.name, "passages": passages, "rows": rows}


def read_lists(cache, *, asked=False, embedder=None):
    """Return name -> the lists of a set; with `asked`, of another set's questions."""
    floors, found = json.loads(FLOORS.read_text(encoding="utf-8")), {}
    for path in sorted((cache / "lists").glob("*.json")):
        held = json.loads(path.read_text(encoding="utf-8"))
        if bool(held["asked"]) != asked or ("@" in path.stem) != bool(embedder):
            continue
        if embedder and f"@{embedder}" not in path.stem:
            continue
        held.setdefault("floor", floors.get(held["embedder"]))
        for row in held["rows"]:
            row["terms"] = len(set(tokens(row["question"])))
            row.setdefault("read", row["question"])
        found[path.stem.partition("@")[0]] = held
    return found


def read_ranked(cache):
    """Return name -> question -> the ranker's logits by passage, and milliseconds by depth."""
    paths = sorted((cache / "logits").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def read_logits(cache):
    """Return name -> question -> passage -> the ranker's logit."""
    return {
        name: {question: each["logits"] for question, each in held.items()}
        for name, held in read_ranked(cache).items()
    }


def weights_of(row, share):
    """Return the weights of a question's lists."""
    return {"bm25": 1 - share, "dense": share if row["served"] else FOREIGN}


def fused_passages(row, held, share=SHARE):
    """Return passage and document, joined by scores, best first."""
    return with_documents(row, scores_of(row, held, share))


def scores_of(row, held, share=SHARE):
    """Return passage and fused score, best first."""
    lists = {name: [(p, s) for p, _, s in row[name]] for name in ("bm25", "dense")}
    floors = {"dense": held["floor"]}
    return fuse_scores(lists, weights_of(row, share), floors=floors, depth=DEPTH)


def ranked_passages(row, k=60):
    """Return passage and document, joined by reciprocal ranks, best first."""
    rankings = {name: [p for p, *_ in row[name]] for name in ("bm25", "dense")}
    weights = {"bm25": 1.0, "dense": 1.0 if row["served"] else FOREIGN}
    return with_documents(row, fuse(rankings, weights, k=k))


def with_documents(row, fused):
    """Return passage and document of fused passages."""
    documents = {p: d for name in ("bm25", "dense") for p, d, _ in row[name]}
    return [(passage, documents[passage]) for passage, _ in fused]


def documents_of(passages):
    """Return the documents of some passages, each once, in their order."""
    return list(dict.fromkeys(document for _, document in passages))


def row_of(rag, question, *, foreign):
    """Return both lists of a question, with what each passage holds of it."""
    from rag.retrieval.long_questions import with_gist
    from rag.retrieval.query import build_query
    from rag.retrieval.word_weights import held_share, word_weights

    parts, store = rag.components, rag.store
    query = with_gist(build_query(question.question), store)
    start = time.perf_counter()
    words = parts.bm25.run(query.text, question.filters, DEPTH, store.generation)["documents"]
    after_words = time.perf_counter()
    vector = parts.embed.run(query.text, query.asked_inside)["embedding"]
    meaning = parts.dense.run(vector, question.filters, DEPTH, store.generation)["documents"]
    end = time.perf_counter()
    weights, _ = word_weights(store, query.tokens)
    return {
        "id": question.question_id,
        "question": query.text,
        "read": query.as_read.text,
        "language": query.language,
        "served": rag.embedder.serves(query.language),
        "grades": {} if foreign else dict(question.grades),
        "ms": [1000 * (after_words - start), 1000 * (end - after_words)],
        "bm25": [[d.id, d.meta["document_id"], d.score] for d in words],
        "dense": [[d.id, d.meta["document_id"], d.score] for d in meaning],
        "coverage": {
            d.id: round(held_share(weights, d), 4) if weights else 0.0 for d in (*words, *meaning)
        },
    }


def collect_logits(args):
    """Keep the ranker's logits of the first passages by scores and by ranks, of some questions."""
    os.environ["RAG_HOME"] = str(args.cache / "home")
    from rag.collections import open_scratch
    from rag.config import Config
    from rag.models.selection import open_roles, serving
    from rag.models.windows import read_text

    rankers = open_roles(Config()).rankers
    for name, held in read_lists(args.cache).items():
        path = args.cache / "logits" / f"{name}.json"
        if path.exists() or (args.set and name not in args.set):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        found, started, store = {}, time.time(), open_scratch(held["key"], Config())
        by_id = {each.id: each for each in store.filter_documents()}
        store.close()
        for row in judged_rows(held)[: args.most]:
            model = serving(rankers, row["language"])
            if model is not None:
                first = dict([*fused_passages(row, held)[: args.depth]])
                if args.by_ranks:
                    first |= dict(ranked_passages(row)[: args.depth])
                texts = {passage: read_text(by_id[passage]) for passage in first}
                found[row["id"]] = read_passages(model, row["read"], texts)
        path.write_text(json.dumps(found), encoding="utf-8")
        seconds = time.time() - started
        print(
            f"{name}: {len(found)} questions, {seconds / max(len(found), 1):.1f} s each", flush=True
        )


def read_passages(model, question, texts):
    """Return the logits of some passages, best first, and the milliseconds to read so many.

    They are read in parts, 5, 10 and 20 deep, so that the time of each depth is that of one run.
    """
    logits, ms, start, places = {}, {}, time.perf_counter(), [0, *DEPTHS, len(texts)]
    names = list(texts)
    for low, high in pairwise(places):
        part = names[low:high]
        if part:
            scores = model.relevance(question, [texts[name] for name in part])
            logits |= dict(zip(part, scores, strict=True))
        ms[str(high)] = round(1000 * (time.perf_counter() - start), 1)
    return {"logits": logits, "ms": ms}


def judged_rows(held):
    """Return the questions that have anything relevant."""
    return [row for row in held["rows"] if any(g > 0 for g in row["grades"].values())]


def ways_of(row, held, logits):
    """Return way -> passages in its order; with the ranker where its logits are known."""
    plain = {
        "bm25": [(p, d) for p, d, _ in row["bm25"]],
        "dense": [(p, d) for p, d, _ in row["dense"]],
        "ranks": ranked_passages(row),
        "scores": fused_passages(row, held),
    }
    return plain | {
        f"scores, {depth} ranked": reranked(row, held, logits, depth) for depth in DEPTHS if logits
    }


def reranked(row, held, logits, depth):
    """Return the passages joined by scores, the first of them in the order of both scores."""
    scores = dict(scores_of(row, held))
    passages = fused_passages(row, held)
    first = [pair for pair in passages[:depth] if pair[0] in logits]
    both = joined([scores[p] for p, _ in first], [logits[p] for p, _ in first], WEIGHT)
    order = sorted(range(len(first)), key=lambda place: -both[place])
    return [*(first[place] for place in order), *passages[len(first) :]]


def short(value, digits=3, *, sign=False):
    """Return a number from -1 to 1 without the zero before its point."""
    written = f"{value:{'+' if sign else ''}.{digits}f}".replace("0.", ".", 1)
    return "1" if written == f"1.{'0' * digits}" else written


def tested(test, corrected):
    """Return a difference with its p-value, as it is and corrected."""
    p = "p < .001" if test.p_value < 0.001 else f"p {short(test.p_value)}"
    return f"{short(test.statistic, sign=True)} ({p}, Holm {short(corrected)})"


def table(args):
    """Print nDCG@10 of every way and set, with paired tests against ranks and the better half."""
    sets, ranked = read_lists(args.cache, embedder=args.embedder), {}
    if not args.embedder:
        ranked = {name: each for name, each in read_ranked(args.cache).items() if name in sets}
    ways = ["bm25", "dense", "ranks", "scores"]
    print("| set | passages | n | " + " | ".join(ways)
          + " | over ranks | over the better half | 20 ranked | ms |")  # fmt: skip
    print("|---" * 11 + "|")
    gains, tests = {}, []
    for name, held in sets.items():
        values = values_of(judged_rows(held), held, ways)
        better = max(("bm25", "dense"), key=lambda way: fmean(values[way]))
        tests += [(name, other, randomization_test(values["scores"], values[other], samples=20_000))
                  for other in ("ranks", better)]  # fmt: skip
        gains[name] = values | {"ms": [sum(row["ms"]) for row in judged_rows(held)]}
    corrected = holm([test.p_value for *_, test in tests])
    said = [tested(test, p) for (*_, test), p in zip(tests, corrected, strict=True)]
    for place, (name, values) in enumerate(gains.items()):
        cells = " | ".join(short(fmean(values[way])) for way in ways)
        over = " | ".join(said[2 * place : 2 * place + 2])
        added = gain_of_ranker(sets[name], ranked[name]) if name in ranked else ""
        print(f"| {name} | {sets[name]['passages']:,} | {len(values['ms'])} | {cells} | {over} | "
              f"{added} | {median(values['ms']):.0f} |")  # fmt: skip
    means = " | ".join(short(fmean(fmean(v[way]) for v in gains.values())) for way in ways)
    print(f"| mean | | | {means} | | | | |")
    if ranked:
        table_of_ranker(sets, ranked)


def values_of(rows, held, ways, logits=None):
    """Return way -> nDCG@10 of each question."""
    values = {way: [] for way in ways}
    for row in rows:
        found = ways_of(row, held, logits[row["id"]] if logits else {})
        for way in ways:
            values[way].append(ndcg(documents_of(found[way]), row["grades"], k=10))
    return values


def ranked_values(held, ranked):
    """Return way -> nDCG@10 of each question that the ranker has read passages of."""
    rows = [row for row in judged_rows(held) if row["id"] in ranked]
    logits = {question: each["logits"] for question, each in ranked.items()}
    ways = ["ranks", "scores", *(f"scores, {depth} ranked" for depth in DEPTHS)]
    return values_of(rows, held, ways, logits)


def gain_of_ranker(held, ranked):
    """Return what the ranker adds to joined scores, 20 deep, and on how many questions."""
    values = ranked_values(held, ranked)
    gain = fmean(values[f"scores, {DEPTHS[-1]} ranked"]) - fmean(values["scores"])
    return f"{short(gain, sign=True)} (n {len(values['scores'])})"


def table_of_ranker(sets, ranked):
    """Print what the ranker adds by depth, with its time, on the questions it has read."""
    print("\n| set | language | n | asked | ranks | scores | "
          + " | ".join(f"{depth} ranked" for depth in DEPTHS) + " | ms |")  # fmt: skip
    print("|---" * (len(DEPTHS) + 7) + "|")
    measured, tests = {}, []
    for name, found in ranked.items():
        values = measured[name] = ranked_values(sets[name], found)
        tests += [randomization_test(values[f"scores, {depth} ranked"], values["scores"],
                                     samples=20_000) for depth in DEPTHS]  # fmt: skip
    corrected = holm([test.p_value for test in tests])
    for place, (name, values) in enumerate(measured.items()):
        rows = [row for row in judged_rows(sets[name]) if row["id"] in ranked[name]]
        asked = fmean(is_question(row["read"]) for row in rows)
        part = slice(len(DEPTHS) * place, len(DEPTHS) * (place + 1))
        cells = " | ".join(
            f"{short(fmean(values[f'scores, {depth} ranked']))} {tested(test, p)}"
            for depth, test, p in zip(DEPTHS, tests[part], corrected[part], strict=True)
        )
        ms = " / ".join(
            f"{median(each['ms'][str(depth)] for each in ranked[name].values()):.0f}"
            for depth in DEPTHS
        )
        before = " | ".join(short(fmean(values[way])) for way in ("ranks", "scores"))
        facts = f"{rows[0]['language']} | {len(rows)} | {short(asked, 2)}"
        print(f"| {name} | {facts} | {before} | {cells} | {ms} |")


def main():
    """Run a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["lists", "logits", "table"])
    parser.add_argument("cache", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--set", action="append", help="may be repeated; without it all")
    parser.add_argument("--embedder", help="a model in place of the bundled ones")
    parser.add_argument("--asked", metavar="OTHER", help="ask this set's questions")
    parser.add_argument("--characters", type=int, help="of the documents of a set, see load_set")
    parser.add_argument("--most", type=int, default=MOST, help="questions of a set")
    parser.add_argument("--depth", type=int, default=20, help="passages that the ranker reads")
    parser.add_argument("--by-ranks", action="store_true", help="and those joined by ranks")
    args = parser.parse_args()
    {"lists": collect, "logits": collect_logits, "table": table}[args.command](args)


if __name__ == "__main__":
    main()
