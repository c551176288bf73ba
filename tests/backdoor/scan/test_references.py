"""Reference scans: which files are read, and for which data."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from securemnist.backdoor.scan import references, searches
from securemnist.backdoor.scan.statistics import judged
from securemnist.data import DataSet
from securemnist.errors import DataError


def content(count: int = 8, **sizes: Any) -> dict[str, Any]:
    """A file of `count` networks."""
    kinds = {"mask": [1.0, 2.0, 3.0]} | sizes
    networks = [{"name": f"n{k}", "digest": f"{k:064}", "sizes": kinds} for k in range(count)]
    return {
        "made_by": "a test",
        "searches": searches.VERSION,
        "data": "0" * 64,
        "networks": networks,
    }


def test_bundled_scans_are_of_mnist(mnist: DataSet) -> None:
    """The bundled file is for MNIST's test split and for no other."""
    scans = references.bundled(mnist)
    assert scans is not None
    assert len(scans.networks) >= references.LEAST
    other = DataSet.from_tensors(torch.zeros(4, 1, 28, 28), torch.arange(4), name="other")
    assert references.bundled(other) is None


def test_references_are_no_anomalies() -> None:
    """Each bundled reference, judged by the others, is no anomaly."""
    networks = [one.tensors() for one in references.read(references.BUNDLED).networks]
    for place, own in enumerate(networks):
        others = networks[:place] + networks[place + 1 :]
        assert not judged(own, others)[0].is_anomaly


@pytest.mark.parametrize(
    "wrong",
    [
        content(7),
        content(mask=[1.0, 0.0]),
        content(mask=[1.0, -2.0]),
        content(mask=["1", "2"]),
        content() | {"networks": 8 * content()["networks"][:1]},
        {"networks": []},
        content() | {"more": 1},
        content() | {"searches": searches.VERSION - 1},
        {**content(), "networks": [*content()["networks"], content(mask=[1.0])["networks"][0]]},
    ],
)
def test_wrong_file_is_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    """Too few networks, wrong sizes, unequal forms and scans by older searches are refused."""
    path = tmp_path / "scans.json"
    path.write_text(json.dumps(wrong))
    with pytest.raises(DataError, match=r"scans\.json"):
        references.read(path)
    path.unlink()
    os.mkfifo(path)  # it is not waited for
    with pytest.raises(DataError, match=r"scans\.json"):
        references.read(path)
    path.unlink()
    path.write_text(json.dumps(content()))
    assert len(references.read(path).networks) == 8
