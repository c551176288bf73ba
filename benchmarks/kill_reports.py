"""Kill `securemnist assess` by SIGKILL after every 50 ms: its report folder is never mixed, never lost.

`python -m benchmarks.kill_reports [COUNT]` (default 200). An assessment of one model lies in a folder;
runs of another model into it are killed. After each kill page, JSON, summary and JUnit file have to
speak of one model. `python -m benchmarks.kill_reports publish [COUNT]` kills processes that only
publish reports, at random moments. Each prints what it found; exit code 1 where a report was mixed
or lost.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess  # nosec B404 # fixed lists, no shell
import sys
import tempfile
import time
from pathlib import Path

from securemnist.report import folder

STEP = 0.05
_NAMES = ("index.html", "assessment.json", "summary.md", "junit.xml")
MODELS = ("certified", "baseline")


def main(count: int = 200) -> int:
    """Kill `count` runs; 1 where a folder was mixed or lost."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "r"
        seconds = [assess(model, out) for model in MODELS][1]
        steps = max(1, int(seconds / STEP) + 20)
        bad, said = 0, dict.fromkeys(MODELS, 0)
        for number in range(count):
            # All of a run is covered, its last second, in which the report is written, most densely.
            late = number % 2 == 0
            delay = seconds - 0.6 + STEP * (number // 2 % 24) if late else STEP * (number % steps)
            last = subject(out)
            assess(MODELS[last == MODELS[0]], out, delay)
            now = subject(out)
            bad += now is None
            said[now or last or MODELS[0]] += 1
        left = [path.name for path in Path(scratch).iterdir() if path != out]
    print(
        f"{count} kills over {seconds:.1f} s: {bad} mixed or lost, {len(left)} folders left beside"
    )
    print(f"the report in the end spoke of {said}")
    return 1 if bad else 0


def publish(count: int = 200) -> int:
    """Kill `count` processes that publish two reports in turn; 1 where a folder was mixed or lost."""
    rng, bad, ends = random.Random(0), 0, {"swapped": 0, "in place": 0}  # noqa: S311  # nosec B311
    with tempfile.TemporaryDirectory() as scratch:
        for way in ends:
            out = Path(scratch) / way
            folder.publish(out, _files(b"0"))
            for _ in range(count // 2):
                child = os.fork()
                if child == 0:
                    _publish_on(out, in_place=way == "in place")
                time.sleep(rng.uniform(0.0, 0.05))
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                said = {path.read_bytes() for name in _NAMES if (path := out / name).is_file()}
                if way == "in place":  # a part may be missing until the next run finishes it
                    bad += len(said) > 1
                    folder.finish(out)
                said = {path.read_bytes() for name in _NAMES if (path := out / name).is_file()}
                whole = all((out / name).is_file() for name in _NAMES) and len(said) == 1
                bad += not whole
                ends[way] += whole
    print(f"{count} kills while publishing: {bad} mixed or lost; whole: {ends}")
    return 1 if bad else 0


def _files(word: bytes) -> dict[str, bytes]:
    return dict.fromkeys(_NAMES, word * 50000) | {f"adversarial/{word.decode()}.npz": word}


def _publish_on(out: Path, *, in_place: bool) -> None:
    """Publish until killed."""
    if in_place:
        os.chdir(out)  # a folder that a process stands in is not swapped
    while True:
        for word in (b"1", b"2"):
            folder.publish(Path() if in_place else out, _files(word))


def assess(model: str, out: Path, delay: float | None = None) -> float:
    """Seconds that the assessment took; killed after `delay` seconds where it is given."""
    words = ["--model", model, "--row", "CLEAN-01", "--tier", "smoke", "--out", str(out)]
    began = time.monotonic()
    command = [sys.executable, "-m", "securemnist", "assess", *words]
    run = subprocess.Popen(  # nosec B603
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        run.wait(delay)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    return time.monotonic() - began


def subject(out: Path) -> str | None:
    """The one model of which every file speaks; None where they differ or one is missing."""
    try:
        name = json.loads((out / "assessment.json").read_bytes())["subject"]["name"]
        title = re.search("<title>[^<]*: ([^<]*)</title>", (out / "index.html").read_text())
        first = (out / "summary.md").read_text().splitlines()[0]
        (out / "junit.xml").stat()
    except (OSError, ValueError, LookupError):
        return None
    whole = title is not None and title[1] == name and first.endswith(f": {name}")
    return name if whole and name in MODELS else None


if __name__ == "__main__":
    if sys.argv[1:2] == ["publish"]:
        sys.exit(publish(*map(int, sys.argv[2:3])))
    sys.exit(main(*map(int, sys.argv[1:2])))
