"""The readers on texts and on their views: what the view changes in reading.

    PYTHONPATH=. python benchmarks/view_reading.py SET --model citewell-reader-zh

Only paragraphs whose view differs are read, as all others are the same text. Printed are F1 (CMRC's
for Chinese) and exact answers of the best span, and the paired t-test over the questions.
"""

import argparse
from pathlib import Path
from statistics import fmean

from evaluation.datasets import read_squad
from evaluation.metrics import f1
from evaluation.metrics.multilingual import cmrc_f1
from evaluation.metrics.significance import paired_t_test
from indexing.converters import ConvertedDocument
from indexing.views import make_view
from rag.models.pair_model import PairModel
from rag.models.windows import find_spans

LONGEST = 60  # tokens of a span


def best_span(model, question, text):
    """Return the words of the best span of a text."""
    (windows,) = model.read([(question, text)])
    found = find_spans(windows, most=1, longest=LONGEST)
    return text[found[0].start : found[0].end] if found else ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("set", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--most", type=int, default=400, help="questions that are read")
    options = parser.parse_args()
    model = PairModel(options.model, setting="reader.model")
    score = cmrc_f1 if "zh" in model.files.own.get("languages", ()) else f1
    questions = [each for each in read_squad(options.set) if each.is_answerable]
    meta = {"format": "evaluation"}
    texts = {each.context for each in questions}
    views = {text: make_view(ConvertedDocument("", "", text, (), (), meta)).text for text in texts}
    touched = [each for each in questions if views[each.context] != each.context]
    before, after = [], []
    for each in touched[: options.most]:
        for scores, text in ((before, each.context), (after, views[each.context])):
            scores.append(score(best_span(model, each.question, text), each.answers))
    changed = sum(view != text for text, view in views.items())
    print(
        f"{changed} of {len(views)} paragraphs differ, {len(touched)} questions, {len(before)} read"
    )
    if before:
        test = "equal" if before == after else paired_t_test(after, before)
        print(f"F1 {fmean(before):.3f} and {fmean(after):.3f}")
        print(f"exact {before.count(1)} and {after.count(1)}; {test}")


if __name__ == "__main__":
    main()
