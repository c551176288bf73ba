"""Stored curves of robust accuracy over eps of the reference models.

`nox -s references` writes `fixtures/reference-curves.json`. A curve is valid for the digest of the
weights that it was measured on, and omitted for other weights.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from securemnist._util import resources
from securemnist._util.hashing import json_file, sha256_of_value
from securemnist.attacks.base import Attack
from securemnist.evaluation.context import Context
from securemnist.models import loading, weight_file
from securemnist.results.evidence.attack import CurvePoint, ReferenceCurve

FILE = resources.FIXTURES / "reference-curves.json"
SCHEMA = 1
COMMAND = "nox -s references"


def stored(context: Context, attacks: Sequence[Attack], norm: str) -> list[ReferenceCurve]:
    """Curves of other reference models under these attacks.

    Empty for attacks, data, norms and weights without stored curves.
    """
    if not FILE.is_file():
        return []
    content = json.loads(FILE.read_bytes())
    key, data, own = (
        attack_key(attacks),
        sha256_of_value(context.data.digests),
        context.subject.digest,
    )
    return [
        ReferenceCurve.from_json({key: entry[key] for key in ("model", "points")})
        for entry in content["curves"]
        if (entry["attack"], entry["norm"], entry["data"]) == (key, norm, data)
        and entry["subject"] != own
        and entry["weights"] == weights_digest(entry["model"])
    ]


def entry(
    context: Context, attacks: Sequence[Attack], norm: str, points: Sequence[CurvePoint]
) -> dict[str, Any]:
    """The stored form of one curve: its points, and digests of all that they depend on."""
    return {
        "model": context.subject.name,
        "weights": weights_digest(context.subject.name),
        "subject": context.subject.digest,
        "data": sha256_of_value(context.data.digests),
        "attack": attack_key(attacks),
        "norm": norm,
        "points": [point.to_json() for point in points],
    }


def dumps(curves: Iterable[dict[str, Any]]) -> bytes:
    """The text of the file; equal curves give equal bytes."""
    return json_file({"schema": SCHEMA, "made_by": COMMAND, "curves": list(curves)}, sort_keys=True)


def attack_key(attacks: Sequence[Attack]) -> str:
    """SHA-256 of the attacks with all their settings."""
    return sha256_of_value([attack.to_json() for attack in attacks])


def weights_digest(model: str) -> str:
    """SHA-256 of a reference model's weights, from its manifest; "" for other models."""
    if model not in loading.reference_names():
        return ""
    digest: str = weight_file.read_manifest(resources.WEIGHTS / f"{model}.safetensors")["sha256"]
    return digest
