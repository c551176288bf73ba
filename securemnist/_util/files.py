"""Files from outside: regular files only, at most a given size, without blocking.

A path may name a FIFO, a device, a socket or a directory. Opening or reading one of those can block
for ever or return endless data, so it is refused before the first byte is read.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gzip
import io
import os
import stat
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from securemnist.errors import SecureMnistError, UsageError

_KIND_NAMES = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@contextlib.contextmanager
def open_regular(path: Path, flags: int = os.O_RDONLY, mode: int = 0o666) -> Iterator[int]:
    """A file descriptor of the regular file at `path`, closed at the end; never blocks.

    The kind is checked on the open descriptor, so that the file cannot be swapped in between.
    Raises OSError for anything else; its `strerror` names the kind of file.
    """
    try:
        # O_NONBLOCK: opening a FIFO would wait for a writer. O_NOCTTY: a terminal device does not
        # become the controlling terminal.
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, mode)
    except ValueError as error:
        raise OSError(errno.EINVAL, "a path that no file can have", str(path)[:200]) from error
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.EINVAL, "a socket, not a regular file", str(path)) from error
        if error.errno == errno.ELOOP and flags & os.O_NOFOLLOW:
            raise OSError(errno.ELOOP, "a symbolic link, not a regular file", str(path)) from error
        raise
    try:
        kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
        if kind == stat.S_IFDIR:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if kind != stat.S_IFREG:
            name = _KIND_NAMES.get(kind, "a special file")
            raise OSError(errno.EINVAL, f"{name}, not a regular file", str(path))
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def expecting(
    path: Path, what: str, advice: str, raises: type[SecureMnistError] = UsageError
) -> Iterator[None]:
    """OSError of the block as the error `raises`: "PATH: expected WHAT, got REASON; ADVICE"."""
    try:
        yield
    except OSError as error:
        raise raises(f"{path}: expected {what}, got {error.strerror}; {advice}") from error


@contextlib.contextmanager
def writing(path: Path | str, advice: str) -> Iterator[None]:
    """OSError of the block as UsageError: "PATH: cannot be written (REASON); ADVICE"."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); {advice}") from error


@contextlib.contextmanager
def only_writer(lock: Path, what: str, advice: str) -> Iterator[None]:
    """The lock of what one process alone writes, in a file that stays; UsageError where another has it.

    OSError where the file cannot be opened.
    """
    with open_regular(lock, os.O_RDWR | os.O_CREAT, 0o600) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"{lock.parent}: expected {what} without a writer, got one that another service writes; "
                f"stop it, or {advice}"
            ) from error
        yield


def wait_for_lock(file: int, seconds: float) -> None:
    """Lock an open file or folder; OSError where another process keeps the lock for longer."""
    end = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise OSError(errno.EAGAIN, "another process keeps it locked") from error
            time.sleep(0.005)


def read_at_most(path: Path, cap: int, *, follow: bool = True) -> bytes:
    """Content of the regular file at `path`, at most `cap` bytes; without `follow` no symbolic link.

    The size is taken once, after opening; bytes appended later are not read. Raises OSError as
    `open_regular` does, and where the file is larger than `cap` or shrinks while it is read.
    """
    flags = os.O_RDONLY if follow else os.O_RDONLY | os.O_NOFOLLOW
    with open_regular(path, flags) as descriptor:
        size = os.fstat(descriptor).st_size
        if size > cap:
            raise OSError(errno.EFBIG, f"more than {cap} bytes", str(path))
        with os.fdopen(os.dup(descriptor), "rb") as file:
            content = file.read(size)
    if len(content) != size:
        raise OSError(errno.EIO, "a file that was cut while it was read", str(path))
    return content


def read_or_raise(
    path: Path,
    cap: int,
    what: str,
    raises: type[SecureMnistError],
    advice: str = "pass another",
) -> bytes:
    """The content as from `read_at_most`, with its OSError as in `expecting`."""
    with expecting(path, what, advice, raises):
        return read_at_most(path, cap)


def read_secret(path: Path, cap: int) -> tuple[bytes, int]:
    """The first `cap` bytes of a file that is no symbolic link, and its mode; OSError as above."""
    with open_regular(path, os.O_RDONLY | os.O_NOFOLLOW) as descriptor:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        return os.read(descriptor, cap), mode


def open_to_others(mode: int) -> bool:
    """Whether a file of this mode is open to others than its owner."""
    return bool(mode & (stat.S_IRWXG | stat.S_IRWXO))


def usual_mode(most: int) -> int:
    """The mode of a new file or folder that may have `most`: without the bits of this process's umask."""
    umask = os.umask(0)  # the only way to read it is to set it
    os.umask(umask)
    return most & ~umask


def exists(path: Path) -> bool:
    """Whether `path` names a regular file; OSError where it names another kind of file."""
    try:
        with open_regular(path):
            return True
    except (FileNotFoundError, NotADirectoryError):
        return False


def gunzip(packed: bytes, cap: int) -> bytes:
    """The unpacked content, of which at most `cap` + 1 bytes are produced.

    Raises OSError, with a sentence in `strerror`, where the content is not a complete gzip stream.
    """
    try:
        with gzip.open(io.BytesIO(packed)) as file:
            return file.read(cap + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise OSError(errno.EINVAL, f"{type(error).__name__} ({error})") from error
