"""Python files of a project, and a scratch copy of them for the tools."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from securemnist.errors import MeasureError
from securemnist.static.issue import Issue, not_read
from securemnist.static.source_file import SourceFile, read
from securemnist.static.walk import ProjectWalk


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
        results = [read(folder, name, kind) for name, kind in sorted(walk.files.items())]
        unread = [not_read(name, why, content=why) for name, why in sorted(walk.unread.items())]
        excluded = [f"{name} ({why})" for name, why in sorted(walk.excluded.items())]
        return cls(
            folder=folder,
            source_files=tuple(
                result.source_file for result in results if result.source_file is not None
            ),
            unread=(*unread, *(issue for result in results for issue in result.unread)),
            excluded=(*excluded, *(line for result in results for line in result.excluded)),
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
            by_name: dict[str, SourceFile] = {}
            taken = set(self.files)
            for source_file in self.source_files:
                name = source_file.name
                while not name.endswith(".py") or (name != source_file.name and name in taken):
                    name += "_.py" if name.endswith(".py") else ".py"
                taken.add(name)
                by_name[name] = source_file
                path = Path(scratch) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(source_file.text.encode())
            yield ScratchCopy(Path(scratch), by_name)


@dataclass(frozen=True)
class ScratchCopy:
    """A temporary folder, and the source file of each file in it."""

    folder: Path
    source_files: Mapping[str, SourceFile]


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
