"""Swap: a new folder is built beside the old one, and takes its place in one step."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path

from securemnist._util.files import usual_mode, wait_for_lock
from securemnist.report import manifest

_MAX_ENTRIES = 20_000  # of other files in a folder; with more of them no new folder is built
_AT_CWD, _RENAME_EXCHANGE = -100, 2
SECONDS = 60.0  # that a process waits for another, which renders and writes one report
_WITHOUT_LOCKS = (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP)  # as NFS answers for folders
_HELD: ContextVar[frozenset[Path]] = ContextVar("held", default=frozenset())


def swap(out: Path, content: Mapping[str, bytes]) -> bool:
    """Make `out` hold `content` and what in it was of no report; False where it cannot be swapped.

    After False `out` is as it was. The new folder holds hard links of the other files. The caller is
    `alone` in `out`.
    """
    if not _may_swap(out):
        return False
    try:
        _clear(out)
        staged = _new_folder(out)
    except OSError:  # only `out` itself may be written
        return False
    keep = False
    try:
        write(staged, content)
        if not out.exists():
            os.rename(staged, out)
            return True
        shutil.copymode(out, staged)
        _carry(out, staged, content)
        if not _exchange(staged, out):
            return False
        keep = True
        _carry(staged, out, content)  # what came into the old folder in the meantime
        keep = False
        return True
    except OSError:
        return keep
    finally:
        if not keep:
            shutil.rmtree(staged, ignore_errors=True)


def write(folder: Path, content: Mapping[str, bytes]) -> None:
    """Write new files to an empty folder, and wait until they are on the disk."""
    for name, data in content.items():
        (folder / name).parent.mkdir(exist_ok=True)
        with (folder / name).open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


@contextlib.contextmanager
def alone(out: Path) -> Iterator[None]:
    """Of several processes and threads, one at a time in the report folder `out`; the others wait.

    The lock is that of the nearest folder above that can be read, since `out` itself is swapped. A
    block within a block takes no second lock. OSError where another process keeps it for SECONDS.
    """
    above = out.resolve().parents
    place = next((folder for folder in above if os.access(folder, os.R_OK)), above[-1])
    if place in _HELD.get():
        yield
        return
    with locked(place, SECONDS):
        held = _HELD.set(_HELD.get() | {place})
        try:
            yield
        finally:
            _HELD.reset(held)


@contextlib.contextmanager
def locked(folder: Path, seconds: float = 0.0) -> Iterator[None]:
    """A lock that ends with the process; BlockingIOError where another keeps it for longer.

    A file system that cannot lock folders, as some NFS, gives none.
    """
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            wait_for_lock(lock, seconds)
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                raise
        yield
    finally:
        os.close(lock)


def _may_swap(out: Path) -> bool:
    """Not where this process or a mount stands in `out`, nor where it is of another user or group."""
    if not out.exists():
        return True
    state, here = out.stat(), Path.cwd().resolve()
    mine = (state.st_uid, state.st_gid) == (os.geteuid(), os.getegid())
    return mine and not here.is_relative_to(out) and not os.path.ismount(out)


def _new_folder(out: Path) -> Path:
    """A new folder beside `out`, with the usual mode."""
    folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=_prefix(out)))
    folder.chmod(usual_mode(0o777))
    return folder


def _clear(out: Path) -> None:
    """Remove the folders that killed runs have left beside `out`."""
    for left in out.parent.glob(f"{glob.escape(_prefix(out))}*"):
        with contextlib.suppress(OSError):
            if out.is_dir():
                _carry(left, out, dict.fromkeys(manifest.listed(left), b""))
            shutil.rmtree(left)


def _prefix(out: Path) -> str:
    return f".{out.name}.report-"


def _carry(source: Path, target: Path, content: Mapping[str, bytes]) -> None:
    """Give `target` a hard link of each file in `source` that is of no report.

    What `content` names is replaced and not carried. OSError where that cannot be done.
    """
    ours = {*manifest.unchanged(source), manifest.NAME}
    for count, path in enumerate(sorted(source.rglob("*"))):
        name = path.relative_to(source).as_posix()
        if count > _MAX_ENTRIES:
            raise OSError(errno.E2BIG, "too many other files", str(source))
        if path.is_dir() and not path.is_symlink():
            if name in content:
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            inside = {p.relative_to(source).as_posix() for p in path.iterdir()}
            if not inside or inside - ours:
                if (target / name).is_symlink():  # it leads out of the folder
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(target / name))
                (target / name).mkdir(exist_ok=True)
        elif name not in ours and name not in content and not os.path.lexists(target / name):
            os.link(path, target / name, follow_symlinks=False)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders by renameat2 of Linux; False where the system cannot."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    paths = os.fsencode(first), os.fsencode(second)
    return bool(call(_AT_CWD, paths[0], _AT_CWD, paths[1], _RENAME_EXCHANGE) == 0)
