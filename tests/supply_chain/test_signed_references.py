"""The bundled row of signatures: the reference models are those that the pinned key has signed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from securemnist._util import resources
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.report.details import first_places
from securemnist.results import policy
from securemnist.results.findings import Finding, Verdict
from securemnist.signing import keys, model_signature

(BUNDLED,) = policy.load(resources.POLICY).rows("unverified_files")


def judge(context: Context) -> Finding:
    """The bundled row."""
    bound = bind(BUNDLED.measure, BUNDLED.settings)
    return BUNDLED.judge(
        take_measurement(context, BUNDLED.measure, bound, 0), family="supply_chain"
    )


@pytest.fixture
def fixtures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the bundled reference models, their signature and its key."""
    folder = tmp_path / "weights"
    shutil.copytree(resources.WEIGHTS, folder)
    for name in ("WEIGHTS_SIGNATURE", "WEIGHTS_KEY"):
        copied = shutil.copy(getattr(resources, name), tmp_path)
        monkeypatch.setattr(resources, name, Path(copied))
    monkeypatch.setattr(resources, "WEIGHTS", folder)
    return tmp_path


def test_the_reference_models_are_signed(context: Context) -> None:
    """The bundled row passes: every file below fixtures/weights is signed by the pinned key."""
    found = judge(context)
    assert found.verdict is Verdict.PASS, first_places(found)
    assert found.measurement is not None
    assert found.measurement.n == len(list(resources.WEIGHTS.iterdir()))


def flip(folder: Path) -> None:
    path = folder / "weights" / "certified.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def sign_again(folder: Path) -> None:
    """An attacker's own signature and key in place of the bundled ones."""
    flip(folder)
    public = keys.create(folder / "own")
    content, _ = model_signature.sign(
        folder / "weights", keys.private_key(folder / "own"), out=folder / "weights.sig"
    )
    (folder / "weights.sig").write_bytes(content)
    (folder / "weights.pub").write_bytes(keys.pem(public))


REPLACED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a flipped byte": (flip, "certified.safetensors (weights.sig): expected as it was signed"),
    "another key": (sign_again, "another key"),
    "an added file": (lambda f: (f / "weights" / "new.json").touch(), "new.json"),
    "a removed file": (lambda f: (f / "weights" / "certified.json").unlink(), "missing"),
    "no signature": (lambda f: (f / "weights.sig").unlink(), "No such file"),
    "a link": (lambda f: (f / "weights" / "link").symlink_to("/"), "symbolic link"),
}


@pytest.mark.parametrize("name", REPLACED)
def test_replaced_reference_models_fail_the_bundled_row(
    name: str, fixtures: Path, context: Context
) -> None:
    """The saboteurs of the bundled row: changed, added and removed files, and another signer."""
    change, text = REPLACED[name]
    change(fixtures)
    found = judge(context)
    assert found.verdict is Verdict.FAIL
    assert text in " ".join(first_places(found))
