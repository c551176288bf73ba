"""Process of a tool: fixed arguments, no shell, a time limit, and no surviving children."""

from __future__ import annotations

import os
import signal
import subprocess  # nosec B404 # fixed lists, no shell
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from securemnist._util.parsing import json_object
from securemnist.errors import MeasureError, ParseError

SECONDS = 300.0


def run_for_json(
    command: Sequence[str],
    *,
    folder: Path,
    tool: str,
    environment: Mapping[str, str],
    seconds: float = SECONDS,
    refused: str = "",
) -> dict[str, Any]:
    """The JSON object that a tool prints; MeasureError where there is none within `seconds`.

    `refused` is a text in the error output that marks an incomplete report.
    """
    # The user's variables for other runs of the tool, and Python's warnings, must not change the
    # result. PYTHONSAFEPATH: a json.py in the examined folder must not be imported by the tool.
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("SEMGREP_", "PYTHONWARN"))
    }
    try:
        process = subprocess.Popen(  # nosec B603 # a list, never a shell
            command,
            cwd=folder,
            env={**inherited, "PYTHONSAFEPATH": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise MeasureError(f"expected {tool} to start, got {error}; install it again") from error
    out, err = _output(process, tool, seconds)
    try:
        if process.returncode == 0 and not (refused and refused.encode() in err):
            return json_object(out)
    except ParseError:
        pass  # reported below, with the tool's own output
    output = " ".join((err or out).decode(errors="replace").split())[-300:]
    raise MeasureError(
        f"expected a report of {tool}, got exit code {process.returncode} ({output!r}); run {tool} by "
        "hand to see why"
    )


def _output(process: subprocess.Popen[bytes], tool: str, seconds: float) -> tuple[bytes, bytes]:
    """Standard output and standard error of a process that ends within `seconds`."""
    with process:
        try:
            return process.communicate(timeout=seconds)
        except BaseException as error:
            # Kill the whole session: a child of the tool would keep the pipes open and use the
            # processor.
            os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise MeasureError(
                f"expected {tool} to end within {seconds:g} s, got none; name fewer `paths`"
            ) from error
