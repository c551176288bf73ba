"""The origin of a model: facts about its weight file, and the data that its manifest states."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from securemnist.models import weight_file
from securemnist.results.weight_file import SAFETENSORS, WeightFile


def training_data(data: object) -> dict[str, Any]:
    """Name and digests; empty where the manifest does not state both as texts."""
    digests = data.get("digests") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(digests, dict):
        return {}
    texts = (data.get("name"), *digests.values())
    known = all(isinstance(text, str) for text in texts)
    return {"name": data["name"], "digests": digests} if known else {}


def described(path: Path, size: int, manifest: Mapping[str, Any]) -> WeightFile:
    """The facts about a safetensors file of `size` bytes; `manifest` is empty where none was read.

    The seed is that of the manifest or of its recipe; None where it is no int64.
    """
    recipe = manifest.get("recipe")
    inner = recipe.get("seed") if isinstance(recipe, dict) else None
    seed = manifest.get("seed", inner)
    known = type(seed) is int and abs(seed) < 1 << 63
    name = weight_file.manifest_path(path).name if manifest else ""
    return WeightFile(format=SAFETENSORS, size=size, manifest=name, seed=seed if known else None)
