"""The cache of networks after an update: another version of torch may train another network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import securemnist
from securemnist.data import DataSet
from securemnist.pipeline import cache
from securemnist.train import Recipe

RECIPE = Recipe(architecture="D", epochs=2, batch=64)
Get = Callable[..., tuple[list[str], list[str]]]


@pytest.fixture
def get(small: DataSet, tmp_path: Path) -> Get:
    """A function that takes the network of RECIPE; what was said, and what was trained."""

    def network(stop: str = "none") -> tuple[list[str], list[str]]:
        said, trained = list[str](), list[str]()

        def shown(label: str, *_: int) -> None:
            trained.append(label)
            if stop in label:
                raise KeyboardInterrupt

        cache.network("net", RECIPE, small, tmp_path, say=said.append, progress=shown)
        return said, trained

    return network


@pytest.mark.parametrize(
    ("module", "name"), [(torch, "torch"), (securemnist, "securemnist")], ids=str
)
def test_a_network_of_another_version_is_trained_again(
    module: Any, name: str, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an update a stored network is trained again, once, and the sentence names both versions."""
    with monkeypatch.context() as patched:
        patched.setattr(module, "__version__", "0.0.1")
        get()
    said, trained = get()
    assert trained
    assert f"expected a network of {name} {module.__version__}, got one of 0.0.1" in said[0]
    assert get() == (["net: from the cache"], [])


def test_a_checkpoint_of_another_torch_is_not_continued(
    get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an update of torch an interrupted training begins again, and a sentence says why."""
    with monkeypatch.context() as patched:
        patched.setattr(torch, "__version__", "0.0.1")
        with pytest.raises(KeyboardInterrupt):
            get("epoch 2/2")
    said, trained = get()
    assert "epoch 1/2" in trained[0]
    assert any("expected a checkpoint of torch" in text and "0.0.1" in text for text in said)
