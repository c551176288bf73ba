"""Bandit, with all of its rules: no setting of the project, and no comment, leaves any of them out."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Collection
from typing import Any

from securemnist.errors import MeasureError
from securemnist.static.issue import Notice, not_read, severity
from securemnist.static.process import run_for_json
from securemnist.static.python_files import Copy
from securemnist.static.report import Report, silence

# More than Bandit obeys: a file without this text holds no comment that silences it.
_MARKER = re.compile("nosec", re.IGNORECASE)
# Bandit goes on after a rule of its own has crashed, and only says so.
_CRASH = "Bandit internal error"


def scan(copy: Copy) -> Report:
    """Bandit's findings, which of them a comment silences, and what it could not read.

    Bandit runs without obeying comments. It runs again, obeying them, on the files in which something
    was found and a comment may silence it. What only the first run finds was silenced.
    """
    if importlib.util.find_spec("bandit") is None:
        raise MeasureError("expected Bandit beside Python, got none; pip install bandit")
    found = _run(copy, copy.scripts, "--ignore-nosec")
    unread = [_unread(problem, copy) for problem in found["errors"]]
    read = {os.path.normpath(name) for name in found["metrics"]}
    unread += [
        not_read(script.name, "Bandit passed over it", content=script.digest)
        for name, script in copy.scripts.items()
        if name not in read
    ]
    noticed = [_notice(entry, copy) for entry in found["results"]]
    names = {os.path.normpath(entry["filename"]) for entry in found["results"]}
    suspects = [name for name in sorted(names) if _MARKER.search(copy.scripts[name].text)]
    obeying = _run(copy, suspects)["results"] if suspects else []
    left = [_notice(entry, copy) for entry in obeying]
    obedient = {copy.scripts[name].name for name in suspects}
    silenced = silence([n for n in noticed if n.file in obedient], left)
    return Report.of(noticed, silenced, unread)


def _run(copy: Copy, names: Collection[str], *options: str) -> dict[str, Any]:
    fixed = ["--quiet", "--format", "json", "--exit-zero", "--exclude", "", *options]
    files = [os.path.join(".", name) for name in names]
    return run_for_json(
        [sys.executable, "-m", "bandit", *fixed, "--", *files],
        folder=copy.folder,
        tool="bandit",
        environment={},
        refused=_CRASH,
    )


def _unread(problem: dict[str, Any], copy: Copy) -> Notice:
    script = copy.scripts[os.path.normpath(problem["filename"])]
    return not_read(
        script.name, f"Bandit cannot read it ({problem['reason']})", content=script.digest
    )


def _notice(entry: dict[str, Any], copy: Copy) -> Notice:
    script = copy.scripts[os.path.normpath(entry["filename"])]
    line = entry["line_number"]
    lines = entry["line_range"] or [line]
    return Notice(
        file=script.name,
        line=line,
        tool="bandit",
        rule=entry["test_id"],
        severity=severity(entry["issue_severity"]),
        message=entry["issue_text"] + script.place(line),
        advice=f"read {entry['more_info']}",
        code=script.code(min(lines), max(lines)),
        last=max(lines),
    )
