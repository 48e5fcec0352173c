"""Small data sets for the tests of evaluation, and what is the same in two runs."""

import csv
import json

DOCUMENTS = {
    "d1": ("Marmots", "Marmots sleep in winter. A marmot whistles when an eagle comes."),
    "d2": ("Eagles", "The eagle nests on the cliff. An eagle hunts marmots in summer."),
    "d3": ("Snow", "Snow lies on the pass from October to May."),
    "d4": ("Bridge", "The bridge over the river was built of larch in 1911."),
    "d5": ("River", "The river rises at the glacier. Trout live in the river."),
    "d6": ("Hut", "The hut at the pass has twelve beds and a stove."),
}
QUERIES = {
    "q1": ("eagle hunts marmots", {"d2": 2, "d1": 1}),
    "q2": ("bridge over the river", {"d4": 1, "d5": 0}),
    "q3": ("snow on the pass", {"d3": 1, "d6": 1, "d1": 1}),
    "q4": ("violin concerto", {"d6": 1}),
    "q5": ("trout", {"d5": 0}),
}


def write_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_beir(folder):
    write_lines(
        folder / "corpus.jsonl",
        [{"_id": key, "title": title, "text": text} for key, (title, text) in DOCUMENTS.items()],
    )
    rows = [{"_id": key, "text": text} for key, (text, _) in QUERIES.items()]
    write_lines(folder / "queries.jsonl", [*rows, {"_id": "other-split", "text": "stove"}])
    (folder / "qrels").mkdir(exist_ok=True)
    judged = [(q, d, grade) for q, (_, grades) in QUERIES.items() for d, grade in grades.items()]
    lines = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, row)) for row in judged)]
    (folder / "qrels" / "test.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def paragraph(context, *questions):
    """A paragraph of SQuAD: questions are (id, words, answers), found where they first stand."""
    return {
        "context": context,
        "qas": [
            {
                "id": name,
                "question": words,
                "answers": [{"text": text, "answer_start": context.find(text)} for text in answers],
            }
            for name, words, answers in questions
        ],
    }


SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Pass",
            "paragraphs": [
                paragraph(
                    "The hut at the pass has twelve beds. It was opened in 1954 by Ada Kern.",
                    ("en-1", "How many beds has the hut at the pass?", ["twelve", "twelve beds"]),
                    ("en-2", "Who opened the hut at the pass?", ["Ada Kern"]),
                ),
                paragraph(
                    "Snow lies on the pass from October to May.",
                    ("en-3", "Which cheese is sold at the observatory of Lisbon?", []),
                ),
            ],
        },
        {
            "title": "桥",
            "paragraphs": [
                paragraph(
                    "这座木桥建于1911年，由工程师林海设计。桥长六十米，横跨冰河。",
                    ("zh-1", "木桥是哪一年建的？", ["1911年"]),
                    ("zh-2", "木桥的设计者是谁？", ["林海", "工程师林海"]),
                )
            ],
        },
    ],
}


def write_squad(path, content=SQUAD):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def without_timings(folder):
    """The bytes of every file of a run that must be equal for equal inputs."""
    content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    del content["timings"]
    files = {path.name: path.read_bytes() for path in folder.glob("*.trec")}
    files["per_query.csv"] = (folder / "per_query.csv").read_bytes()
    return files | {"results.json": json.dumps(content).encode()}


def write_subjqa(folder, rows):
    folder.mkdir(parents=True)
    names = ("item_id", "q_review_id", "question", "review_id", "review")
    with (folder / "test.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*names, "human_ans_spans", "human_ans_indices"])
        writer.writerows(rows)
    return folder
