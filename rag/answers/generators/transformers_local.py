"""Generator for a model in this process, through transformers: a local folder or hub name.

Weights are read from safetensors only and no code of the model runs (`trust_remote_code=False`);
the chat template runs in transformers' sandbox. Local files are preferred to the hub.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

from haystack import component
from haystack.dataclasses import ChatMessage

from rag.answers.generators.delivery import Delivery, FinishReason, as_dicts, too_long, wait_for
from rag.config.paths import expanded
from rag.errors import ModelError, first_line

logger = logging.getLogger(__name__)

_WANTED = ["*.json", "*.jinja", "*.model", "*.txt", "*.safetensors"]
_UNWANTED = ["*/*", "consolidated*"]  # the same weights again, in other formats
_UNFINISHED = "\ufffd"  # a tokenizer's output for the first bytes of a character


@component
class TransformersGenerator:
    """Generator that runs a causal language model; concurrent calls wait for each other.

    Args:
        model: A folder, or a name on the hub.
        device: "auto" (cuda, then mps, then cpu) or a device name of torch.
        max_tokens: Maximum length of an answer, in tokens.
        temperature: 0 takes the likeliest token; higher is more random.
    """

    def __init__(
        self,
        model: str,
        *,
        device: str = "auto",
        max_tokens: int = 300,
        temperature: float = 0.0,
    ) -> None:
        self.model = model
        self.device = device
        self.max_tokens = max_tokens
        self.temperature = temperature
        self._loaded: tuple[Any, Any] | None = None
        self._loading = threading.Lock()
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Load tokenizer and model, once.

        Raises:
            ModelError: If the model is missing, damaged, or not made for chat.
        """
        self._load()

    def close(self) -> None:
        """Free the model after the answer in progress; the next `run` loads it again."""
        with self._loading, self._lock:
            self._loaded = None

    @component.output_types(text=str, finish_reason=str)
    def run(
        self,
        messages: list[ChatMessage],
        streaming_callback: Callable[[str], None] | None = None,
        stop: threading.Event | None = None,
        deadline: float | None = None,
    ) -> dict[str, str]:
        """Return the model's answer; see `rag.answers.generators` for the contract.

        The prompt is read in one step, so `stop` and `deadline` take effect at the first token.

        Raises:
            ModelError: If the model cannot be loaded, or the prompt is longer than its context.
        """
        delivery = Delivery(streaming_callback, stop, deadline)
        dicts = as_dicts(messages)
        tokenizer, model = self._load()
        interruption = wait_for(self._lock, delivery)
        if interruption is not None:
            return delivery.reply(interruption)
        try:
            prompt = _prompt(tokenizer, model, dicts)
            reason = _generate(tokenizer, model, prompt, delivery, self._options(model, prompt))
            return delivery.reply(reason)
        finally:
            self._lock.release()

    def _load(self) -> tuple[Any, Any]:
        with self._loading:
            if self._loaded is None:
                self._loaded = _load(self.model, self.device)
            return self._loaded

    def _options(self, model: Any, prompt: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        room = _context(model) - int(prompt["input_ids"].shape[1])
        sampling = {"do_sample": True, "temperature": self.temperature}
        greedy = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        return {
            "max_new_tokens": min(self.max_tokens, room),
            **(sampling if self.temperature > 0 else greedy),
        }


class _Decoder:
    """Streamer for `generate` that turns token ids into final text, piece by piece.

    A token is decoded together with the piece before it, on which its text may depend; nothing is
    delivered while the text ends inside a character.
    """

    def __init__(self, tokenizer: Any, delivery: Delivery) -> None:  # noqa: ANN401 - no types
        self.tokenizer = tokenizer
        self.delivery = delivery
        self.ids: list[int] = []
        self.start = 0  # of the previous piece
        self.done = 0  # of the text not delivered yet
        self.prompt_seen = False

    def put(self, ids: Any) -> None:  # noqa: ANN401 - a tensor
        """Take the prompt (first call) or the next token."""
        if not self.prompt_seen:
            self.prompt_seen = True
            return
        self.ids.extend(ids.reshape(-1).tolist())
        self._deliver(final=False)

    def end(self) -> None:
        """Deliver the text held back."""
        self._deliver(final=True)

    def _deliver(self, *, final: bool) -> None:
        before = self._decode(self.start, self.done)
        text = self._decode(self.start, len(self.ids))
        if text.endswith(_UNFINISHED) and not final:
            return
        self.delivery.add(text[len(before) :])
        self.start, self.done = self.done, len(self.ids)

    def _decode(self, start: int, end: int) -> str:
        return str(self.tokenizer.decode(self.ids[start:end], skip_special_tokens=True))


def _context(model: Any) -> int:  # noqa: ANN401 - transformers classes are made at run time
    return int(getattr(model.config, "max_position_embeddings", None) or 2**31)


def _prompt(tokenizer: Any, model: Any, dicts: list[dict[str, str]]) -> Any:  # noqa: ANN401
    from jinja2 import TemplateError

    try:
        prompt = tokenizer.apply_chat_template(
            dicts, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
    except TemplateError as error:
        raise ModelError(f"the model's chat template cannot use the messages: {error}") from error
    length = int(prompt["input_ids"].shape[1])
    if length >= _context(model):
        raise too_long(length, _context(model), "give fewer or shorter passages")
    return prompt.to(model.device)


def _generate(
    tokenizer: Any,  # noqa: ANN401
    model: Any,  # noqa: ANN401
    prompt: Any,  # noqa: ANN401
    delivery: Delivery,
    options: dict[str, Any],
) -> FinishReason:
    import torch

    interruptions: list[FinishReason] = []

    def interrupted(ids: Any, scores: Any, **_: Any) -> Any:  # noqa: ANN401 - called by generate
        reason = delivery.interruption()
        if reason is not None:
            interruptions.append(reason)
        return torch.full((ids.shape[0],), reason is not None, device=ids.device)

    decoder = _Decoder(tokenizer, delivery)
    with torch.inference_mode():
        output = model.generate(
            **prompt,
            **options,
            streamer=decoder,
            stopping_criteria=[interrupted],
            pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id,
        )
    ends = model.generation_config.eos_token_id
    if int(output[0, -1]) in (ends if isinstance(ends, list) else [ends]):
        return "stop"
    return interruptions[0] if interruptions else "length"


def _load(name: str, device: str) -> tuple[Any, Any]:
    if expanded(name).is_dir():
        name, is_folder = str(expanded(name)), True
    elif name.startswith(("/", "./", "../", "~")):
        raise ModelError(f"the folder `{name}` does not exist: check generator.model")
    else:
        is_folder = False
    try:
        tokenizer, model = _load_files(name, device)
    except OSError as error:
        if is_folder:
            raise _damaged(name, error) from error
        tokenizer, model = _load_fetched(name, device)
    if not tokenizer.chat_template:
        raise ModelError(
            f"the model `{name}` has no chat template: use one made for chat, often called "
            "`...-Instruct` or `...-it`"
        )
    return tokenizer, model


def _fetch(name: str) -> str:
    """Return the folder of a hub model's files."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    logger.info("%s is not on this machine; asking the hub", name)
    try:
        return str(snapshot_download(name, allow_patterns=_WANTED, ignore_patterns=_UNWANTED))
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ModelError(
            f"the hub has no model `{name}`, or it is private: check generator.model"
        ) from error
    except OSError as error:
        raise ModelError(
            f"the model `{name}` is not on this machine and the hub cannot be reached: "
            "give a folder, or run once with a network"
        ) from error


def _load_fetched(name: str, device: str) -> tuple[Any, Any]:
    folder = _fetch(name)
    try:
        return _load_files(folder, device)
    except OSError as error:
        raise _damaged(name, error) from error


def _load_files(name: str, device: str) -> tuple[Any, Any]:
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    target = _pick_device(device)
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        model: Any = AutoModelForCausalLM.from_pretrained(
            name, use_safetensors=True, dtype=_pick_dtype(target), **options
        )
        return tokenizer, model.to(target).eval()
    except (ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> ModelError:
    return ModelError(
        f"the model `{name}` cannot be loaded: expected config.json, tokenizer files and "
        f"*.safetensors of a causal language model, without code of its own ({first_line(error)})"
    )


def _pick_device(device: str) -> str:
    import torch

    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _pick_dtype(device: str) -> Any:  # noqa: ANN401 - a torch.dtype
    import torch

    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    able = torch.cpu.get_capabilities() if device == "cpu" else {}
    if able.get("avx512_bf16") or able.get("amx_bf16"):
        return torch.bfloat16
    return torch.float32
