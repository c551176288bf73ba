"""Options that are inline TOML tables, such as `--poison '{kind = "label_flip", ...}'`."""

from __future__ import annotations

from typing import Any

from securemnist._util.parsing import toml_table
from securemnist.errors import ParseError, UsageError


def inline_table(option: str, text: str) -> dict[str, Any]:
    """The settings of an inline TOML table; UsageError for other text."""
    try:
        table = toml_table(f"settings = {text}")
    except ParseError as error:
        raise UsageError(f"expected {option} as a TOML table, got {error}; fix it") from error
    settings = table["settings"]
    if len(table) != 1 or not isinstance(settings, dict):
        raise UsageError(f"expected {option} as one TOML table {{...}}, got {text!r}; fix it")
    return settings
