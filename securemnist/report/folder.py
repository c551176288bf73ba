"""A report folder, replaced as one: whoever looks finds the old report or the new one, never a mixture.

A new folder is swapped with the old one in one step. That is not possible for a mount point, for the
working folder, and on other systems than Linux. There the old files are removed first and the page is
written last; the next run finishes what a killed one began. Only files that the old report lists are
ever removed.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from securemnist.report import manifest
from securemnist.report.swap import alone, swap, write

_STAGED, _REPLACING = ".securemnist-staged", ".securemnist-replacing"


def publish(out: Path, files: Mapping[str, bytes]) -> None:
    """Make `out` hold these files, and no other file of an earlier report; OSError where it cannot.

    `files`: content by name, at most one folder deep. Files that are of no report stay as they are.
    """
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    with alone(out):
        finish(out)
        content = {manifest.NAME: manifest.dumps(files), **files}
        if not swap(out, content):
            _replace_in_place(out, content)


def add(out: Path, files: Mapping[str, bytes]) -> None:
    """Publish these files beside those of the report that is there; a file of one name is replaced."""
    with alone(out):
        publish(out, {**manifest.owned(out), **files})


def finish(out: Path) -> None:
    """Finish what a killed run has begun to replace in `out`, if any."""
    staged = out / _REPLACING
    with alone(out):
        if (staged / manifest.NAME).is_file() and not staged.is_symlink():
            _fill(out)


def _replace_in_place(out: Path, content: Mapping[str, bytes]) -> None:
    """Everything lies complete inside `out` before the first old file goes."""
    out.mkdir(parents=True, exist_ok=True)
    _refuse_links(out, content)
    for name in content:
        if (out / name).is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(out / name))
    for left in out.glob(f"{_STAGED}*"):
        shutil.rmtree(left, ignore_errors=True)
    staged = Path(tempfile.mkdtemp(dir=out, prefix=_STAGED))
    try:
        write(staged, content)
        os.rename(staged, out / _REPLACING)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    _fill(out)


def _fill(out: Path) -> None:
    """The old files away, the page first and their list last; then the new ones, the page last.

    As long as the old list is there, no new file is: it may be begun again after any kill.
    """
    staged = out / _REPLACING
    _refuse_links(out, manifest.listed(staged))
    for name in sorted(manifest.unchanged(out), key=_page_first):
        (out / name).unlink()
    (out / manifest.NAME).unlink(missing_ok=True)
    for name in sorted(manifest.listed(staged), key=_page_first, reverse=True):
        if (staged / name).is_file():
            (out / name).parent.mkdir(exist_ok=True)
            os.replace(staged / name, out / name)
    os.replace(staged / manifest.NAME, out / manifest.NAME)
    shutil.rmtree(staged, ignore_errors=True)


def _refuse_links(out: Path, names: Iterable[str]) -> None:
    """OSError where one of these files would be written to another folder, by a link inside `out`."""
    for name in names:
        if manifest.behind_a_link(out, name):
            raise OSError(errno.ELOOP, f"a link at {name.partition('/')[0]!r}", str(out))


def _page_first(name: str) -> tuple[bool, str]:
    return name != "index.html", name
