"""Search for the Python files of a project, with a reason for every place that is not read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from securemnist._util.git import git
from securemnist.errors import MeasureError
from securemnist.static.kinds import FileKind, file_kind, is_regular

# More files indicate a home folder, not a project.
MAX_FILES = 5_000
# Entries of a folder outside the project that are checked for Python.
_MAX_OUTSIDE = 20_000
_CACHE = "__pycache__"
_NO_PYTHON = {FileKind.OTHER, FileKind.BINARY}


@dataclass
class ProjectWalk:
    """Search below `folder`: files by kind, excluded places, and unreadable places.

    Names are relative to `folder`, with forward slashes.
    """

    folder: Path
    exclude: Sequence[str]
    files: dict[str, FileKind] = field(default_factory=dict)
    excluded: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    _links: list[str] = field(default_factory=list)
    _entered: set[str] = field(default_factory=set)
    _tracked: tuple[str, ...] = ()

    def run(self, paths: Sequence[str]) -> None:
        """Search at and below each of `paths`; links come last, when the targets are known."""
        names = git(self.folder, "ls-files", "-z", "--cached", "--", ".") or b""
        self._tracked = tuple(sorted(os.fsdecode(name) for name in names.split(b"\0") if name))
        for path in paths:
            name = os.path.relpath(self.folder / path, self.folder)
            if (self.folder / name).is_dir():
                self._enter(name)
            else:
                self._file(name)
        while self._links:
            self._link(self._links.pop(0))

    def _enter(self, start: str) -> None:
        walk = os.walk(self.folder / start, onerror=self._unreadable)
        for root, folders, files in walk:
            self._entered.add(os.path.realpath(root))
            here = os.path.relpath(root, self.folder)
            folders[:] = [name for name in sorted(folders) if self._is_entered(_join(here, name))]
            for name in sorted(files):
                self._file(_join(here, name))

    def _unreadable(self, error: OSError) -> None:
        name = os.path.relpath(error.filename, self.folder)
        self.unread[name] = f"the folder cannot be opened ({error.strerror})"

    def _is_entered(self, name: str) -> bool:
        """Whether a folder is searched; else it is listed, and its Git-tracked files are read."""
        if matches(name, self.exclude):
            self.excluded[name] = "exclude"
            return False
        path = self.folder / name
        if path.is_symlink():
            self._links.append(name)
            return False
        reason = other_origin(path)
        if not reason:
            return True
        tracked = [file for file in self._tracked if file.startswith(name + "/")]
        for file in tracked:
            self._file(file)
        self.excluded[name] = f"{reason}, apart from what Git tracks" if tracked else reason
        return False

    def _file(self, name: str) -> None:
        path = self.folder / name
        if matches(name, self.exclude):
            kind = FileKind.OTHER if path.is_symlink() or not is_regular(path) else file_kind(path)
            if kind not in (FileKind.OTHER, FileKind.UNREADABLE):
                self.excluded[name] = "exclude"
        elif path.is_symlink():
            self._links.append(name)
        elif not is_regular(path):
            self.excluded[name] = "not a plain file"
        else:
            self._regular(name, path)
        if len(self.files) > MAX_FILES:
            raise MeasureError(
                f"expected at most {MAX_FILES:,} Python files, got more; name `paths` of your own code, "
                "or `exclude` what is not yours"
            )

    def _regular(self, name: str, path: Path) -> None:
        kind = file_kind(path)
        if kind is FileKind.BYTECODE and path.parent.name == _CACHE and name not in self._tracked:
            return  # of a source, which is read: Python runs no other from there
        if kind in (FileKind.BYTECODE, FileKind.UNREADABLE):
            self.unread[name] = kind.value
        elif kind is FileKind.BINARY:
            self.excluded[name] = kind.value
        elif kind is not FileKind.OTHER:
            self.files[name] = kind

    def _link(self, name: str) -> None:
        """Follow a link inside the project unless its target is read anyway; list other links."""
        target, root = os.path.realpath(self.folder / name), os.path.realpath(self.folder)
        inside = Path(target).is_relative_to(root)
        relative = os.path.relpath(target, root)
        if not os.path.exists(target):
            self.excluded[name] = "link to nothing"
        elif os.path.isdir(target):
            self._linked_folder(name, target, relative if inside else "")
        elif not is_regular(Path(target)):
            self.excluded[name] = "not a plain file"
        elif inside:
            if relative in self.files:
                self.excluded[name] = f"link to {relative}"
            else:
                self._regular(name, self.folder / name)
        elif {file_kind(self.folder / name), file_kind(Path(target))} <= _NO_PYTHON:
            self.excluded[name] = "link that leads out of the project"
        else:
            self.unread[name] = "a link that leads out of the project"

    def _linked_folder(self, name: str, target: str, inside: str) -> None:
        """Follow or list a linked folder; `inside` is its path in the project, or empty."""
        if inside and target in self._entered:
            self.excluded[name] = f"link to {inside}"
        elif inside:
            self._enter(name)
        elif python := python_below(Path(target)):
            self.unread[name] = f"a link that leads out of the project, to {python}"
        else:
            self.excluded[name] = "link that leads out of the project"


def python_below(folder: Path) -> str:
    """A description of possible Python in a folder; empty where there is none. The search is limited."""
    entries = 0
    for root, folders, files in os.walk(folder):
        entries += len(folders) + len(files)
        for name in sorted(files):
            path = Path(root) / name
            if is_regular(path) and file_kind(path) not in _NO_PYTHON:
                return f"a folder with Python ({name})"
        if entries > _MAX_OUTSIDE:
            return f"a folder with more than {_MAX_OUTSIDE:,} entries"
    return ""


def matches(path: str, exclude: Sequence[str]) -> bool:
    """Whether a pattern matches the path or a folder above it."""
    parts = path.split("/")
    above = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
    return any(fnmatchcase(p, pattern.rstrip("/")) for pattern in exclude for p in above)


def other_origin(folder: Path) -> str:
    """Why a folder does not hold the project's own code; empty where it may."""
    if folder.name.startswith("."):
        return "hidden"
    if _is_environment(folder):
        return "virtual environment"
    known = folder.name in ("node_modules", "site-packages")
    return "not the project's own" if known else ""


def _is_environment(folder: Path) -> bool:
    """Whether a folder is a virtual environment; a marker file alone does not suffice."""
    if not (folder / "pyvenv.cfg").is_file() and not (folder / "conda-meta" / "history").is_file():
        return False
    programs = ("bin/python", "Scripts/python.exe", "python.exe")
    packages = folder.glob("lib*/python*/site-packages")
    return any((folder / name).exists() for name in programs) or any(packages)


def _join(folder: str, name: str) -> str:
    return os.path.normpath(os.path.join(folder, name))
