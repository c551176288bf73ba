"""Origin of an installed package: an index, or an address that its installer has recorded.

Format: PEP 610, `direct_url.json`. A package of an index has no such file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import metadata
from typing import Any

from securemnist._util.parsing import json_object
from securemnist.errors import ParseError
from securemnist.results.json_model import table

_RECORD = "direct_url.json"
_UNKNOWN = "an unknown place"


def other_origin(distribution: metadata.Distribution, digests: Collection[str]) -> str:
    """The address that a package was installed from; "" for an index, and for a file of `digests`.

    A repository, a folder and a file of another digest may hold any code under a pinned version.
    """
    text = distribution.read_text(_RECORD)
    if text is None:
        return ""
    try:
        record = json_object(text.encode())
    except ParseError:
        return _UNKNOWN
    url = record.get("url")
    if not isinstance(url, str):
        return _UNKNOWN
    others = "vcs_info" in record or "dir_info" in record
    return "" if not others and _digest(record) in digests else url


def _digest(record: Mapping[str, Any]) -> str:
    """The SHA-256 of an archive, by the newer key or the older one; "" without one."""
    archive = table(record.get("archive_info"))
    newer = table(archive.get("hashes")).get("sha256")
    kind, _, older = str(archive.get("hash", "")).partition("=")
    return f"{newer}".lower() if newer else older.lower() if kind == "sha256" else ""
