"""Sources: the Python files of a project that are to be read, and what is left out."""

from __future__ import annotations

import ast
import os
import re
import stat
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from securemnist.errors import MeasureError

# A home folder started in by mistake, not a project.
MOST_FILES = 5_000
_SUFFIXES = (".py", ".pyw")
# Comments by which a line asks the tools to be silent.
_SUPPRESSION = re.compile(r"#\s*(?:nosec|nosem(?:grep)?)\b.{0,80}")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Python files of `folder`, sorted, as paths from there with forward slashes.

    `excluded` names what was left out on the way, each with its reason.
    """

    folder: Path
    files: tuple[str, ...]
    excluded: tuple[str, ...] = ()

    @classmethod
    def find(cls, folder: Path, paths: Sequence[str], exclude: Sequence[str] = ()) -> Sources:
        """The Python files at and below `paths`, which are relative to `folder`.

        A file or folder is left out where a pattern of `exclude` (as in fnmatch; * crosses slashes)
        fits its path; so are hidden folders, virtual environments, installed packages and links.
        """
        files: set[str] = set()
        excluded: set[str] = set()
        for path in paths:
            for name, reason in _walk(folder, os.path.relpath(folder / path, folder), exclude):
                if reason:
                    excluded.add(f"{name} ({reason})")
                else:
                    files.add(name)
            if len(files) > MOST_FILES:
                raise MeasureError(
                    f"expected at most {MOST_FILES:,} Python files, got more; name `paths` of your own "
                    "code, or `exclude` what is not yours"
                )
        return cls(folder=folder, files=tuple(sorted(files)), excluded=tuple(sorted(excluded)))

    def check(self) -> None:
        """MeasureError unless there are files and Python can parse each: a tool would skip the others."""
        if not self.files:
            raise MeasureError(
                "expected Python files to read, got none; mend `paths` and `exclude` of the row"
            )
        for name in self.files:
            try:
                name.encode()  # UnicodeEncodeError is a ValueError: a name that no report could show
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # an odd escape is no reason to stop
                    ast.parse((self.folder / name).read_bytes())
            except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
                raise MeasureError(
                    f"{name!r}: expected a file that Python can parse, got {type(error).__name__} "
                    f"({error}); mend the file or exclude it"
                ) from error

    def suppressions(self) -> list[str]:
        """Every comment that silences a tool, with its place; some may stand inside a string."""
        return [
            f"{name}:{number} ({comment[0].strip()})"
            for name in self.files
            for number, line in enumerate(self._lines(name), 1)
            if (comment := _SUPPRESSION.search(line))
        ]

    def code(self, name: str, first: int, last: int) -> str:
        """Lines `first` to `last` (from 1) of a file, white space folded."""
        return " ".join(" ".join(self._lines(name)[first - 1 : last]).split())

    def _lines(self, name: str) -> list[str]:
        return (self.folder / name).read_bytes().decode(errors="replace").split("\n")


def _walk(folder: Path, path: str, exclude: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Paths at and below `path`, each with the reason to leave it out, or with an empty one."""
    if not (folder / path).is_dir():
        yield path, _fits(path, exclude) or _odd(folder / path)
        return
    for root, folders, files in os.walk(folder / path):
        here = os.path.relpath(root, folder)
        entered = []
        for name in sorted(folders):
            found = os.path.normpath(os.path.join(here, name))
            reason = _fits(found, exclude) or _foreign(folder / found)
            if not reason:
                entered.append(name)
            elif name != "__pycache__":
                yield found, reason
        folders[:] = entered
        for name in sorted(files):
            if name.endswith(_SUFFIXES):
                found = os.path.normpath(os.path.join(here, name))
                yield found, _fits(found, exclude) or _odd(folder / found)


def _fits(path: str, exclude: Sequence[str]) -> str:
    """Whether a pattern fits the path or a folder above it."""
    parts = path.split("/")
    above = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
    hit = any(fnmatchcase(p, pattern.rstrip("/")) for pattern in exclude for p in above)
    return "exclude" if hit else ""


def _foreign(folder: Path) -> str:
    """Why a folder does not hold the project's own code."""
    if folder.is_symlink():
        return "link"
    if folder.name.startswith("."):
        return "hidden"
    if (folder / "pyvenv.cfg").is_file():
        return "virtual environment"
    known = folder.name in ("__pycache__", "node_modules", "site-packages")
    return "not the project's own" if known else ""


def _odd(path: Path) -> str:
    """Why a file is not read: a pipe would block its reader, a link leads who knows where."""
    return "" if stat.S_ISREG(path.lstat().st_mode) else "not a plain file"
