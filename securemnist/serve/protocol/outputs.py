"""The output tensors: labels, and probabilities that are rounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from securemnist.models.probabilities import probabilities_of
from securemnist.types import Logits

LABEL, PROBABILITIES = NAMES = ("label", "probabilities")


def outputs(logits: Logits, wanted: Sequence[str], decimals: int | None) -> list[dict[str, Any]]:
    """The wanted outputs of logits (n, K). `decimals` of a probability, None for all.

    Rounded probabilities reveal less to model extraction, and hide the small changes that an attack by
    queries follows. An attack that needs labels only is not affected.
    """
    return [_output(logits, name, decimals) for name in wanted]


def _output(logits: Logits, name: str, decimals: int | None) -> dict[str, Any]:
    if name == LABEL:
        data: list[Any] = logits.argmax(1).tolist()
        return {"name": name, "datatype": "INT64", "shape": [len(logits)], "data": data}
    shares = probabilities_of(logits)
    if decimals is not None:
        shares = shares.round(decimals=decimals)
    data = shares.flatten().tolist()
    return {"name": name, "datatype": "FP32", "shape": list(logits.shape), "data": data}
