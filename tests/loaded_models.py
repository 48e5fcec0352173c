"""The models that come with the package, loaded once in a process for all tests that use them."""

import numpy as np

from rag.models import embedder as embedders
from rag.models import pair_model

SHIPPED = ("citewell", "package ")  # how the origin of what is never changed begins
_load_embedder, _load_reader = embedders._load, pair_model.open_window_model
_kept = {}


def load_shipped_once(monkeypatch):
    """Let engines share the shipped models' weights; models in folders are loaded as ever."""
    monkeypatch.setattr(embedders, "_load", _embedder)
    monkeypatch.setattr(pair_model, "open_window_model", _reader)


def _embedder(files, config):
    return _once(files, how(config), lambda: _load_embedder(files, config))


def _reader(files, settings):
    return _once(files, how(settings), lambda: _load_reader(files, settings))


def how(settings):
    """What of a role's settings its loaded model depends on."""
    return settings.runtime, settings.device, settings.dtype


def _once(files, settings, load):
    if not files.origin.startswith(SHIPPED):
        return load()
    key = (files.folder, *settings)
    if key not in _kept:
        _kept[key] = load()
    return _kept[key]


class Remembering:
    """An embedder that embeds a text once, however often it comes.

    The rows of a batch depend a little on what else is in it, so this is for tests of what is made
    of vectors, not of the vectors.
    """

    def __init__(self, embedder):
        self._embedder, self._questions, self._passages = embedder, {}, {}

    def __getattr__(self, name):
        return getattr(self._embedder, name)

    def encode_query(self, text):
        if text not in self._questions:
            self._questions[text] = self._embedder.encode_query(text)
        return self._questions[text]

    def encode_passages(self, texts):
        new = [text for text in dict.fromkeys(texts) if text not in self._passages]
        self._passages |= zip(new, self._embedder.encode_passages(new), strict=True)
        if not texts:
            return self._embedder.encode_passages(texts)
        return np.stack([self._passages[text] for text in texts])
