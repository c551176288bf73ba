"""The folder of a run: refused where it holds files of other origin."""

from __future__ import annotations

from pathlib import Path

from securemnist.errors import UsageError
from securemnist.pipeline import cache
from securemnist.pipeline.scenarios import SCENARIOS
from securemnist.report import check_writable, manifest

PAGE, SUMMARY = "index.html", "summary.json"
FILES = (PAGE, SUMMARY, *(f"{name}.json" for name in SCENARIOS))


def check(folder: Path) -> None:
    """UsageError unless the folder is absent, empty, or of an earlier run of the pipeline.

    What else lies in a folder of an earlier run stays. No file is replaced that was changed since.
    """
    check_writable(folder)
    models = folder / cache.FOLDER
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    ours = set(manifest.listed(folder))
    if not ours >= set(FILES):
        ours = set()
    foreign = present - ours - {manifest.NAME, cache.FOLDER}
    if not ours and (foreign or manifest.NAME in present):
        first = min(foreign or present)
        raise UsageError(
            f"{folder}: expected no folder, an empty one or one of an earlier run, got one with "
            f"{first!r:.80}; name another folder"
        )
    changed = (ours & present) - manifest.unchanged(folder)
    if changed:
        raise UsageError(
            f"{folder / min(changed)}: expected the file of the earlier run, got a changed one; move it "
            "away or name another folder"
        )
    if cache.FOLDER in present and not _is_cache(models):
        raise UsageError(
            f"{models}: expected networks of an earlier run, got a folder of other origin; name "
            "another folder"
        )


def _is_cache(models: Path) -> bool:
    """Whether it is a real folder that holds a cache, or nothing."""
    if models.is_symlink() or not models.is_dir():
        return False
    return cache.is_ours(models) or not any(models.iterdir())
