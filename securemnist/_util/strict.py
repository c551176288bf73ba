"""Base of tables that come from files: settings, policies, lists."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A frozen table of strict types; an unknown key is refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
