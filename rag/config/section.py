"""Base class of all sections of the configuration, and the type of keys."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr


class ConfigSection(BaseModel):
    """Base class of a section: unknown keys are errors, and values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _sendable(key: SecretStr) -> SecretStr:
    """Return a key without white space around it; a header can carry nothing but visible ASCII."""
    text = key.get_secret_value().strip()
    if not text:
        raise ValueError("is empty: set the variable that it comes from, or leave the key out")
    if not all("!" <= letter <= "~" for letter in text):
        raise ValueError("has a blank or a letter that is not ASCII inside: copy the key again")
    return SecretStr(text)


Key = Annotated[SecretStr, AfterValidator(_sendable)]
"""A key or token that is sent in a header; never shown."""
