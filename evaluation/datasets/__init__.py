"""Loaders for data sets: questions with gold answers or relevance judgements.

`load_dataset` detects the format of a file or folder and validates it; every malformed line is an
error that names file and line. `schema` defines the classes of a data set.

    squad.py     SQuAD 1.1 and 2.0, and data sets of the same format: CMRC, DRCD, XQuAD, SubjQA
    squad_forms.py   the original form, and rows as hubs distribute them
    beir.py      corpus.jsonl, queries.jsonl, qrels/*.tsv
    subjqa.py    SubjQA's folders of CSV files
    jsonl.py     lines of {question, answers, evidence, filters}, multi-evidence as well
    fields.py    known fields, and their types
    further_fields.py  gold answers and others beside a query of BEIR, in any form
    squad_export.py  writes any form with answers as SQuAD 2.0
    articles.py  articles/*.txt, and lines of questions with the offset of their paragraph
"""

from evaluation.datasets.load import load_dataset
from evaluation.datasets.schema import Dataset, Gold, JudgedQuestion, SourceDocument
from evaluation.datasets.squad import Question, read_squad
from evaluation.datasets.squad_export import squad_json

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
