"""Weight files: round trip, size limit, detection of changes."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from securemnist._util import resources
from securemnist._util.hashing import sha256
from securemnist.errors import WeightsError
from securemnist.models import loading, weight_file
from tests.small_network import same_weights, saved_weights, small_network

GOOD = weight_file.dump(small_network())


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good file with its manifest."""
    return saved_weights(tmp_path_factory.mktemp("saved"))


def test_weight_file_round_trip(tmp_path: Path) -> None:
    """Weights are bit-identical after a round trip, and the manifest describes them."""
    path = tmp_path / "folder" / "net.safetensors"
    manifest = weight_file.save(small_network(), path, {"architecture": "tiny", "seed": 7})
    model = small_network(1)
    weight_file.load_into(model, path, weight_file.read_manifest(path))
    assert same_weights(model, small_network())
    assert weight_file.read_manifest(path) == manifest
    assert (manifest["seed"], manifest["size"]) == (7, path.stat().st_size)
    assert sorted(p.name for p in path.parent.iterdir()) == ["net.json", "net.safetensors"]


def test_weight_file_independent_of_layout() -> None:
    """The bytes of a file depend on the weights, not on their memory layout."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten())
    plain = weight_file.dump(model)
    assert weight_file.dump(model.to(memory_format=torch.channels_last)) == plain  # type: ignore[call-overload]


def test_canary_inputs_fixed() -> None:
    """The canary images are eight different ones in [0, 1], the same on every machine."""
    images = weight_file.canary_inputs()
    assert (images.dtype, tuple(images.shape)) == (torch.float32, (8, 1, 28, 28))
    assert len({tuple(image.flatten().tolist()) for image in images}) == 8
    assert (images.min(), images.max()) == (0, 1)
    pixels = (images * 255).round().to(torch.uint8).numpy().tobytes()
    assert sha256(pixels)[:16] == "15288876b95420b6"


def test_weight_file_size_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than the size limit is read of a weight file."""
    path = tmp_path / "net.safetensors"
    path.write_bytes(GOOD)
    monkeypatch.setattr(weight_file, "MAX_WEIGHTS", len(GOOD) - 1)
    with pytest.raises(WeightsError, match="more than"):
        weight_file.load_into(small_network(), path, None)
    with pytest.raises(WeightsError, match="expected a weight file, got Is a directory"):
        weight_file.load_into(small_network(), tmp_path, None)


@settings(max_examples=100)
@given(place=st.integers(0, len(GOOD) - 1), mask=st.integers(1, 255))
def test_flipped_weight_byte_refused(good: Path, place: int, mask: int) -> None:
    """With its manifest no file loads after a change of any byte."""
    content = bytearray(GOOD)
    content[place] ^= mask
    path = good.with_name("flipped.safetensors")
    path.write_bytes(content)
    with pytest.raises(WeightsError):
        weight_file.load_into(small_network(1), path, weight_file.read_manifest(good))


def test_changed_reference_weights_refused(tmp_path: Path) -> None:
    """The baseline's file with one changed weight loads neither with its manifest nor without."""
    content = bytearray((resources.WEIGHTS / "baseline.safetensors").read_bytes())
    content[-4:] = struct.pack("<f", float("nan"))
    path = tmp_path / "baseline.safetensors"
    path.write_bytes(content)
    manifest = (resources.WEIGHTS / "baseline.json").read_bytes()
    path.with_suffix(".json").write_bytes(manifest)
    with pytest.raises(WeightsError, match="expected SHA-256"):
        loading.resolve(str(path))
    with pytest.raises(WeightsError, match="expected finite weights"):
        loading.resolve(f"A@{path}")


def test_weights_of_another_network_are_told_from_damaged_ones(tmp_path: Path) -> None:
    """Tensors that do not fit a named architecture are answered with what else they may be."""
    path = tmp_path / "own.safetensors"
    safetensors.torch.save_file({"0.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(WeightsError, match="or load it in a factory of your own"):
        loading.resolve(f"A@{path}")
