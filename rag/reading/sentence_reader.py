"""Reader that finds the sentences that answer a question in the retrieved passages."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from haystack import Document, component

from rag.clock import Stopwatch
from rag.language.analysis import tokens
from rag.language.sentences import behind_bullet, sentence_spans
from rag.models.embedder import Embedder
from rag.models.windows import prefix
from rag.reading.evidence import (
    Evidence,
    coverage,
    heading_names,
    is_heading,
    kind_fits,
    locate,
    on_one_line,
)
from rag.reading.probabilities import probability
from rag.retrieval.word_weights import word_weights
from rag.schema import Stage
from rag.stores.contract import Store
from rag.view import view_of

SHORTEST = 3  # tokens; a shorter sentence is a heading or a scrap and answers nothing


@component
class SentenceReader:
    """Haystack component: sentences of passages, each with the probability that it answers.

    A sentence is scored by its embedding's similarity to the question, by the rare words of the
    question that it and its passage contain, by the passage's rank, and by whether it holds the
    kind of thing the question asks for. Without an embedder the other features alone decide.

    Args:
        store: The collection, for the document frequencies of words.
        embedder: The embedder; None uses words alone.
    """

    def __init__(self, store: Store, embedder: Embedder | None) -> None:
        self.store, self.embedder = store, embedder

    def warm_up(self) -> None:
        """Load the embedder."""
        if self.embedder is not None:
            self.embedder.warm_up()

    @component.output_types(evidence=list[Evidence], stage=Stage)
    def run(
        self, question: str, documents: list[Document], similarity: bool = True
    ) -> dict[str, Any]:
        """Return the evidence, best first, and the time it took.

        Args:
            question: The question.
            documents: Passages, best first.
            similarity: Whether to use the embedder; False if it does not serve the language.
        """
        watch = Stopwatch()
        embedder = self.embedder if similarity else None
        wanted = tokens(question)
        weights, note = word_weights(self.store, wanted)
        found = self._evidence(question, wanted, documents, embedder, weights)
        found.sort(key=lambda each: (-each.score, each.passage_id, each.start))
        note = note or (None if embedder else "by words alone")
        return {"evidence": found, "stage": watch.stage("read", count=len(found), note=note)}

    def _evidence(
        self,
        question: str,
        wanted: Sequence[str],
        documents: Sequence[Document],
        embedder: Embedder | None,
        weights: Mapping[str, float],
    ) -> list[Evidence]:
        found: list[Evidence] = []
        texts: list[str] = []
        for rank, document in enumerate(documents, start=1):
            view = view_of(document.content, document.meta)
            content, title = view.text, str(document.meta.get("title") or "")
            headings = heading_names(document.meta)
            names = tokens(f"{title} {document.meta.get('heading') or ''}")
            whole = coverage(wanted, tokens(content) + names, weights)
            for first, end in sentence_spans(content, lines_end=view.lines_end):
                start = behind_bullet(content, first, end)
                sentence = content[start:end]
                words = tokens(sentence)
                place = locate(view, start, end)
                if len(words) < SHORTEST or is_heading(sentence, headings) or place is None:
                    continue
                features = (
                    0.0,
                    coverage(wanted, words, weights),
                    whole,
                    1 / rank,
                    kind_fits(question, sentence),
                    1 / math.sqrt(len(words)),
                )
                wording = on_one_line(sentence)
                found.append(Evidence(document.id, *place, features, wording=wording))
                texts.append(prefix(title) + sentence)
        return _scored(found, _similarities(question, texts, embedder))


def _similarities(
    question: str, texts: Sequence[str], embedder: Embedder | None
) -> list[float] | None:
    """Return the cosine of the question with each text; None without an embedder."""
    if embedder is None or not texts:
        return None
    found: list[float] = (
        embedder.encode_passages(texts) @ embedder.encode_query(question)
    ).tolist()
    return found


def _scored(found: Sequence[Evidence], similarities: Sequence[float] | None) -> list[Evidence]:
    scored = []
    for place, each in enumerate(found):
        similarity = similarities[place] if similarities is not None else None
        features = (similarity or 0.0, *each.features[1:])
        score = probability(features, similarity=similarity is not None)
        scored.append(replace(each, features=features, score=score))
    return scored
