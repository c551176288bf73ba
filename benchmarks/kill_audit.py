"""Kill a writer of the audit log by SIGKILL at random moments: the chain never breaks.

`python -m benchmarks.kill_audit [COUNT]` (default 200). Each child opens the log, appends answers and
says after each that it is logged. After each kill the log is opened again and verified: every answer
that was said to be logged has to be there. Exit code 1 where one is missing or the chain is broken.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from securemnist.audit import Answer, AuditLog, AuditSettings, verify
from securemnist.audit.folder import segments
from securemnist.audit.verification import places

# Long lines, frequent signatures and small files, so that kills hit all steps.
SETTINGS = AuditSettings(lines=5, segment_bytes=1 << 20)
_IMAGES = 1_000
_KILLS_A_LOG = 10


class Outcome(NamedTuple):
    """Counts over all kills: answers said to be logged, answers missing, broken chains, torn lines."""

    kills: int
    logged: int
    missing: int
    broken: int
    torn: int


def run(folder: Path, count: int, seed: int = 0, longest: float = 0.03) -> Outcome:
    """Kill `count` writers of logs in `folder`; one log has ten of them."""
    rng = random.Random(seed)  # noqa: S311  # nosec B311 # moments, no secrets
    logged = missing = broken = 0
    root = folder
    for number in range(count):
        folder = root / str(number // _KILLS_A_LOG)
        said = _killed(folder, number, rng.uniform(0.0, longest))
        AuditLog(folder, SETTINGS).close()  # the next start goes on
        result = verify(folder)
        broken += not result.whole
        known = sum(_is_answer(place.line, number) for place in places(segments(folder)))
        missing += max(0, said - known)
        logged += said
    torn = len(list(root.glob("*/torn-*.part")))
    return Outcome(count, logged, missing, broken, torn)


def _is_answer(line: object, number: int) -> bool:
    content = getattr(line, "content", {})
    return bool(content.get("subject") == f"child {number}")


def _killed(folder: Path, number: int, seconds: float) -> int:
    """How many answers a child said to be logged before it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _write_on(folder, number, writing)
    os.close(writing)
    os.read(reading, 1)  # the first answer: the child is at work
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    said = 1
    while part := os.read(reading, 1 << 16):
        said += len(part)
    os.close(reading)
    return said


def _write_on(folder: Path, number: int, writing: int) -> None:
    """Append answers until killed."""
    images = [f"{index:064x}" for index in range(_IMAGES)]
    try:
        log = AuditLog(folder, SETTINGS)
        for request in range(1_000):
            log.answer(Answer(str(request), f"child {number}", "m", "d", 200, images))
            os.write(writing, b".")
            if request % 4 == 3:
                log.tick()
        time.sleep(60)
    finally:
        os._exit(1)


def main(count: int = 200) -> int:
    """Kill `count` writers; 1 where an answer is missing or the chain is broken."""
    with tempfile.TemporaryDirectory() as scratch:
        outcome = run(Path(scratch) / "log", count)
    print(
        f"{outcome.kills} kills: {outcome.logged:,} answers logged, {outcome.missing} of them missing, "
        f"{outcome.broken} broken chains, {outcome.torn} incomplete lines kept aside"
    )
    return 1 if outcome.missing or outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
