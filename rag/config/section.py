"""The base of every section of the configuration."""

from pydantic import BaseModel, ConfigDict


class ConfigSection(BaseModel):
    """Base of every section: unknown keys are refused, and values never change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
