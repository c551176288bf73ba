"""A file read in a confined child process; only bytes and facts come back, as untrusted as the file."""

from __future__ import annotations

import json
import os
import subprocess  # nosec B404 # a fixed list, no shell
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from securemnist._util.parsing import json_object
from securemnist.confined.confinement import REFUSED
from securemnist.errors import ParseError

MAX_TENSOR_BYTES = 512 << 20
SECONDS = 120
_CHILD = Path(__file__).resolve().with_name("child.py")
# Beyond the content: what is read, its copies and the bytes that come back.
_COPIES, _MARGIN = 6, 512 << 20
_MAX_REPORT = 1 << 18
_HEADER = 2 << 20
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "HOME", "TMPDIR")


class Answer(NamedTuple):
    """What the child returned: bytes, and facts such as how it was confined."""

    packed: bytes
    facts: dict[str, Any]


class NothingRead(ValueError):
    """A child without an answer, or one that could not read the file; says what there was instead."""


def read(
    content: bytes, reader: str, settings: Mapping[str, Any], *, seconds: int = SECONDS
) -> Answer:
    """What a reader of `child.py` makes of a file; NothingRead where there is no whole answer.

    The child has no network, few open files, and `seconds` of time. It is killed when they are over.
    """
    with _file(content) as source, _file(b"") as target, _file(b"") as report:
        job = {
            "content": source,
            "out": target,
            "report": report,
            "reader": reader,
            "settings": dict(settings),
            "memory": _COPIES * len(content) + _MARGIN,
            "seconds": seconds,
            "file_size": MAX_TENSOR_BYTES + _HEADER,
            "paths": [path for path in sys.path if os.path.isabs(path)],
        }
        status = _run(job, seconds)
        said = _content(report, _MAX_REPORT)
        facts = _facts(said, status)
        return Answer(_content(target, MAX_TENSOR_BYTES + _HEADER), facts)


@contextmanager
def _file(content: bytes) -> Iterator[int]:
    """The descriptor of a file without a name, with this content."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        file.seek(0)
        yield file.fileno()


def _run(job: dict[str, Any], seconds: int) -> int:
    """The exit status of the child; it is negative for a signal."""
    flags = ["-E", "-P", "-B", *(["-s"] if sys.flags.no_user_site else [])]
    command = [sys.executable, *flags, str(_CHILD), json.dumps(job)]
    process = subprocess.Popen(  # nosec B603 # a list, no shell
        command,
        env=_environment(),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[job["content"], job["out"], job["report"]],
    )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired as error:
        raise NothingRead(f"none within {seconds} s") from error
    finally:
        process.kill()
        process.wait()


def _environment() -> dict[str, str]:
    """Without variables that change how torch or Python reads files, and without a GPU."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return {**kept, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def _content(descriptor: int, most: int) -> bytes:
    if os.fstat(descriptor).st_size > most:
        raise NothingRead(f"more than {most} bytes")
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read(most)


def _facts(report: bytes, status: int) -> dict[str, Any]:
    """The report of the child; it is as untrusted as the file."""
    try:
        facts = json_object(report, values=1_000, depth=8)
    except ParseError as error:
        raise NothingRead(f"none ({_end(status)})") from error
    if "refused" in facts or status == REFUSED:
        raise NothingRead(f"an attempt to do something else ({facts.get('refused')!s:.60})")
    if "error" in facts or status != 0:
        raise NothingRead(f"{facts.get('error', _end(status))!s:.300}")
    return facts


def _end(status: int) -> str:
    return f"signal {-status}, perhaps out of memory" if status < 0 else f"exit status {status}"
