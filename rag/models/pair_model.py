"""A model that reads a question together with texts, for spans, no answer and relevance.

Two kinds of folder or hub model: a stock `...ForQuestionAnswering`, and the joint reader-ranker of
`rag.models.reader_ranker`, which alone gives relevance. Results for a question and a text are
cached, so that the reader after the ranker does not read the same passages again.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from rag.errors import ModelError, first_line
from rag.language.forms import in_one_script
from rag.models.batching import in_batches
from rag.models.calibration import Calibration, read_calibration
from rag.models.model_files import ModelFiles, find_model
from rag.models.runtime import Runtime
from rag.models.window_models import WindowModel, open_window_model
from rag.models.windows import Window, WindowCutter, WindowOutput, by_length

LENGTH = 384  # tokens of a window, if the model declares none and allows as many
CACHED_PAIRS = 256  # pairs of a question and a text
Pair = tuple[str, str]


class PairModel:
    """A reader's model, and a ranker's if it has a head for relevance.

    Loaded when first used, safe to share between threads.

    Args:
        model: A folder or hub name.
        setting: The setting that names it, for error messages.
        runtime: `auto` is ONNX Runtime on a processor, if the model has a graph, else torch.
        device: `auto` takes a GPU if there is one.
        dtype: `auto` is float32 in ONNX Runtime, and bfloat16 in torch where the processor has it.
        batch_size: Number of windows per batch.

    Attributes:
        files: The model's files.
        calibration: Conversion of scores to a probability.
        ran_by: `onnx` or `torch`, whichever runs it; empty until it is loaded.
    """

    def __init__(
        self,
        model: str,
        *,
        setting: str,
        runtime: Runtime = "auto",
        device: str = "auto",
        dtype: str = "auto",
        batch_size: int = 16,
    ) -> None:
        self.files: ModelFiles = find_model(model, setting=setting)
        self.runtime, self.device, self.dtype = runtime, device, dtype
        self.batch_size, self.ran_by = batch_size, ""
        self.calibration: Calibration = read_calibration(self.files.folder)
        self._setting = setting
        self._model: WindowModel | None = None
        self._cutter: WindowCutter | None = None
        self._nowhere = 0  # id of the token that stands for no answer
        self._lock = threading.Lock()
        self._kept: OrderedDict[Pair, tuple[WindowOutput, ...]] = OrderedDict()

    @property
    def ranks(self) -> bool:
        """Whether it has a head for relevance."""
        return "relevance" in self.files.own.get("heads", ())

    @property
    def reads(self) -> bool:
        """Whether it has a head for spans."""
        return "spans" in self.files.own.get("heads", ("spans",))

    def warm_up(self) -> None:
        """Load the model, once.

        Raises:
            ModelError: If it cannot be loaded, or lacks a required head.
        """
        with self._lock:
            if self._model is None:
                _check_head(self.files, self._setting)
                model, ran_by = open_window_model(self.files, self)
                self._cutter, self._nowhere = _load_tokenizer(self.files, ran_by)
                self._model, self.ran_by = model, ran_by

    def forget(self) -> None:
        """Clear the cached results."""
        with self._lock:
            self._kept.clear()

    def relevance(
        self, question: str, texts: Sequence[str], *, deadline: float | None = None
    ) -> list[float] | None:
        """Return the relevance of each text, that of its best window; see `RelevanceModel`."""
        found = self.read([(question, text) for text in texts], deadline=deadline)
        if found is None:
            return None
        return [max(each.relevance or 0.0 for each in windows) for windows in found]

    def read(
        self, pairs: Sequence[Pair], *, deadline: float | None = None
    ) -> list[tuple[WindowOutput, ...]] | None:
        """Return the model's output for the windows of each pair of a question and a text.

        Chinese is read in simplified characters; offsets are those of the texts.

        Args:
            pairs: Pairs of a question and a text; a text may be empty.
            deadline: Time limit on the clock of `time.monotonic`.

        Returns:
            At least one window for each pair, in their order; None if the deadline came first.

        Raises:
            ModelError: If memory does not suffice even for one window at a time.
        """
        self.warm_up()
        pairs = [(in_one_script(question), in_one_script(text)) for question, text in pairs]
        with self._lock:
            kept = {pair: self._kept[pair] for pair in pairs if pair in self._kept}
            new = [pair for pair in dict.fromkeys(pairs) if pair not in kept]
            made = self._read(new, deadline)
            if made is None:
                return None
            self._kept.update(made)
            while len(self._kept) > CACHED_PAIRS:
                self._kept.popitem(last=False)
        return [kept.get(pair) or made[pair] for pair in pairs]

    def _read(
        self, pairs: Sequence[Pair], deadline: float | None
    ) -> dict[Pair, tuple[WindowOutput, ...]] | None:
        assert self._cutter is not None  # noqa: S101 - loaded
        shorts = {question: self._cutter.shorten(question) for question, _ in pairs}
        windows = self._cutter.cut_pairs([(shorts[question], text) for question, text in pairs])
        readings: dict[int, WindowOutput] = {}

        def work(places: Sequence[int]) -> None:
            batch = [windows[place] for place in places]
            readings.update(zip(places, self._forward(batch), strict=True))

        if not in_batches(by_length(windows), work, self.batch_size, deadline=deadline):
            return None
        found: dict[Pair, tuple[WindowOutput, ...]] = dict.fromkeys(pairs, ())
        for place, window in enumerate(windows):
            found[pairs[window.text]] += (readings[place],)
        return found

    def _forward(self, windows: Sequence[Window]) -> list[WindowOutput]:
        assert self._model is not None  # noqa: S101 - loaded
        said = self._model.run(windows)
        found = []
        for row, window in enumerate(windows):
            count = len(window.ids)
            nowhere = window.ids.index(self._nowhere) if self._nowhere in window.ids else 0
            found.append(
                WindowOutput(
                    window,
                    np.asarray(said.starts[row, :count]),
                    np.asarray(said.ends[row, :count]),
                    null=float(said.starts[row, nowhere] + said.ends[row, nowhere]),
                    doubt=None if said.null is None else float(said.null[row]),
                    relevance=None if said.relevance is None else float(said.relevance[row]),
                )
            )
        return found


def _check_head(files: ModelFiles, setting: str) -> None:
    if files.own:
        return
    kinds = [str(name) for name in files.read("config.json").get("architectures") or ()]
    if not any(name.endswith("ForQuestionAnswering") for name in kinds):
        raise ModelError(
            f"`{files.name}` has no head for answers (`{', '.join(kinds) or 'unknown'}`). Set "
            f"`{setting}` to a `...ForQuestionAnswering` model, such as "
            "deepset/minilm-uncased-squad2, or to one that `rag train reader` made."
        )


def _load_tokenizer(files: ModelFiles, ran_by: str) -> tuple[WindowCutter, int]:
    """Return a cutter with the model's tokenizer, and the token that stands for no answer.

    A graph is made only where `tokenizer.json` alone gives the tokens of transformers.
    """
    if ran_by == "onnx":
        settings = files.read("tokenizer_config.json")
        name = settings.get("cls_token") or "[CLS]"
        backend, most = files.tokenizer, settings.get("model_max_length") or LENGTH
        nowhere = backend.token_to_id(name if isinstance(name, str) else name["content"])
    else:
        tokenizer = transformers_tokenizer(files)
        backend, most = tokenizer.backend_tokenizer, tokenizer.model_max_length
        nowhere = tokenizer.cls_token_id
    places = files.read("config.json").get("max_position_embeddings") or LENGTH
    length = int(files.own.get("length") or min(LENGTH, most, places))
    cutter = WindowCutter(
        backend,
        length=length,
        stride=int(files.own.get("stride") or length // 3),
        longest_question=length // 4,
    )
    return cutter, nowhere or 0


def transformers_tokenizer(files: ModelFiles) -> Any:  # noqa: ANN401 - transformers' own type
    """Return the tokenizer of a model as transformers builds it.

    Raises:
        ModelError: If it cannot be loaded.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(
            files.folder, local_files_only=True, trust_remote_code=False
        )
        _ = tokenizer.backend_tokenizer
    except (OSError, ValueError, KeyError, AttributeError) as error:
        reason = first_line(error)
        raise ModelError(
            f"the tokenizer of `{files.name}` in `{files.folder}` cannot be loaded: {reason}"
        ) from error
    return tokenizer
