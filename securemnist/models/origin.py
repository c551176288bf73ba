"""The seed and the data of a training, as the manifest of the weights states them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def training_data(data: object) -> dict[str, Any]:
    """Name and digests; empty where the manifest does not state both as texts."""
    digests = data.get("digests") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(digests, dict):
        return {}
    texts = (data.get("name"), *digests.values())
    known = all(isinstance(text, str) for text in texts)
    return {"name": data["name"], "digests": digests} if known else {}


def seed(manifest: Mapping[str, Any]) -> int | None:
    """The seed of the training, of the manifest or of its recipe; None where it is no int64."""
    recipe = manifest.get("recipe")
    inner = recipe.get("seed") if isinstance(recipe, dict) else None
    stated = manifest.get("seed", inner)
    return stated if type(stated) is int and abs(stated) < 1 << 63 else None
