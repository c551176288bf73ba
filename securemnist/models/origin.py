"""The data that a model was trained on, as the manifest of its weights states them."""

from __future__ import annotations

from typing import Any


def training_data(data: object) -> dict[str, Any]:
    """Name and digests; empty where the manifest does not state both as texts."""
    digests = data.get("digests") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(digests, dict):
        return {}
    texts = (data.get("name"), *digests.values())
    known = all(isinstance(text, str) for text in texts)
    return {"name": data["name"], "digests": digests} if known else {}
