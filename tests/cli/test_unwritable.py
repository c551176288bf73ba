"""A command that measures for minutes refuses an output that cannot be written, before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from securemnist.data import DataSet
from tests.commands import run

COMMANDS = {
    "init": ("init", "--model", "baseline"),
    "calibrate": ("calibrate", "set.npz", "--out", "new/folder"),
    "filter": ("filter", "set.npz", "--out", "new"),
    "measure": ("measure", "clean_accuracy", "--model", "baseline", "--json", "new.json"),
    "repair": ("repair", "baseline", "--out", "new.safetensors"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unwritable_folder_is_refused_at_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No data are loaded, and the sentence names the output and the reason."""
    monkeypatch.chdir(tmp_path)

    def no_files(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    def no_data(*_: object, **__: object) -> None:
        raise AssertionError("data were loaded")

    monkeypatch.setattr("tempfile.TemporaryFile", no_files)
    monkeypatch.setattr(DataSet, "load", no_data)
    monkeypatch.setattr("securemnist.data.load", no_data)
    done = run(*COMMANDS[name])
    assert done.exit_code == 2
    assert "cannot be written (Read-only file system); " in done.output
    assert len(done.output.splitlines()) == 1
