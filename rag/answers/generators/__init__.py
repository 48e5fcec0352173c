"""Generators, the language models that may write an answer: one contract, three implementations.

Every generator is a Haystack component whose `run` takes chat messages and returns
`{"text": str, "finish_reason": str}`. `finish_reason` is "stop" (the model had finished),
"length" (`max_tokens` or the context was used up), "stopped" (the `stop` event was set) or
"deadline" (`time.monotonic()` reached `deadline`); the last two come with the text so far.
`streaming_callback` gets pieces of text in the calling thread; joined, they are the text. An
exception of the callback ends the generation and reaches the caller. Models load in `warm_up`,
which `run` calls; every expected failure is a `ModelError`.

Temperature 0 takes the likeliest token. The configuration chooses the generator; prompts are in
`rag.answers.prompts`.
"""

from typing import Any, Literal, TypeAlias

from rag.answers.generators.gguf import GgufGenerator
from rag.answers.generators.openai_server import OpenAIGenerator
from rag.answers.generators.transformers_local import TransformersGenerator

Generator: TypeAlias = GgufGenerator | OpenAIGenerator | TransformersGenerator

__all__ = [
    "Generator",
    "GgufGenerator",
    "OpenAIGenerator",
    "TransformersGenerator",
    "build_generator",
]


def build_generator(
    kind: Literal["gguf", "transformers", "openai"],
    **settings: Any,  # noqa: ANN401 - each kind has its own, checked by its constructor
) -> Generator:
    """Return the generator of a kind; nothing is loaded or requested yet.

    Args:
        kind: "gguf" (a file, in this process, through llama.cpp), "transformers" (a folder or hub
            name, in this process) or "openai" (a server that speaks that protocol).
        **settings: The arguments of the generator's constructor.

    Returns:
        A Haystack component.

    Raises:
        ValueError: If there is no such kind.
        TypeError: If this kind does not have a setting, or requires one that is missing.
        ModelError: If the settings would send a key over an unencrypted connection.

    Example:
        >>> build_generator("gguf", path="model.gguf", max_tokens=100).max_tokens
        100
    """
    if kind == "gguf":
        return GgufGenerator(**settings)
    if kind == "transformers":
        return TransformersGenerator(**settings)
    if kind == "openai":
        return OpenAIGenerator(**settings)
    raise ValueError(f"kind: expected 'gguf', 'transformers' or 'openai' (got {kind!r})")
