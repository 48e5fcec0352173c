"""Published numbers for a few data sets, each with the reason why ours are not comparable.

All of them were checked in the named source.
"""

from dataclasses import dataclass

from evaluation.report.words import Words, say

_PYSERINI = "castorini/pyserini, docs/2cr/beir.html (2026-08)"
_MTEB = "embeddings-benchmark/results (MTEB)"
_CMRC = "ymcui/cmrc2018, README"


@dataclass(frozen=True)
class Anchor:
    """One published number.

    Attributes:
        system: The published system.
        metric: Name of our closest metric.
        value: The number as published.
        source: Publication.
        because: Reason why it is not, or only roughly, comparable.
    """

    system: str
    metric: str
    value: str
    source: str
    because: Words


def anchors_for(dataset: str) -> tuple[Anchor, ...]:
    """Return the published numbers for a data set, recognised by words in its name.

    Example:
        >>> [anchor.value for anchor in anchors_for("beir-scifact")][:2]
        ['0.679', '0.665']
        >>> anchors_for("my-notes")
        ()
    """
    name = dataset.lower()
    found = (make() for words, make in _SETS if any(word in name for word in words))
    return next(found, ())


def _scifact() -> tuple[Anchor, ...]:
    bm25, dense = say("anchor.bm25"), say("anchor.dense")
    return (
        Anchor("BM25 flat", "nDCG@10", "0.679", _PYSERINI, bm25),
        Anchor("BM25 multifield", "nDCG@10", "0.665", _PYSERINI, bm25),
        Anchor("bm25s", "nDCG@10", "0.687", _MTEB, bm25),
        Anchor("all-MiniLM-L6-v2", "nDCG@10", "0.645", _MTEB, dense),
        Anchor("bge-small-en-v1.5", "nDCG@10", "0.713", _MTEB, dense),
        Anchor("BM25 flat", "recall@100", "0.925", _PYSERINI, bm25),
        Anchor("all-MiniLM-L6-v2", "recall@100", "0.925", _MTEB, dense),
    )


def _subjqa() -> tuple[Anchor, ...]:
    source = "Tunstall, von Werra, Wolf: NLP with Transformers, notebook 07"
    return (Anchor("BM25 (called recall@3)", "success@3", "0.95", source, say("anchor.subjqa")),)


def _cmrc() -> tuple[Anchor, ...]:
    because = say("anchor.cmrc")
    return (
        Anchor("BERT-base (zh), dev", "EM", "0.635", _CMRC, because),
        Anchor("BERT-base (zh), dev", "F1", "0.836", _CMRC, because),
    )


def _squad() -> tuple[Anchor, ...]:
    because = say("anchor.squad")
    source = "deepset/minilm-uncased-squad2, model card"
    return (
        Anchor("minilm-uncased-squad2, dev", "EM", "0.761", source, because),
        Anchor("minilm-uncased-squad2, dev", "F1", "0.795", source, because),
    )


_SETS = (
    (("scifact",), _scifact),
    (("subjqa", "electronics"), _subjqa),
    (("cmrc",), _cmrc),
    (("squad",), _squad),
)
