"""Semgrep with the rules of this package only, without network access."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from securemnist._util.files import read_at_most
from securemnist._util.resources import RULES
from securemnist.errors import MeasureError
from securemnist.static.issue import Issue, ToolReport, severity
from securemnist.static.process import run_for_json
from securemnist.static.python_files import ScratchCopy

# No metrics and no version check; also used by the tests of the rules.
OFFLINE = ("--metrics=off", "--disable-version-check", "--oss-only")
# Seconds for one rule on one file; long, so that a loaded machine skips no file.
_OPTIONS = ("--no-rewrite-rule-ids", "--max-target-bytes=0", "--timeout=60", "--json", "--quiet")
_MAX_SARIF = 1 << 30
_REGION = ("startLine", "startColumn", "endLine", "endColumn")


def program() -> Path:
    """Semgrep's program beside this Python; MeasureError where it is not installed."""
    path = Path(sys.executable).with_name("semgrep")
    if not path.is_file():
        raise MeasureError(f"expected Semgrep at {path}, got none; pip install semgrep")
    return path


def environment(scratch: str) -> dict[str, str]:
    """Variables that keep Semgrep offline, and its log and settings inside `scratch`."""
    return {
        # A minor heap of 4 Mi words: its two domains otherwise stop each other for collections.
        "OCAMLRUNPARAM": "s=4M",
        "SEMGREP_SEND_METRICS": "off",
        "SEMGREP_ENABLE_VERSION_CHECK": "0",
        "SEMGREP_SETTINGS_FILE": os.path.join(scratch, "settings.yml"),
        "SEMGREP_LOG_FILE": os.path.join(scratch, "semgrep.log"),
        "SEMGREP_VERSION_CACHE_PATH": os.path.join(scratch, "version"),
    }


def scan(copy: ScratchCopy) -> ToolReport:
    """Semgrep's issues, which of them a comment suppresses, and files that it could not read.

    Semgrep ignores comments (--disable-nosem); the SARIF output of the same run marks suppressed
    issues. Files are passed one by one, so that no ignore file excludes any.
    """
    with tempfile.TemporaryDirectory() as scratch:
        sarif = Path(scratch) / "report.sarif"
        command = [str(program()), "scan", *OFFLINE, *_OPTIONS, "--disable-nosem"]
        command += [f"--sarif-output={sarif}", "--config", str(RULES), "--"]
        report = run_for_json(
            [*command, *copy.source_files],
            folder=copy.folder,
            tool="semgrep",
            environment=environment(scratch),
        )
        marked = _marked(sarif)
    issues: list[Issue] = []
    silenced: list[Issue] = []
    for entry in report["results"]:
        start, end = entry["start"], entry["end"]
        region = start["line"], start["col"], end["line"], end["col"]
        place = (entry["check_id"], os.path.normpath(entry["path"]), *region)
        (silenced if marked[place] > 0 else issues).append(_issue(entry, copy))
        marked[place] -= 1
    return ToolReport(issues, silenced, _unread(report, copy))


def _marked(path: Path) -> Counter[tuple[object, ...]]:
    """Rule, file and region of each finding that the SARIF output calls suppressed in the source."""
    try:
        runs = json.loads(read_at_most(path, _MAX_SARIF))["runs"]
    except (OSError, ValueError, KeyError) as error:
        raise MeasureError(
            f"expected Semgrep's SARIF output, got {error}; run semgrep by hand to see why"
        ) from error
    return Counter(
        (
            result["ruleId"],
            os.path.normpath(location["physicalLocation"]["artifactLocation"]["uri"]),
            *(location["physicalLocation"]["region"][key] for key in _REGION),
        )
        for run in runs
        for result in run["results"]
        if result.get("suppressions")
        for location in result["locations"]
    )


def _unread(report: dict[str, Any], copy: ScratchCopy) -> list[Issue]:
    unread = []
    for problem in report["errors"]:
        message = f"{problem.get('message', problem)!r:.300}"
        name = str(problem.get("path"))
        if os.path.normpath(name) not in copy.source_files:
            raise MeasureError(
                f"expected Semgrep to read every file, got {message}; run semgrep by hand to see why"
            )
        unread.append(copy.unread(name, f"Semgrep cannot read all of it ({message})"))
    return unread + copy.passed_over("Semgrep", report["paths"]["scanned"])


def _issue(entry: dict[str, Any], copy: ScratchCopy) -> Issue:
    source_file = copy.source_files[os.path.normpath(entry["path"])]
    first, last = entry["start"]["line"], entry["end"]["line"]
    # Rules of this package: the first line of a message is the problem, the rest is the advice.
    message, _, advice = entry["extra"]["message"].partition("\n")
    return Issue(
        file=source_file.name,
        line=first,
        tool="semgrep",
        rule=entry["check_id"],
        severity=severity(entry["extra"]["severity"]),
        message=message + source_file.place(first),
        advice=" ".join(advice.split()),
        code=source_file.code(first, last),
        last=last,
        bandit_rules=tuple(entry["extra"]["metadata"].get("bandit", ())),
    )
