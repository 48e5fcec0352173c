"""Check the form of the question sets, and that what they need stands in their documents.

    python benchmarks/answers/check_questions.py [DATA]

DATA is the folder with the shared data sets (by default ../shared/data); without it only the
form is checked, and a line says so. PDF files need `pdftotext`.

A question is an object a line of first.jsonl (and of other sets beside it): `id`, `corpus` (a
name in corpora.json), `language`, `type`, `question` and `answerable`. What can be answered has
`needed`, groups of alternatives, of which a right answer quotes at least one of every group;
`source`, the document, relative to DATA (with `#ID` for a record of a .jsonl file); `place`, a
short text copied from where the answer stands; perhaps `also`, other documents that answer as
well; and perhaps `unwanted`, texts that only a wrong answer holds. What cannot be answered has
`why`. Texts are compared as `normalized` leaves them.
"""

import html
import json
import re
import shutil
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NEAR = 2500  # characters of normalized text before and after `place` that hold what is needed
TYPES = {
    "fact",
    "definition",
    "how-to",
    "why",
    "comparison",
    "list",
    "table",
    "yes-no",
    "keywords",
}
REASONS = {
    "entity swapped",
    "attribute missing",
    "quantity of another kind",
    "other relation",
    "identifier that does not exist",
    "version or date that is not there",
    "off topic",
}
ALWAYS = {"id", "corpus", "language", "type", "question", "answerable", "needed"}
OPTIONAL = {"note", "unwanted", "also"}


def normalized(text: str) -> str:
    """Return `text` in NFKC and lower case, without white space and Markdown's marks."""
    return re.sub(r"[\s*_`#|>~]", "", unicodedata.normalize("NFKC", text).lower())


@cache
def document(path: Path, record: str = "") -> str:
    """Return the text of a document as a reader sees it: no tags, no addresses of links."""
    if path.suffix == ".pdf":
        command = ["pdftotext", "-enc", "UTF-8", str(path), "-"]
        return subprocess.run(command, check=True, capture_output=True).stdout.decode()
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        found = [each for each in map(json.loads, text.splitlines()) if each["_id"] == record]
        return "\n".join(f"{each.get('title', '')}\n{each['text']}" for each in found)
    text = re.sub(r"</?[a-zA-Z][^<>]*>", "", text)
    return html.unescape(re.sub(r"\[([^\[\]]*)\]\([^()\s]*\)", r"\1", text))


def read(data: Path, source: str) -> str:
    """Return the text of `source`, a file in `data` or a record of one."""
    name, _, record = source.partition("#")
    return document(data / name, record)


def form_problems(question: dict[str, Any], corpora: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the fields of one question."""
    own = {"source", "place"} if question["answerable"] else {"why"}
    if missing := (ALWAYS | own) - question.keys():
        yield f"lacks {', '.join(sorted(missing))}"
    if unknown := question.keys() - ALWAYS - own - OPTIONAL:
        yield f"has unknown fields {', '.join(sorted(unknown))}"
    if question["corpus"] not in corpora:
        yield f"names a corpus that corpora.json lacks: {question['corpus']}"
    if question["language"] != corpora[question["corpus"]]["language"]:
        yield "is in another language than its corpus"
    if question["type"] not in TYPES:
        yield f"has an unknown type {question['type']}"
    if not question["answerable"]:
        if question["why"] not in REASONS or question["needed"]:
            yield "cannot be answered: give one of the reasons, and nothing needed"
        return
    if not question["needed"] or not all(question["needed"]):
        yield "needs at least one group, and each group an alternative"
    if not all(2 <= len(each) <= 40 for group in question["needed"] for each in group):
        yield "has an alternative that is not 2 to 40 characters long"
    if not 4 <= len(question["place"]) <= 80:
        yield "has a place that is not 4 to 80 characters long"
    files = corpora[question["corpus"]]["files"]
    for source in [question["source"], *question.get("also", [])]:
        if source.partition("#")[0] not in files:
            yield f"has a source that its corpus lacks: {source}"


def text_problems(question: dict[str, Any], data: Path) -> Iterator[str]:
    """Yield what an answerable question names and its document does not hold."""
    text = normalized(read(data, question["source"]))
    places = [
        found.start() for found in re.finditer(re.escape(normalized(question["place"])), text)
    ]
    if not places:
        yield f"`{question['place']}` is not in {question['source']}"
    around = [text[max(0, at - NEAR) : at + NEAR] for at in places]
    around += [normalized(read(data, other)) for other in question.get("also", [])]
    for each in (each for group in question["needed"] for each in group):
        if not any(normalized(each) in part for part in around):
            yield f"`{each}` does not stand near its place in {question['source']}"
    for each in question.get("unwanted", []):
        if normalized(each) not in text:
            yield f"`{each}` is unwanted, and stands nowhere in {question['source']}"


def main() -> int:
    """Print every problem and a table of what the sets hold; return 1 if there is a problem."""
    data = Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parents[1] / "../shared/data")
    corpora = json.loads((HERE / "corpora.json").read_text(encoding="utf-8"))
    sets = sorted(HERE.glob("*.jsonl"))
    questions = [
        json.loads(line) for file in sets for line in file.read_text(encoding="utf-8").splitlines()
    ]
    problems = [
        f"{question['id']} {problem}"
        for question in questions
        for problem in form_problems(question, corpora)
    ]
    repeated = Counter(question["id"] for question in questions)
    problems += [f"{name} stands there {n} times" for name, n in repeated.items() if n > 1]
    if not data.is_dir():
        print(f"Only the form was checked: there is no folder {data}.")
    else:
        problems += [
            f"{name}: there is no {file}"
            for name, corpus in corpora.items()
            for file in corpus["files"]
            if not (data / file).is_file()
        ]
        pdf = shutil.which("pdftotext") is not None
        if not pdf:
            print("PDF files were not checked: there is no pdftotext.")
        for question in questions:
            if question["answerable"] and (pdf or ".pdf" not in question["source"]):
                problems += [
                    f"{question['id']} {problem}" for problem in text_problems(question, data)
                ]
    for problem in problems:
        print(problem)
    counts = Counter(
        (question["type"] if question["answerable"] else "no answer", question["language"])
        for question in questions
    )
    for (kind, language), count in sorted(counts.items()):
        print(f"{kind:12} {language} {count:3}")
    print(f"{len(questions)} questions, {len(problems)} problems.")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
