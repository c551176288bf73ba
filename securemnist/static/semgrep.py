"""Semgrep with the rules of this package alone: nothing is fetched, nothing is sent."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from securemnist.errors import MeasureError
from securemnist.resources import RULES
from securemnist.static.notice import Notice, severity
from securemnist.static.process import run_for_json
from securemnist.static.sources import Sources

# Local rules only, and no word to anybody; also for tests of the rules.
OFFLINE = ("--metrics=off", "--disable-version-check", "--oss-only")
_OPTIONS = ("--no-rewrite-rule-ids", "--max-target-bytes=0", "--json", "--quiet")


def program() -> Path:
    """Semgrep's program beside this Python; MeasureError where it is not installed."""
    path = Path(sys.executable).with_name("semgrep")
    if not path.is_file():
        raise MeasureError(f"expected Semgrep at {path}, got none; pip install semgrep")
    return path


def environment(scratch: str) -> dict[str, str]:
    """Variables that keep Semgrep off the network and its log and settings inside `scratch`."""
    return {
        "SEMGREP_SEND_METRICS": "off",
        "SEMGREP_ENABLE_VERSION_CHECK": "0",
        "SEMGREP_SETTINGS_FILE": os.path.join(scratch, "settings.yml"),
        "SEMGREP_LOG_FILE": os.path.join(scratch, "semgrep.log"),
        "SEMGREP_VERSION_CACHE_PATH": os.path.join(scratch, "version"),
    }


def scan(sources: Sources) -> tuple[list[Notice], list[str]]:
    """Semgrep's notices. Files are named one by one, so that no ignore file leaves any of them out."""
    command = [str(program()), "scan", *OFFLINE, *_OPTIONS, "--config", str(RULES), "--"]
    with tempfile.TemporaryDirectory() as scratch:
        report = run_for_json(
            [*command, *sources.files],
            folder=sources.folder,
            tool="semgrep",
            environment=environment(scratch),
        )
    _check(report, sources)
    return [_notice(entry, sources) for entry in report["results"]], []


def _check(report: dict[str, Any], sources: Sources) -> None:
    for problem in report["errors"]:
        raise MeasureError(
            f"expected Semgrep to read every file, got {problem.get('message', problem)!r:.300}; mend "
            "the file or exclude it"
        )
    read = {os.path.normpath(name) for name in report["paths"]["scanned"]}
    for name in sources.files:
        if name not in read:
            raise MeasureError(
                f"{name!r}: expected Semgrep to read it, got no word of it; rename or exclude the file"
            )


def _notice(entry: dict[str, Any], sources: Sources) -> Notice:
    name = os.path.normpath(entry["path"])
    first, last = entry["start"]["line"], entry["end"]["line"]
    # Our messages: the first line says what is wrong, the rest what to do.
    message, _, advice = entry["extra"]["message"].partition("\n")
    return Notice(
        file=name,
        line=first,
        tool="semgrep",
        rule=entry["check_id"],
        severity=severity(entry["extra"]["severity"]),
        message=message,
        advice=" ".join(advice.split()),
        code=sources.code(name, first, last),
    )
