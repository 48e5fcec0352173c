"""Domain adaptation as in the book: what a general reader gains from one's own questions.

    python benchmarks/adaptation.py --data ../shared/data/subjqa --base MODEL --out REPORT

For each domain: (a) the general reader, (b) the same, fine-tuned on the domain's training
questions, (c) the plain encoder, trained on them alone. Each reads the review that a question was
asked of; (b) reads what bm25 and hybrid find among the product's reviews as well, k = 1 to 10. EM
and F1 of the best span, on test questions that have an answer; on all of them with the threshold
chosen on the domain's dev set. Writes `report.md`, `adaptation.svg` and `scores.json`. SubjQA may
not be passed on, and neither may models trained on it: they stay in the `--models` folder.
"""

import argparse
import json
from pathlib import Path
from statistics import fmean

from haystack import Document

from evaluation.datasets.squad import read_squad
from evaluation.metrics.answers import evaluate_predictions, exact_match, f1
from evaluation.metrics.significance import bootstrap_mean, paired_t_test
from evaluation.run.reader_evaluation import read_contexts
from evaluation.training.loop import Schedule
from evaluation.training.options import TrainingOptions
from evaluation.training.reader.training import train_model
from rag.collections import open_temporary
from rag.config import Config
from rag.config.reader import ReaderConfig
from rag.models.embedder import Embedder, embedder_settings
from rag.models.pair_model import PairModel
from rag.models.selection import open_roles
from rag.reading.span_reader import SpanReader
from rag.retrieval.fusion import fuse

KS = (1, 2, 3, 5, 10)
NAMES = {"a": "general", "b": "general, then the domain", "c": "the domain alone"}
BOOK = {"a": (0.060, 0.246), "b": (0.327, 0.518), "c": (0.127, 0.307), "whole": (0.230, 0.431)}


def train_file(domain, args):
    """Return the training questions without those, word for word, that the test set asks too."""
    data = args.data / "squad_format"
    tested = {q.question.casefold() for q in read_squad(data / f"{domain}-test.json")}
    held = json.loads((data / f"{domain}-train.json").read_text(encoding="utf-8"))
    for article in held["data"]:
        for paragraph in article["paragraphs"]:
            paragraph["qas"] = [
                each for each in paragraph["qas"] if each["question"].casefold() not in tested
            ]
    path = args.models / f"{domain}-train.json"
    path.write_text(json.dumps(held), encoding="utf-8")
    return path


def models_of(domain, args):
    """Return the three readers, training those that are not there yet."""
    data = args.data / "squad_format"
    reader = open_roles(Config()).readers["en"].files.folder
    found = {"a": str(reader)}
    for name, base in (("b", str(reader)), ("c", args.base)):
        out = args.models / f"{domain}-{name}"
        if not out.exists():
            course = TrainingOptions(
                role="reader",
                paths=[train_file(domain, args)],
                base=base,
                out=out,
                schedule=Schedule(epochs=args.epochs, learning_rate=1e-4, minutes=args.budget),
                negatives=0.0,
                evaluated_on=[data / f"{domain}-test.json"],
                repair=True,
            )
            train_model(course, told=lambda now: print(end="." if now.checked is None else "|"))
            print()
        found[name] = str(out)
    return found


def reading_scores(domain, model, data):
    """Return EM and F1 of each answerable test question, and the means over all questions."""
    config = Config(reader=ReaderConfig(kind="spans", model=model, languages=("en",)))
    sets = {}
    for split in ("dev", "test"):
        questions = read_squad(data / "squad_format" / f"{domain}-{split}.json")
        sets[split] = questions, read_contexts(questions, config)
    questions, reading = sets["test"]
    ems = {q.question_id: exact_match(reading.predictions[q.question_id], q.answers)
           for q in questions if q.answers}  # fmt: skip
    f1s = {q.question_id: f1(reading.predictions[q.question_id], q.answers)
           for q in questions if q.answers}  # fmt: skip
    best = sets["dev"][1].scores.best_f1
    golds = {q.question_id: q.answers for q in questions}
    total = evaluate_predictions(golds, reading.predictions, reading.na_probs, best.threshold).total
    return ems, f1s, (total.exact, total.f1, total.n)


def found_for(questions):
    """Return method -> question id -> reviews of the product, best first."""
    reviews = {question.context: question.document for question in questions}
    texts = list(reviews)
    embedder = Embedder(embedder_settings(Config().embedder, language="en"))
    vectors = embedder.encode_passages(texts)
    found = {"bm25": {}, "hybrid": {}}
    with open_temporary(Config()) as store:
        store.write_documents([Document(content=t, meta={"item": i}) for t, i in reviews.items()])
        for question in questions:
            of_item = {"field": "meta.item", "operator": "==", "value": question.document}
            hits = store.bm25_retrieval(question.question, top_k=max(KS), filters=of_item)
            words = [hit.content for hit in hits]
            own = [row for row, text in enumerate(texts) if reviews[text] == question.document]
            near = vectors[own] @ embedder.encode_query(question.question)
            dense = [texts[own[place]] for place in (-near).argsort()]
            both = fuse({"bm25": words, "dense": dense}, {"bm25": 1, "dense": 1})
            found["bm25"][question.question_id] = words
            found["hybrid"][question.question_id] = [text for text, _ in both][: max(KS)]
    return found


def whole_scores(questions, model):
    """Return method -> k -> EM, F1 and recall of the questions that have an answer."""
    reader = SpanReader(PairModel(model, setting="reader.model"), 1)
    found = found_for(questions)
    rows = {(method, k): [] for method in found for k in KS}
    for question in (each for each in questions if each.answers):
        lists = {method: by_id[question.question_id] for method, by_id in found.items()}
        texts = list(dict.fromkeys(text for texts in lists.values() for text in texts))
        read = reader.model.read([(question.question, text) for text in texts])
        best = {}
        for text, windows in zip(texts, read, strict=True):
            evidence = reader.evidence(Document(content=text), windows)
            if evidence:
                best[text] = evidence[0]
        for (method, k), row in rows.items():
            first = lists[method][:k]
            spans = [(best[text].score, text) for text in first if text in best]
            said = ""
            if spans:
                text = max(spans)[1]
                said = text[best[text].span[0] : best[text].span[1]]
            row.append(
                (
                    exact_match(said, question.answers),
                    f1(said, question.answers),
                    float(question.context in first),
                )
            )
    return {
        method: {k: [fmean(column) for column in zip(*rows[method, k], strict=True)] for k in KS}
        for method in found
    }


def whole_lines(scores):
    """Return the table of the whole pipeline."""
    lines = ["| whole pipeline, (b) | " + " | ".join(f"k = {k}" for k in KS) + " |",
             "|---" * (len(KS) + 1) + "|"]  # fmt: skip
    for method, by_k in scores.items():
        for place, name in enumerate(("EM", "F1", "recall")):
            cells = " | ".join(f"{by_k[k][place]:.3f}" for k in KS)
            lines.append(f"| {method}, {name} | {cells} |")
    return [*lines, ""]


def shown(values):
    """Return a mean with its 95 % interval."""
    low, high = bootstrap_mean(values)[:2]
    return f"{fmean(values):.3f} [{low:.3f}, {high:.3f}]"


def report(domain, args, lines):
    """Add a domain's section; return its figures."""
    models = models_of(domain, args)
    lines += [
        f"## {domain}",
        "",
        "| reader | EM | F1 | EM, F1 on all questions |",
        "|---|---|---|---|",
    ]
    scores, whole = {}, {}
    for name, model in models.items():
        ems, f1s, total = reading_scores(domain, model, args.data)
        scores[name] = f1s
        lines.append(
            f"| ({name}) {NAMES[name]} | {shown(list(ems.values()))} | {shown(list(f1s.values()))} "
            f"| {total[0]:.3f}, {total[1]:.3f} (n = {total[2]}) |"
        )
        whole[name] = fmean(ems.values()), fmean(f1s.values())
    lines += ["", f"EM and F1 of the best span over the {len(scores['a'])} questions that have an "
              "answer, with 95 % intervals.", ""]  # fmt: skip
    for one, other in (("b", "a"), ("b", "c")):
        test = paired_t_test(list(scores[one].values()), list(scores[other].values()))
        lines.append(
            f"- F1 of ({one}) against ({other}): t = {test.statistic:.2f}, p = {test.p_value:.2g}"
        )
    lines.append("")
    result = {"reading": whole}
    questions = read_squad(args.data / "squad_format" / f"{domain}-test.json")
    result["whole"] = whole_scores(questions, models["b"])
    lines += whole_lines(result["whole"])
    return result


def draw(figures, path):
    """Draw EM and F1 of the readers, and the pipeline's F1 over k."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "adaptation"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    width = 0.8 / len(figures)
    for number, (domain, found) in enumerate(figures.items()):
        at = [place + number * width for place in range(3)]
        color = f"C{number}"
        axes[0].bar(
            at, [found["reading"][name][1] for name in "abc"], width, label=domain, color=color
        )
        for (method, by_k), marker in zip(found["whole"].items(), "so", strict=True):
            axes[1].plot(
                KS,
                [by_k[k][1] for k in KS],
                marker=marker,
                color=color,
                label=f"F1, {domain}, {method}",
            )
            axes[1].plot(KS, [by_k[k][2] for k in KS], ls=":", marker=marker, ms=3, color=color)
    axes[0].plot(
        [0.2, 1.2, 2.2],
        [BOOK[name][1] for name in "abc"],
        "k_",
        ms=30,
        label="the book, electronics",
    )
    axes[0].set_xticks([0.2, 1.2, 2.2], ["(a) general", "(b) + domain", "(c) domain alone"])
    axes[0].set_ylabel("F1 of the best span")
    axes[1].set_xlabel("reviews read, k (dotted: recall)")
    axes[1].set_xticks(KS)
    for each in axes:
        each.set_ylim(0, 1)
        each.legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/subjqa"))
    parser.add_argument("--domains", default="electronics,restaurants")
    parser.add_argument("--base", required=True, help="encoder that (c) begins from")
    parser.add_argument("--models", type=Path, default=Path(".rag/adaptation"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--budget", type=float, help="minutes for each training")
    args = parser.parse_args()
    args.models.mkdir(parents=True, exist_ok=True)
    args.out.mkdir(parents=True, exist_ok=True)
    lines = ["# Domain adaptation on SubjQA", ""]
    figures = {domain: report(domain, args, lines) for domain in args.domains.split(",")}
    book = [f"({name}) EM {em:.3f} F1 {score:.3f}" for name, (em, score) in BOOK.items()]
    lines.append("The book, on electronics with a reader of 33 M parameters: " + "; ".join(book))
    lines += ["", "![Readers and pipeline](adaptation.svg)"]
    (args.out / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (args.out / "scores.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    draw(figures, args.out / "adaptation.svg")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
