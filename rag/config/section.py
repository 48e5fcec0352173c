"""Base class of all sections of the configuration."""

from pydantic import BaseModel, ConfigDict


class ConfigSection(BaseModel):
    """Base class of a section: unknown keys are errors, and values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
