"""Python files of a project, and a scratch copy of them for the tools."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from securemnist._util.hashing import sha256
from securemnist.errors import MeasureError
from securemnist.static import notebook
from securemnist.static.issue import Issue, not_read
from securemnist.static.kinds import FileKind, read_content
from securemnist.static.reading import NotRead, ReadResult, SourceFile, pth_text, python_text
from securemnist.static.walk import ProjectWalk

_MAX_NAME = 240  # bytes, of the 255 of a file's name, to which `.py` is added


@dataclass(frozen=True, kw_only=True)
class PythonFiles:
    """Python files of `folder`: sorted source files, issues for unread files, and exclusions.

    Names are paths relative to `folder` with forward slashes. Each entry of `excluded` gives its
    reason.
    """

    folder: Path
    source_files: tuple[SourceFile, ...]
    unread: tuple[Issue, ...] = ()
    excluded: tuple[str, ...] = ()

    @classmethod
    def find(cls, folder: Path, paths: Sequence[str], exclude: Sequence[str] = ()) -> PythonFiles:
        """The Python files at and below `paths`, which are relative to `folder`.

        Left out are paths that match a pattern of `exclude` (fnmatch; * crosses slashes). Left out,
        too, are hidden folders, virtual environments and installed packages, except for files that
        Git tracks. Raises MeasureError for a path that does not exist or leads out of `folder`.
        """
        for path in paths:
            _check(folder, path)
        walk = ProjectWalk(folder, exclude)
        walk.run(paths)
        results = [_read(folder, name, kind) for name, kind in sorted(walk.files.items())]
        unread = [not_read(name, why, content=why) for name, why in sorted(walk.unread.items())]
        excluded = [f"{name} ({why})" for name, why in sorted(walk.excluded.items())]
        return cls(
            folder=folder,
            source_files=tuple(file for file, _, _ in results if file is not None),
            unread=(*unread, *(issue for _, issues, _ in results for issue in issues)),
            excluded=(*excluded, *(line for _, _, lines in results for line in lines)),
        )

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the source files."""
        return tuple(source_file.name for source_file in self.source_files)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to judge, not even an unread file."""
        return not self.source_files and not self.unread

    @contextmanager
    def scratch_copy(self) -> Iterator[ScratchCopy]:
        """A temporary folder of the sources as UTF-8 `.py` files, under their own paths where possible.

        It has no settings of the project that could disable a rule.
        """
        with tempfile.TemporaryDirectory() as scratch:
            by_name = dict(zip(_names(self.files), self.source_files, strict=True))
            for name, source_file in by_name.items():
                path = Path(scratch) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(source_file.text.encode())
            yield ScratchCopy(Path(scratch), by_name)


def _names(files: Sequence[str]) -> Iterator[str]:
    """A name for each file that ends with `.py`, its own one where it does."""
    taken = {*files, *(f"{above}" for name in files for above in Path(name).parents)}
    for name in files:
        folder, last = os.path.split(name)
        stem = last if len(last.encode()) <= _MAX_NAME else "long"
        endings = (f"{number or ''}.py" for number in itertools.count())
        other = (os.path.join(folder, f"{stem}{ending}") for ending in endings)
        new = name if name.endswith(".py") else next(one for one in other if one not in taken)
        taken.add(new)
        yield new


@dataclass(frozen=True)
class ScratchCopy:
    """A temporary folder, and the source file of each file in it."""

    folder: Path
    source_files: Mapping[str, SourceFile]

    def unread(self, name: str, reason: str) -> Issue:
        """The issue for a file of this folder that a tool could not read."""
        source_file = self.source_files[os.path.normpath(name)]
        return not_read(source_file.name, reason, content=source_file.digest)

    def passed_over(self, tool: str, read_names: Iterable[str]) -> list[Issue]:
        """An issue for each file that a tool does not mention."""
        missing = self.source_files.keys() - set(map(os.path.normpath, read_names))
        return [self.unread(name, f"{tool} passed over it") for name in sorted(missing)]


def _check(folder: Path, path: str) -> None:
    place = (folder / path).resolve()
    if not place.is_relative_to(folder.resolve()):
        raise MeasureError(
            f"expected a path inside the project folder {folder}, got {path!r}; name another in `paths`"
        )
    if not place.exists():
        raise MeasureError(
            f"expected an existing path in the project folder {folder}, got {path!r}; fix `paths`"
        )


def _read(folder: Path, name: str, kind: FileKind) -> ReadResult:
    """A file as Python reads it; parts that cannot be read become issues."""
    try:
        name.encode()
        content = read_content(folder / name, kind)
    except UnicodeEncodeError:
        return ReadResult(unread=(not_read(name, "its name is not UTF-8", content=ascii(name)),))
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        return ReadResult(unread=(not_read(name, reason, content=name),))
    digest = f"sha256:{sha256(content)}"
    try:
        if kind is FileKind.NOTEBOOK:
            return notebook.read(name, content, digest)
        text = pth_text(content) if kind is FileKind.PTH else python_text(content)
        return ReadResult(SourceFile(name, text, digest))
    except NotRead as error:
        return ReadResult(unread=(not_read(name, str(error), content=digest),))
