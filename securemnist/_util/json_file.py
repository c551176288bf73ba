"""The text of a JSON file that people read, too: indented, with a line break at its end."""

from __future__ import annotations

import json
from typing import Any


def json_file(value: Any, *, sort_keys: bool = False, ensure_ascii: bool = True) -> bytes:
    """The content of a file for a value of builtins; ValueError for NaN and infinities."""
    text = json.dumps(
        value, indent=1, sort_keys=sort_keys, ensure_ascii=ensure_ascii, allow_nan=False
    )
    return f"{text}\n".encode()
