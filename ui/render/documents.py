"""HTML of the page Documents: facts of a collection, uploads, documents, passages."""

from collections.abc import Sequence
from typing import Final

from rag.language.analysis import matched_spans
from rag.schema import Passage
from ui.render.escaping import Html, element, joined
from ui.render.highlighting import highlight, language_tag
from ui.services.library import DocumentRow
from ui.services.uploads import FileState, IndexSnapshot
from ui.words import Say

MOST_FILES: Final = 50  # files shown per upload
_ORDER = ("failed", "embedding", "reading", "cancelled", "queued", "ready", "unchanged")
STEPS: Final = {"queued": 0, "reading": 1, "embedding": 2}  # until a file is done


def facts(pairs: Sequence[tuple[str, object]]) -> Html:
    """Return names and values side by side."""
    items = [
        element("div", element("dt", name), element("dd", element("bdi", value)))
        for name, value in pairs
    ]
    return element("dl", *items, class_="cw-facts")


def job_status(job: IndexSnapshot, say: Say) -> Html:
    """Return the progress line of an upload; screen readers speak its changes."""
    count = len(job.files)
    if job.state == "queued":
        text = say("upload.waiting", count=count)
    elif job.state == "running":
        text = say("upload.progress", done=job.done, count=count)
    else:
        text = say(f"upload.{job.state}", summary=_summary(job.files, say))
    kind = "open" if job.is_open else job.state
    return element("p", text, class_=f"cw-status cw-{kind}", role="status")


def job_files(job: IndexSnapshot, say: Say) -> Html:
    """Return the files of an upload with their stages, progress and failures.

    Of many files, active, failed and remaining ones come first, and the rest is a number. After the
    end, successful files are collapsed.
    """
    files = list(job.files)
    if len(files) > MOST_FILES:
        files.sort(key=lambda file: _ORDER.index(file.stage))
    if job.is_open:
        return _files(files, say)
    well = [file for file in files if file.stage in ("ready", "unchanged")]
    left = [file for file in files if file not in well]
    title = element("summary", _summary(well, say))
    folded = element("details", title, _files(well, say), class_="cw-fold") if well else None
    return element("div", _files(left, say) if left else None, folded)


def failed_file(source: str, reason: str) -> Html:
    """Return a file that could not be indexed, with the reason."""
    return element(
        "div",
        element("bdi", source, class_="cw-name"),
        element("p", reason, class_="cw-reason", dir="auto"),
        class_="cw-file",
    )


def document_facts(row: DocumentRow, *, is_outdated: bool, say: Say) -> Html:
    """Return the facts next to a document's title in a list."""
    count = "passage" if row.passages == 1 else "passages"
    cells = [
        element("span", row.kind or say("list.records"), class_="cw-kind"),
        element("span", say(f"list.{count}", count=f"{row.passages:,}")),
        element("span", say("list.uploaded" if row.uploaded else "list.indexed")),
        element(
            "span",
            say("list.outdated" if is_outdated else "list.ready"),
            class_=f"cw-stage cw-{'failed' if is_outdated else 'ready'}",
        ),
    ]
    return element("p", *cells, class_="cw-cells")


def passage_list(passages: Sequence[Passage], words: str, say: Say) -> Html:
    """Return passages in their order, each with its place in the document.

    Args:
        passages: Passages; `rank` is the number in the document.
        words: Search words, marked in the passages.
        say: Function that returns the interface's texts.
    """
    return element("section", *(_passage(each, words, say) for each in passages),
                   class_="cw-passages", aria_label=say("preview.passages"))  # fmt: skip


def _files(files: Sequence[FileState], say: Say) -> Html:
    more = len(files) - MOST_FILES
    return element(
        "ul",
        *(_file(each, say) for each in files[:MOST_FILES]),
        element("li", say("failed.more", count=more), class_="cw-file") if more > 0 else None,
        class_="cw-files",
    )


def _file(file: FileState, say: Say) -> Html:
    stage = say(f"filestage.{file.stage}")
    meter = element(
        "progress",
        value=STEPS[file.stage],
        max=len(STEPS),
        aria_label=f"{file.name}: {stage}",
        class_="cw-meter",
    ) if file.stage in STEPS else element("span")  # fmt: skip
    return element(
        "li",
        element("bdi", file.name, class_="cw-name"),
        meter,
        element("span", stage, class_=f"cw-stage cw-{file.stage}"),
        element("p", file.reason, class_="cw-reason", dir="auto") if file.reason else None,
        class_="cw-file",
    )


def _summary(files: Sequence[FileState], say: Say) -> str:
    stages = [file.stage for file in files]
    found = dict.fromkeys(stages)
    return ", ".join(f"{stages.count(each)} {say(f'filestage.{each}')}" for each in found)


def _passage(passage: Passage, words: str, say: Say) -> Html:
    place = say("preview.place", start=f"{passage.start:,}", end=f"{passage.end:,}")
    parts: list[object] = []
    if passage.heading:
        parts.append(element("bdi", passage.heading))
    if passage.page is not None:
        parts.append(say("source.page", page=passage.page))
    parts.append(place)
    dotted = joined(parts[0], *(joined(" · ", part) for part in parts[1:]))
    read = passage.view.text
    terms = matched_spans(words, read) if words else ()
    text = element(
        "p",
        highlight(read, terms=terms),
        class_="cw-text cw-lines",
        dir="auto",
        lang=language_tag(read),
    )
    number = say("preview.number", number=passage.rank)
    head = element("header", element("span", number, class_="cw-title"))
    where = element("p", dotted, class_="cw-where")
    return element("article", head, where, text, class_="cw-card", aria_label=number)
