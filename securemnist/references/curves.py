"""Accuracy over eps of the reference models, measured once and kept beside their weights.

`fixtures/reference-curves.json` is made by `nox -s references`. A curve belongs to the weights that
it was measured on: where their digest is another today, it is left out and not guessed at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from securemnist._util import resources
from securemnist._util.hashing import sha256_of_value
from securemnist.attacks.base import Attack
from securemnist.evaluation.context import Context
from securemnist.models import loading, weight_file

FILE = resources.FIXTURES / "reference-curves.json"
SCHEMA = 1
COMMAND = "nox -s references"


def stored(context: Context, attacks: Sequence[Attack], norm: str) -> list[dict[str, Any]]:
    """[{model, points}] of the other reference models under this attack; [] where none are known.

    Nothing on data that the curves were not measured on, and nothing of weights that have changed.
    """
    if not FILE.is_file():
        return []
    kept = json.loads(FILE.read_bytes())
    key, data, own = (
        attack_key(attacks),
        sha256_of_value(context.data.digests),
        context.subject.digest,
    )
    return [
        {"model": entry["model"], "points": entry["points"]}
        for entry in kept["curves"]
        if (entry["attack"], entry["norm"], entry["data"]) == (key, norm, data)
        and entry["subject"] != own
        and entry["weights"] == weights_digest(entry["model"])
    ]


def entry(
    context: Context, attacks: Sequence[Attack], norm: str, points: list[dict[str, Any]]
) -> dict[str, Any]:
    """What is kept of one curve: the points, and everything that they depend on."""
    return {
        "model": context.subject.name,
        "weights": weights_digest(context.subject.name),
        "subject": context.subject.digest,
        "data": sha256_of_value(context.data.digests),
        "attack": attack_key(attacks),
        "norm": norm,
        "points": points,
    }


def dumps(curves: Iterable[dict[str, Any]]) -> bytes:
    """The text of the file; equal curves give equal bytes."""
    content = {"schema": SCHEMA, "made_by": COMMAND, "curves": list(curves)}
    return (json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def attack_key(attacks: Sequence[Attack]) -> str:
    """SHA-256 of the attacks with all their settings."""
    return sha256_of_value([attack.to_json() for attack in attacks])


def weights_digest(model: str) -> str:
    """SHA-256 of a reference model's weights by its manifest; "" for one that is not bundled."""
    if model not in loading.reference_names():
        return ""
    digest: str = weight_file.read_manifest(resources.WEIGHTS / f"{model}.safetensors")["sha256"]
    return digest
