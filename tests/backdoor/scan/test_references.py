"""Reference scans: which files are read, and for which data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from securemnist.backdoor.scan import references
from securemnist.data import DataSet
from securemnist.errors import DataError


def content(count: int = 8, **sizes: Any) -> dict[str, Any]:
    """A file of `count` networks."""
    kinds = {"mask": [1.0, 2.0, 3.0]} | sizes
    networks = [{"name": f"n{k}", "digest": "0" * 64, "sizes": kinds} for k in range(count)]
    return {"made_by": "a test", "data": "0" * 64, "networks": networks}


def test_bundled_scans_are_of_mnist(mnist: DataSet, noise: DataSet) -> None:
    """The bundled file is for MNIST's test split and for no other."""
    scans = references.bundled(mnist)
    assert scans is not None
    assert len(scans.networks) >= references.LEAST
    assert references.bundled(noise) is None


@pytest.mark.parametrize(
    "wrong",
    [
        content(7),
        content(mask=[1.0, 0.0]),
        content(mask=[1.0, -2.0]),
        content(mask=["1", "2"]),
        {"networks": []},
        content() | {"more": 1},
        {**content(), "networks": [*content()["networks"], content(mask=[1.0])["networks"][0]]},
    ],
)
def test_wrong_file_is_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    """Too few networks, sizes that are no positive numbers, and unequal forms are refused."""
    path = tmp_path / "scans.json"
    path.write_text(json.dumps(wrong))
    with pytest.raises(DataError, match=r"scans\.json"):
        references.read(path)
    path.write_text(json.dumps(content()))
    assert len(references.read(path).networks) == 8
