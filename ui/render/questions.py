"""HTML of one question of a run: list row, cause of failure, citations and ranking."""

from evaluation.report import numbers
from evaluation.report.sections.funnel import cause_name
from evaluation.report.words import in_language
from evaluation.results.records import QueryResult
from ui.render.escaping import Html, element
from ui.words import Language, Say, all_words

LONGEST_ANSWER = 140  # characters of an answer in a list


def question_head(say: Say) -> Html:
    """Return the column headers; each row repeats them for screen readers."""
    names = ("each.gold", "each.answer")
    cells = [element("span", say(name)) for name in names]
    cells += [element("span", "F1"), element("span", say("each.rank"))]
    return element("p", *cells, class_="cw-cells cw-asked-cells cw-head", aria_hidden="true")


def question_row(query: QueryResult, say: Say, language: Language) -> Html:
    """Return the row of a question in a list: gold, answer, F1, rank, and cause of failure."""
    f1 = query.metrics.get("F1")
    cells = [
        _cell(say("each.gold"), " · ".join(query.golds) or "–"),
        _cell(say("each.answer"), _answer(query, say)),
        _cell("F1", "–" if f1 is None else numbers.fixed(f1)),
        _cell(say("each.rank"), query.first_relevant or "–"),
    ]
    cause = in_language(cause_name(query.cause or "none"), language)
    state = "failed" if query.cause else "ready"
    tag = element("span", cause, class_=f"cw-stage cw-{state}")
    return element("p", *cells, tag, class_="cw-cells cw-asked-cells")


def because(query: QueryResult, say: Say, language: Language) -> Html:
    """Return the explanation of a question's outcome."""
    cause = query.cause or "none"
    key = f"because.{cause.replace(' ', '_')}"
    name = in_language(cause_name(cause), language)
    text = say(key) if key in all_words() else ""
    return element("p", element("strong", name), " ", text, class_="cw-line")


def citations(query: QueryResult, say: Say) -> Html:
    """Return an answer's citations, each with whether it is right."""
    if not query.citations:
        return element("div")
    items = [
        element(
            "li",
            element(
                "p",
                element("span", each.n, class_="cw-number"),
                " ",
                element(
                    "bdi",
                    say("each.cited", source=each.source, start=each.start, end=each.end),
                ),
                class_="cw-where",
            ),
            element("p", each.quote, class_="cw-text", dir="auto"),
            None
            if each.right is None
            else element(
                "p",
                say("each.right" if each.right else "each.wrong"),
                class_=f"cw-stage cw-{'ready' if each.right else 'failed'}",
            ),
        )
        for each in query.citations
    ]
    title = element("summary", say("each.citations"))
    return element("details", title, element("ol", *items, class_="cw-ranks"), class_="cw-fold")


def ranking(query: QueryResult, say: Say) -> Html:
    """Return the stored ranks with their judgements."""
    if not query.ranking:
        return element("div")
    head = ("why.rank", "each.item", "each.score", "each.judged")
    rows = [
        element(
            "tr",
            element("th", f"#{rank}", scope="row"),
            element("td", element("bdi", each.passage_id)),
            element("td", f"{each.score:.4g}"),
            element("td", _grade(each.grade, say)),
        )
        for rank, each in enumerate(query.ranking, start=1)
    ]
    table = element(
        "table",
        element("thead", element("tr", *(element("th", say(key), scope="col") for key in head))),
        element("tbody", *rows),
    )
    label = say("each.ranking")
    scroll = element("div", table, class_="cw-table", tabindex="0", role="group", aria_label=label)
    return element("details", element("summary", label), scroll, class_="cw-fold")


def _cell(name: str, value: object) -> Html:
    return element(
        "span",
        element("span", name, ": ", class_="cw-label"),
        element("bdi", _short(str(value))),
    )


def _answer(query: QueryResult, say: Say) -> str:
    if query.abstained:
        return say("each.declined")
    return query.answer or "–"


def _grade(grade: int | None, say: Say) -> str:
    if grade is None:
        return "–"
    return say("each.relevant", grade=grade) if grade > 0 else say("each.irrelevant")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_ANSWER else f"{line[:LONGEST_ANSWER].rstrip()}…"
