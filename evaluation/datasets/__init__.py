"""Questions with known answers or judgements, from the forms that such sets come in.

`load_dataset` recognises the form of a file or folder and checks it; every malformed line is an
error that names file and line. What a set consists of is in `schema`.

    squad.py     SQuAD 1.1 and 2.0, and what looks like it: CMRC, DRCD, XQuAD, SubjQA converted
    beir.py      corpus.jsonl, queries.jsonl, qrels/*.tsv
    subjqa.py    SubjQA's folders of CSV files
    jsonl.py     lines of {question, answers, evidence, filters}, multi-evidence as well
    articles.py  articles/*.txt, and lines of questions with the offset of their paragraph
"""

from evaluation.datasets.load import load_dataset
from evaluation.datasets.schema import Dataset, Gold, JudgedQuestion, SourceDocument
from evaluation.datasets.squad import Question, read_squad, squad_json

__all__ = [
    "Dataset",
    "Gold",
    "JudgedQuestion",
    "Question",
    "SourceDocument",
    "load_dataset",
    "read_squad",
    "squad_json",
]
