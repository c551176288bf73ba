"""Readers of outside files: a value or one of the package's errors for every input."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from securemnist.errors import SecureMnistError
from tests.fuzzing import INPUT_KINDS, attacks


@pytest.mark.parametrize("kind", INPUT_KINDS)
def test_good_files_are_read(kind: str, tmp_path: Path) -> None:
    """The undamaged file of each kind is read."""
    door = INPUT_KINDS[kind]
    (tmp_path / door.file).write_bytes(door.good)
    door.read(tmp_path / door.file)


@pytest.mark.parametrize("kind", INPUT_KINDS)
@settings(max_examples=25, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_damaged_files_are_read_or_refused(
    kind: str, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A damaged file is refused in a sentence, or read and used without another error."""
    door = INPUT_KINDS[kind]
    path = tmp_path_factory.mktemp("fuzz") / door.file
    path.write_bytes(door.damage(door.good, random.Random(seed)))  # noqa: S311 (no secret)
    try:
        door.read(path)
    except SecureMnistError as error:
        text, code = str(error), error.exit_code
    else:
        return
    assert "\n" not in text
    assert len(text) < 1_000
    assert code == 2


@pytest.mark.parametrize("kind", INPUT_KINDS)
def test_attack_files_are_refused(kind: str, tmp_path: Path) -> None:
    """Pickles, code and bombs are refused by every reader, and none is executed."""
    door, marker = INPUT_KINDS[kind], tmp_path / "executed"
    for content in attacks(marker):
        (tmp_path / door.file).write_bytes(content)
        if kind == "history":  # lines that are no entry are counted, and the page is empty
            door.read(tmp_path / door.file)
            continue
        with pytest.raises(SecureMnistError):
            door.read(tmp_path / door.file)
    assert not marker.exists()


def test_pickle_traps_work(tmp_path: Path) -> None:
    """The pickles do create their file when they are unpickled."""
    import pickle

    marker = tmp_path / "executed"
    for content in attacks(marker)[:6]:
        pickle.loads(content)
        assert marker.exists()
        marker.unlink()
