"""Digests of the bundled reference models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch

from benchmarks import sign_references
from securemnist._util import resources
from securemnist._util.hashing import sha256
from securemnist.errors import WeightsError
from securemnist.models import loading, reference_digests


def test_digests_match_bundled_files() -> None:
    """Exactly the bundled weight files and manifests have their digests in the code."""
    assert sign_references.digests() == reference_digests.DIGESTS


def test_digests_are_written_into_the_code() -> None:
    """The digests of a new model and another key replace those of the code; the rest stays."""
    text = sign_references.CODE.read_text()
    digests, signer = reference_digests.DIGESTS, reference_digests.SIGNER
    assert sign_references.with_digests(text, digests, signer) == text
    another = sign_references.with_digests(text, {"new": ("ab", "cd")}, "ef")
    scope: dict[str, Any] = {}
    exec(compile(another, "reference_digests", "exec"), scope)  # noqa: S102 # our own text
    assert scope["DIGESTS"] == {"new": ("ab", "cd")}
    assert scope["SIGNER"] == "ef"
    assert another.partition("\ndef ")[2] == text.partition("\ndef ")[2]


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the bundled weights that a test may change."""
    for suffix in ("safetensors", "json"):
        shutil.copy(resources.WEIGHTS / f"baseline.{suffix}", tmp_path)
        shutil.copy(resources.WEIGHTS / f"network_d.{suffix}", tmp_path)
    monkeypatch.setattr(resources, "WEIGHTS", tmp_path)
    return tmp_path


def test_replaced_weights_and_manifest_refused_by_name(weights: Path) -> None:
    """Weights and manifest changed together are valid by path and refused by NAME."""
    path = weights / "baseline.safetensors"
    assert loading.resolve("baseline").name == "baseline"
    state = safetensors.torch.load(path.read_bytes())
    name = next(name for name in state if name.endswith("bias"))
    state[name] = state[name] + 1e-6
    path.write_bytes(safetensors.torch.save(state))
    manifest = json.loads((weights / "baseline.json").read_text())
    manifest["sha256"] = sha256(path.read_bytes())
    (weights / "baseline.json").write_text(json.dumps(manifest))
    assert loading.resolve(str(path)).name == "baseline"  # as a file of the user's own
    with pytest.raises(
        WeightsError, match="expected the reference model 'baseline' of this release"
    ):
        loading.resolve("baseline")


def test_changed_manifest_refused_by_name(weights: Path) -> None:
    """A manifest with another recipe for the same weights is refused by NAME."""
    manifest = json.loads((weights / "baseline.json").read_text())
    manifest["recipe"] = {**manifest["recipe"], "epochs": 1}
    (weights / "baseline.json").write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match="restore both files"):
        loading.resolve("baseline")


def test_renamed_reference_model_refused_by_name(weights: Path) -> None:
    """A file of this release under another NAME, or under an unknown one, is refused."""
    for target in ("baseline", "newcomer"):
        for suffix in ("safetensors", "json"):
            shutil.copy(weights / f"network_d.{suffix}", weights / f"{target}.{suffix}")
        with pytest.raises(WeightsError, match=f"the reference model '{target}' of this release"):
            loading.resolve(target)
