"""The list of a report's files with their SHA-256: what in a folder is of a report, unchanged."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from securemnist._util.files import read_at_most
from securemnist._util.hashing import sha256
from securemnist._util.json_file import json_file

NAME = "report.json"
_MAX_MANIFEST, _MAX_FILE = 1 << 20, 1 << 30
_FILE = re.compile(r"[\w-][\w.-]{0,99}(/[\w-][\w.-]{0,99})?", re.ASCII)


def dumps(files: Mapping[str, bytes]) -> bytes:
    """The list of these files."""
    digests = {name: sha256(content) for name, content in files.items()}
    return json_file({"schema": 1, "files": digests}, sort_keys=True)


def listed(folder: Path) -> dict[str, str]:
    """SHA-256 by name of the report in `folder`; what is no list of ours lists nothing."""
    try:
        data = json.loads(read_at_most(folder / NAME, _MAX_MANIFEST))
        files = data["files"] if data["schema"] == 1 else {}
        return {n: d for n, d in files.items() if _FILE.fullmatch(n) and isinstance(d, str)}
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return {}


def owned(folder: Path) -> dict[str, bytes]:
    """The content by name of what the report in `folder` lists and that is unchanged since."""
    found = {}
    for name, digest in listed(folder).items():
        with contextlib.suppress(OSError):
            content = read_at_most(folder / name, _MAX_FILE)
            if sha256(content) == digest:
                found[name] = content
    return found
