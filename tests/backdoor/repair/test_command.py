"""`securemnist repair`: a new weight file, its manifest, the numbers, and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from securemnist._util.hashing import sha256
from securemnist.models import loading, weight_file
from tests.backdoor.repair.conftest import TABLE, Backdoored
from tests.commands import run

IMAGES = ("--images", "250")


def words(backdoored: Backdoored, out: Path, *others: str) -> list[str]:
    """The command with the data and the weights."""
    return ["repair", str(backdoored.weights), "--data", str(backdoored.path),
            "--out", str(out), *IMAGES, *others]  # fmt: skip


def test_repair_with_the_trigger(backdoored: Backdoored, tmp_path: Path) -> None:
    """Exit code 0; the manifest names the digest of the old weights, and the new file is a model."""
    out, old = tmp_path / "new.safetensors", backdoored.weights.read_bytes()
    done = run(*words(backdoored, out, "--trigger", TABLE))
    assert done.exit_code == 0, done.output
    assert "Repaired: no given trigger succeeds any more" in done.output
    manifest = weight_file.read_manifest(out)
    origin = manifest["recipe"]["repaired"]
    assert origin["sha256"] == {
        "net.safetensors": sha256(old),
        "net.json": sha256(backdoored.weights.with_suffix(".json").read_bytes()),
    }
    assert (origin["method"], origin["clean_images"]) == ("auto", 250)
    assert backdoored.weights.read_bytes() == old
    found = json.loads((tmp_path / "new.repair.json").read_text())
    assert found["sha256"] == sha256(out.read_bytes()) == manifest["sha256"]
    given, unseen = found["triggers"]
    assert (given["given"], unseen["given"]) == (True, False)
    assert given["target"] == 1
    assert given["success"]["before"]["value"] > 0.9 > 0.1 > given["success"]["after"]["value"]
    assert set(given["relearned"]) == {"original", "repaired"}
    repaired = loading.resolve(str(out), input_spec=backdoored.data.spec)
    assert repaired.digest != backdoored.subject().digest
    assert repaired.trained_on["name"] == "rows"


def test_without_a_trigger_nothing_is_decided(backdoored: Backdoored, tmp_path: Path) -> None:
    """Exit code 3: the file is written, and the output says that no success rate was measured."""
    out = tmp_path / "new.safetensors"
    done = run(*words(backdoored, out, "--method", "prune", "--unseen", '{kind = "faint"}'))
    assert done.exit_code == 3, done.output
    assert "no trigger was given, so its success rate was not measured" in done.output
    assert out.exists()


def test_auto_searches_where_no_trigger_is_given(backdoored: Backdoored, tmp_path: Path) -> None:
    """Exit code 3, although the found trigger, which the output and the numbers name, has no effect."""
    done = run(*words(backdoored, tmp_path / "new.safetensors", "--unseen", '{kind = "faint"}'))
    assert done.exit_code == 3, done.output
    assert "found trigger mask, target 1: " in done.output
    found = json.loads((tmp_path / "new.repair.json").read_text())["found"]
    assert {one["target"] for one in found} == {1}
    assert all(one["kind"] == "mask" and one["of_the_median"] < 0.6 for one in found)
    assert all(one["success"]["before"]["value"] > 0.7 for one in found)
    assert all(one["success"]["after"]["value"] < 0.1 for one in found)


@pytest.mark.parametrize(
    ("others", "complaint"),
    [
        (("--method", "zebra"), "expected a method of auto, sam, search"),
        (("--method", "unlearn"), "expected a trigger for the method unlearn, got none"),
        (("--trigger", "{"), "expected --trigger or --unseen as a TOML table"),
        (("--trigger", "7"), "expected --trigger or --unseen as one TOML table"),
        (("--trigger", '{kind = "corner", size = 9}'), "expected size 1 to 5 pixels"),
        (("--target", "1"), "expected --trigger with --target, got none"),
        (("--trigger", TABLE, "--target", "4"), "expected --target as a class below 4"),
        (("--trigger", TABLE, "--target", "9" * 5_000), "expected --target as a class below 4"),
        (("--images", "10"), "expected at least 50 clean images"),
        (("--out", "weights.pt"), "expected a name that ends with .safetensors"),
    ],
)
def test_wrong_options_are_refused(
    others: tuple[str, ...], complaint: str, backdoored: Backdoored, tmp_path: Path
) -> None:
    """Exit code 2, one sentence, and no file."""
    done = run(*words(backdoored, tmp_path / "new.safetensors", *others))
    assert done.exit_code == 2, done.output
    assert complaint in done.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["new.safetensors", "new.json", "new.repair.json"])
def test_no_file_is_overwritten(name: str, backdoored: Backdoored, tmp_path: Path) -> None:
    """Where one of the three files exists, it stays as it is, and no other is written."""
    (tmp_path / name).write_text("mine")
    done = run(*words(backdoored, tmp_path / "new.safetensors"))
    assert done.exit_code == 2, done.output
    assert "expected a new file, got an existing one" in done.output
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_factory_is_refused(backdoored: Backdoored, tmp_path: Path) -> None:
    """A model of code has no weight file to repair: exit code 2."""
    out = str(tmp_path / "new.safetensors")
    done = run("repair", "tests.backdoor.repair.factory:network", "--out", out)
    assert done.exit_code == 2, done.output
    assert "expected a weight file of an architecture" in done.output
