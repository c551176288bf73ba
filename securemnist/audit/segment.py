"""Segment: one file of the log, to which each line is written by one call."""

from __future__ import annotations

import copy
import errno
import os
from pathlib import Path

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Segment:
    """A file opened for appending; `new` ones are created, and their folder entry is on the disk.

    OSError where that fails; a new file is then gone again, so that its name can be tried anew.
    """

    def __init__(self, path: Path, *, new: bool) -> None:
        self.path = path
        self._file = os.open(path, _FLAGS | (os.O_CREAT | os.O_EXCL if new else 0), 0o600)
        self.size = os.fstat(self._file).st_size
        if new:
            try:
                sync_folder(path.parent)
            except OSError:
                self.close()
                path.unlink()
                raise

    def duplicate(self) -> Segment:
        """The same file under another descriptor, for `sync`; to be closed."""
        other = copy.copy(self)
        other._file = os.dup(self._file)
        return other

    def write(self, text: bytes) -> None:
        """Append a whole line, or raise OSError and leave the file as it was.

        A full disk may take a part of the line, which is removed again. Where that fails, too, every
        later call raises: the next writer keeps the part aside.
        """
        if self.size < 0:
            raise OSError(errno.EIO, "a line was written in part; start the service again")
        try:
            written = os.write(self._file, text)
            if written != len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            self._restore()
            raise
        self.size += written

    def sync(self) -> None:
        """Wait until the lines are on the disk."""
        os.fdatasync(self._file)

    def close(self) -> None:
        """Close the file; a later write raises OSError."""
        file, self._file = self._file, -1
        os.close(file)

    def _restore(self) -> None:
        try:
            os.ftruncate(self._file, self.size)
        except OSError:
            self.size = -1


def sync_folder(folder: Path) -> None:
    """Wait until new names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
