"""Source cards: citations and passages of an answer, and search results.

A card is an `<article>` with an id, so that a plain link jumps to it, opens the fold around it and
gives it the focus, without a script. Streamlit replaces the whole content of an element when it
changes; so cards look the same while an answer is written and when it is done.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from rag.language.analysis import matched_spans
from rag.schema import Answer, Citation, Passage, Stage
from ui.render.escaping import Html, element, joined
from ui.render.highlighting import Span, excerpt, highlight, language_tag, shifted
from ui.render.places import MARK, short_source, title_of
from ui.render.steps import why
from ui.words import Say

NEAREST: Final = 3  # passages shown expanded if there is no answer
SHORT: Final = 320  # characters of a passage that are shown expanded


def answer_anchor(exchange_id: str) -> str:
    """Return the id of an answer, the target of links back."""
    return f"ans-{exchange_id[:12]}"


def passage_anchors(exchange_id: str, passages: Sequence[Passage]) -> dict[int, str]:
    """Return rank -> card id of the passages behind an answer."""
    return {each.rank: f"psg-{exchange_id[:12]}-{each.rank}" for each in passages}


def citation_anchors(exchange_id: str, citations: Sequence[Citation]) -> dict[int, str]:
    """Return number -> card id of the citations."""
    return {each.n: f"src-{exchange_id[:12]}-{each.n}" for each in citations}


def citation_cards(exchange_id: str, answer: Answer, say: Say) -> Html:
    """Return a card for each citation: its source, and the quote in context."""
    if not answer.citations:
        return element("div")
    passages = {passage.passage_id: passage for passage in answer.passages}
    cards = [
        _citation_card(exchange_id, each, answer, passages.get(each.passage_id), say)
        for each in answer.citations
    ]
    return element("section", *cards, class_="cw-sources", aria_label=say("source.sources"))


def passage_cards(
    exchange_id: str,
    question: str,
    passages: Sequence[Passage],
    *,
    collection: str,
    say: Say,
) -> Html:
    """Return the passages behind an answer, collapsed; the same while it is written."""
    if not passages:
        return element("div")
    anchors = passage_anchors(exchange_id, passages)
    cards = [
        _card(
            passage,
            _folding(text := passage.view.text, terms=matched_spans(question, text), say=say),
            number=passage.rank,
            anchor=anchors[passage.rank],
            back=exchange_id,
            foot=joined(why(passage, (), say), _foot(collection, passage, say)),
            tag=passage.collection if passage.collection != collection else None,
            say=say,
        )
        for passage in passages
    ]
    title = say("source.read", count=len(passages))
    return element("details", element("summary", title), *cards, class_="cw-fold")


def nearest_cards(question: str, passages: Sequence[Passage], *, collection: str, say: Say) -> Html:
    """Return the nearest passages of an unanswered question, expanded."""
    cards = [
        _card(
            passage,
            _short(text := passage.view.text, terms=matched_spans(question, text)),
            number=None,
            foot=_foot(collection, passage, say),
            tag=passage.collection if passage.collection != collection else None,
            say=say,
        )
        for passage in passages[:NEAREST]
    ]
    if not cards:
        return element("div")
    title = element("p", say("source.nearest"), class_="cw-note")
    return element("section", title, *cards, class_="cw-sources")


def result_card(
    number: int,
    passage: Passage,
    *,
    marks: Sequence[Span],
    terms: Sequence[Span],
    collection: str,
    stages: Sequence[Stage],
    say: Say,
) -> Html:
    """Return the card of a search result, with the reason why it was found.

    Marks and terms are spans of the passage's text; shown is its view.
    """
    view = passage.view
    shown = [[view.to_view(*span) for span in spans] for spans in (marks, terms)]
    return _card(
        passage,
        _folding(view.text, marks=shown[0], terms=shown[1], say=say),
        number=number,
        anchor=f"result-{number}",
        foot=joined(why(passage, stages, say, terms=terms), _foot(collection, passage, say)),
        tag=collection,
        say=say,
    )


def context_passages(
    before: Passage | None,
    passage: Passage,
    after: Passage | None,
    *,
    terms: Sequence[Span],
    say: Say,
) -> Html:
    """Return a whole passage between its neighbours; terms are spans of its text."""
    view = passage.view
    words = [view.to_view(*span) for span in terms]
    parts = [
        _neighbour(before, "search.before", "search.first_passage", say),
        _paragraph(highlight(view.text, terms=words), view.text, whole=True),
        _neighbour(after, "search.after", "search.last_passage", say),
    ]
    return element("section", *parts, class_="cw-context", aria_label=say("search.context"))


def _document_query(collection: str, source: Passage | Citation) -> dict[str, str]:
    """Return the query parameters of the page of a document for a span.

    Answers of older versions do not name the collection of each source.
    """
    return {
        "collection": source.collection or collection.split(", ", maxsplit=1)[0],
        "document": source.document_id,
        "start": str(source.start),
        "end": str(source.end),
    }


def _citation_card(
    exchange_id: str, citation: Citation, answer: Answer, passage: Passage | None, say: Say
) -> Html:
    foot = _foot(answer.collection, citation, say)
    several = answer.collection != citation.collection  # of which this is one
    if passage is None:
        text, span = citation.quote, (0, len(citation.quote))
    else:
        view = passage.view
        text = view.text
        span = view.to_view(citation.start - passage.start, citation.end - passage.start)
        foot = joined(why(passage, answer.trace.stages, say), foot)
    where = replace(passage, page=citation.page, heading=citation.heading) if passage else citation
    return _card(
        where,
        _paragraph(excerpt(text, marks=[span], around=120), text),
        number=citation.n,
        anchor=citation_anchors(exchange_id, [citation])[citation.n],
        back=exchange_id,
        foot=foot,
        tag=citation.collection if several else None,
        say=say,
    )


def _neighbour(passage: Passage | None, title: str, none: str, say: Say) -> Html:
    if passage is None:
        return element("p", say(none), class_="cw-where")
    text = passage.view.text
    shown = _paragraph(highlight(text), text, whole=True)
    return element("div", element("p", say(title), class_="cw-where"), shown, class_="cw-beside")


def _card(
    source: Passage | Citation,
    body: Html,
    *,
    number: int | None,
    say: Say,
    foot: Html | None = None,
    anchor: str | None = None,
    back: str | None = None,
    tag: str | None = None,
) -> Html:
    title = title_of(source)
    name = title if number is None else say("source.name", number=number, title=title)
    head = element(
        "header",
        None if number is None else element("span", number, class_="cw-number"),
        element("bdi", title, class_="cw-title"),
        element("span", tag, class_="cw-tag") if tag else None,
        element("a", say("source.back"), class_="cw-back", href=f"#{answer_anchor(back)}")
        if back
        else None,
    )
    return element(
        "article",
        head,
        _where(source, title, say),
        body,
        foot,
        class_="cw-card",
        id=anchor,
        tabindex="-1" if anchor else None,
        aria_label=name,
    )


def _where(source: Passage | Citation, title: str, say: Say) -> Html | None:
    """Return the line with the place in the document."""
    parts: list[object] = []
    if short_source(source.source) != title:
        parts.append(element("bdi", short_source(source.source)))
    if source.page is not None:
        parts.append(say("source.page", page=source.page))
    if source.heading and source.heading != title:
        parts.append(element("bdi", source.heading))
    if not parts:
        return None
    dotted = [parts[0]]
    for part in parts[1:]:
        dotted += [" · ", part]
    return element("p", *dotted, class_="cw-where")


def _folding(
    text: str, *, say: Say, marks: Sequence[Span] = (), terms: Sequence[Span] = ()
) -> Html:
    """Return the relevant part, and below it the whole passage, collapsed, if it is longer."""
    if len(text) <= SHORT:
        return _paragraph(highlight(text, marks=marks, terms=terms), text, whole=True)
    whole = _paragraph(highlight(text, marks=marks, terms=terms), text, whole=True)
    title = element("summary", say("source.whole", count=f"{len(text):,}"))
    return joined(
        _short(text, marks=marks, terms=terms), element("details", title, whole, class_="cw-whole")
    )


def _short(text: str, *, marks: Sequence[Span] = (), terms: Sequence[Span] = ()) -> Html:
    if len(text) <= SHORT:
        return _paragraph(highlight(text, marks=marks, terms=terms), text)
    if marks or not terms:
        return _paragraph(excerpt(text, marks=marks, terms=terms, around=140), text)
    start = max(0, terms[0][0] - 60)  # the question's words, without an answer's mark
    part = text[start : start + SHORT]
    dots = ("… " if start else "", " …" if start + SHORT < len(text) else "")
    shown = highlight(part, terms=shifted(terms, start))
    return _paragraph(Html(f"{dots[0]}{shown}{dots[1]}"), text)


def _paragraph(shown: Html, text: str, *, whole: bool = False) -> Html:
    kind = "cw-text cw-lines" if whole else "cw-text"
    return element("p", shown, class_=kind, dir="auto", lang=language_tag(text))


def _foot(collection: str, source: Passage | Citation, say: Say) -> Html:
    address = f"document?{urlencode(_document_query(collection, source))}#{MARK}"
    link = element("a", say("source.open"), href=address, target="_blank")
    copies = source.copies if isinstance(source, Passage) else 0
    others = say("source.copies" if copies > 1 else "source.copy", count=copies)
    return element("p", link, f" · {others}" if copies else None, class_="cw-foot")
