"""The folder of a run: nothing of other origin is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from securemnist.errors import UsageError
from securemnist.pipeline import cache, folder
from securemnist.report.folder import publish


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder of a finished run."""
    out = tmp_path / "out"
    publish(out, dict.fromkeys(folder.FILES, b"written"))
    cache.begin(out / cache.FOLDER)
    return out


def test_absent_empty_and_own_folders_are_accepted(tmp_path: Path, out: Path) -> None:
    """No folder, an empty one, one of an interrupted run and one of a finished run may be used."""
    folder.check(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()
    (empty := tmp_path / "empty").mkdir()
    folder.check(empty)
    cache.begin(tmp_path / "interrupted" / cache.FOLDER)
    folder.check(tmp_path / "interrupted")
    folder.check(out)


def test_notes_beside_a_finished_run_stay(out: Path) -> None:
    """A file that was added to the folder of a finished run is no obstacle, and is kept."""
    (out / "notes.txt").write_text("mine")
    folder.check(out)
    publish(out, dict.fromkeys(folder.FILES, b"again"))
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "index.html").read_bytes() == b"again"
    assert cache.is_ours(out / cache.FOLDER)


@pytest.mark.parametrize("name", ["index.html", "thesis.tex", "summary.json", "report.json"])
def test_foreign_folder_is_refused(name: str, tmp_path: Path) -> None:
    """A folder with a file of other origin is refused by its name, and left as it was."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match=name):
        folder.check(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_report_of_an_assessment_is_refused(tmp_path: Path) -> None:
    """The folder of another report is not taken for one of the pipeline."""
    publish(tmp_path / "report", {"index.html": b"", "assessment.json": b"{}"})
    with pytest.raises(UsageError, match="name another folder"):
        folder.check(tmp_path / "report")


def test_changed_file_is_refused(out: Path) -> None:
    """A file of an earlier run that was edited since is not replaced."""
    (out / "index.html").write_text("edited")
    with pytest.raises(UsageError, match=r"index\.html: expected the file of the earlier run"):
        folder.check(out)


def test_foreign_networks_are_refused(tmp_path: Path, out: Path) -> None:
    """A folder `models` of other origin, or a link to one, is not used as the cache."""
    (models := tmp_path / "project" / "models").mkdir(parents=True)
    (models / "baseline.safetensors").write_text("mine")
    with pytest.raises(UsageError, match="folder of other origin"):
        folder.check(tmp_path / "project")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "models").symlink_to(out / "models")
    with pytest.raises(UsageError, match="folder of other origin"):
        folder.check(tmp_path / "linked")


def test_file_instead_of_a_folder_is_refused(tmp_path: Path) -> None:
    """A file in the place of the folder is refused in one sentence."""
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(UsageError, match="expected a folder"):
        folder.check(tmp_path / "taken")
