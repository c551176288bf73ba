"""Folder of a log: files `audit-NNNNNN.jsonl`, keys, lock, parts of lines, and the head.

The head is a copy of the last checkpoint. A copy of it elsewhere shows lines that were cut off.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from securemnist._util.files import expecting, open_regular, read_at_most
from securemnist._util.resources import write_atomically
from securemnist.audit.line import Line, parse
from securemnist.audit.settings import LONGEST_LINE
from securemnist.errors import ParseError, UsageError

HEAD, LOCK = "head.json", "lock"
_SEGMENT = re.compile(r"audit-(\d{6})\.jsonl")


def segments(folder: Path) -> list[Path]:
    """Files of the log in order; OSError where the folder cannot be read."""
    names = sorted(name for name in os.listdir(folder) if _SEGMENT.fullmatch(name))
    return [folder / name for name in names]


def next_segment(path: Path | None, folder: Path) -> Path:
    """The name of the file after `path`, or of the first one."""
    number = 0 if path is None else int(path.name[6:12])
    return folder / f"audit-{number + 1:06d}.jsonl"


def parts(folder: Path, number: int) -> list[Path]:
    """Files that hold what was written of a line with this number before the writer ended."""
    found = sorted(name for name in os.listdir(folder) if name.startswith(f"torn-{number}-"))
    return [folder / name for name in found]


def new_part(folder: Path, number: int) -> Path:
    """The name of another such file."""
    return folder / f"torn-{number}-{len(parts(folder, number)) + 1}.part"


def texts(path: Path) -> Iterator[bytes]:
    """Lines of a file with their line breaks, the last one possibly without.

    At most as many bytes as a line may have are read of each. UsageError where it cannot be read.
    """
    with (
        expecting(path, "a file of an audit log", "name another folder"),
        open_regular(path) as descriptor,
        os.fdopen(os.dup(descriptor), "rb") as file,
    ):
        while text := file.readline(LONGEST_LINE):
            yield text


def write_head(folder: Path, text: bytes) -> None:
    """Keep a copy of the last checkpoint; OSError where that fails."""
    write_atomically(folder / HEAD, text + b"\n")


def read_head(path: Path) -> Line:
    """The checkpoint in a head; OSError where it cannot be read, ParseError where it is damaged."""
    line = parse(read_at_most(path, LONGEST_LINE).removesuffix(b"\n"))
    if line.kind != "checkpoint":
        raise ParseError("a line that is no checkpoint")
    return line


def head_number(folder: Path) -> int:
    """The number of the last checkpoint by the head; 0 without a head, UsageError for a damaged one."""
    path = folder / HEAD
    try:
        return read_head(path).number
    except FileNotFoundError:
        return 0
    except (OSError, ParseError) as error:
        raise UsageError(
            f"{path}: expected the last checkpoint, got {getattr(error, 'strerror', error)}; keep the "
            "folder, and log to another one"
        ) from error
