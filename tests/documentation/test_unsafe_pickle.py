"""The page docs/unsafe-pickle.md, executed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from securemnist import measures
from securemnist._util import resources
from securemnist.results import policy
from tests import warm

PAGE = (resources.ROOT / "docs" / "unsafe-pickle.md").read_text()
FILES = dict(re.findall(r"`(\w+\.py)`[^`]*:\n\n```python\n(.*?)```", PAGE, re.DOTALL))


def steps() -> list[tuple[str, str]]:
    """Each command of the page, and the output that the page prints."""
    text = "".join(re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL))
    found = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
    return [(command, output) for command, output in found]


def command_line(command: str) -> list[str]:
    """The words of a command; Python is this one."""
    program, *words = shlex.split(command)
    if program == "securemnist":
        return warm.python("-m", "securemnist", *words)
    return [sys.executable if program == "python" else program, *words]


def environment() -> dict[str, str]:
    """The environment of a shell in English, outside of pytest-xdist."""
    outside = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    return {**outside, "LC_ALL": "C", "PYTHONDONTWRITEBYTECODE": "1"}


def test_the_page_runs_as_printed(tmp_path: Path) -> None:
    """Every command of the page, run in its order, prints what the page shows, exit codes too."""
    for name, code in FILES.items():
        (tmp_path / name).write_text(code)
    assert len(FILES) == 3
    assert len(steps()) == 18
    last = 0
    for command, shown in steps():
        if command == "echo $?":
            assert f"{last}\n" == shown
            continue
        done = subprocess.run(
            command_line(command), cwd=tmp_path, env=environment(), text=True, timeout=120,
            capture_output=True,
        )  # fmt: skip
        assert done.stdout + done.stderr == shown, command
        last = done.returncode


def test_the_payload_runs_under_pickle_load_alone() -> None:
    """Exactly one command lets the payload run: that of pickle.load, whose file it then lists."""
    commands = [command for command, _ in steps()]
    assert commands.index("python read_cache.py") < commands.index("ls -d payload-ran")
    assert [shown for command, shown in steps() if command == "ls -d payload-ran"] == [
        "payload-ran\n",
        "ls: cannot access 'payload-ran': No such file or directory\n",
    ]


def test_the_row_of_the_page_is_valid(cwd: Path) -> None:
    """The row can be judged in a project with Python files."""
    (cwd / "a.py").write_text("x = 1\n")
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    measures.check_policy(policy.parse(text, "docs/unsafe-pickle.md"))
