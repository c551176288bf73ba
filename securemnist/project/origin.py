"""Origin of the installed package, as a line of a requirements file.

A bare name would install whatever an index serves under it. The line names what pip recorded at
installation: a commit, a file with its hash, or a folder (PEP 610).
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NAME = "securemnist"


@dataclass(frozen=True)
class Origin:
    """`line` of a requirements file; `advice`: its limits; `fixed`: whether it identifies the content."""

    line: str
    advice: str
    fixed: bool


def installed() -> Origin:
    """The origin of the running copy."""
    distribution = importlib.metadata.distribution(NAME)
    record = distribution.read_text("direct_url.json")
    return from_record(distribution.version, json.loads(record) if record else None)


def from_record(version: str, record: Mapping[str, Any] | None) -> Origin:
    """The origin from the content of direct_url.json; None: installed from an index."""
    if record is None:
        advice = "from an index: check that the project there is this one, and pin it with hashes"
        return Origin(f"{NAME}=={version}", advice, fixed=False)
    url = str(record["url"])
    part = f"#subdirectory={record['subdirectory']}" if record.get("subdirectory") else ""
    if vcs := record.get("vcs_info"):
        line = f"{NAME} @ {vcs['vcs']}+{url}@{vcs['commit_id']}{part}"
        return Origin(line, f"version {version}, fixed by its commit", fixed=True)
    archive = record.get("archive_info")
    if archive is not None:
        # Before `hashes`, direct_url.json had a single `hash`.
        legacy_hash = str(archive.get("hash", "")).removeprefix("sha256=")
        if digest := archive.get("hashes", {}).get("sha256", legacy_hash):
            line = f"{NAME} @ {url}#sha256={digest}"
            return Origin(line, f"version {version}, fixed by its hash", fixed=True)
        return Origin(f"{NAME} @ {url}", f"version {version}, without a hash: add one", fixed=False)
    advice = f"version {version}, a folder on this machine: use a commit or a wheel elsewhere"
    return Origin(f"{NAME} @ {url}", advice, fixed=True)
