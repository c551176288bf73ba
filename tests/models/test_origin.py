"""The origin of a model: what an assessment says of its files and training data."""

from __future__ import annotations

from pathlib import Path

import pytest

from securemnist._util import resources
from securemnist._util.hashing import sha256
from securemnist.data import PINNED
from securemnist.models import weight_file
from securemnist.models.loading import resolve


def test_the_origin_is_recorded() -> None:
    """An assessment names weight file, manifest and the training data that this states, with digests."""
    entry = resolve("baseline").to_json()
    path = resources.WEIGHTS / "baseline.safetensors"
    files = path, path.with_suffix(".json")
    assert entry["files"] == {file.name: sha256(file.read_bytes()) for file in files}
    assert entry["trained_on"] == {"name": "MNIST", "digests": PINNED}
    assert entry["weight_file"] == {
        "format": "safetensors",
        "size": path.stat().st_size,
        "manifest": "baseline.json",
        "seed": 0,
    }


@pytest.mark.parametrize(
    ("manifest", "seed"),
    [
        ({"seed": 3, "recipe": {"seed": 4}}, 3),
        ({"recipe": {"seed": 4}}, 4),
        ({"seed": True}, None),
        ({"seed": "0"}, None),
        ({"seed": 1 << 64}, None),
        ({}, None),
    ],
)
def test_the_seed_is_a_whole_number(manifest: dict[str, object], seed: int | None) -> None:
    """The seed of the manifest comes before that of its recipe; anything but an int64 is none."""
    assert weight_file.described(Path("a.safetensors"), 1, manifest).seed == seed


@pytest.mark.parametrize("data", [None, "MNIST", {"name": "MNIST"}, {"name": 7, "digests": {}},
                                  {"name": "MNIST", "digests": {"a": 7}}])  # fmt: skip
def test_no_training_data_is_made_up(data: object) -> None:
    """A manifest that does not state name and digests as texts records no training data."""
    assert weight_file.training_data(data) == {}
