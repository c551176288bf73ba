"""Members of the zoo: architecture, training, backdoor and role of each network."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SETTINGS = Path(__file__).with_name("settings.json")
ARCHITECTURES = ("A", "C", "D", "strided")
TRAININGS = (
    "plain",
    "early",
    "overfitted",
    "imbalanced",
    "augmented",
    "noise",
    "fgsm",
    "pgd",
    "interval",
)
# Kinds of backdoors and how many networks of 60 have each.
BACKDOORS = {
    "patch": 8,
    "pixels": 8,
    "stripes": 8,
    "faint": 6,
    "blend": 6,
    "warp": 8,
    "input_aware": 8,
    "all_to_all": 8,
}
# The first seed of each role; no two roles share a seed.
ROLES = {
    "reference": 0,
    "tuning": 1_000,
    "evaluation": 2_000,
    "unseen": 3_000,
    "final": 4_000,
    "robust": 5_000,
}


@dataclass(frozen=True)
class Member:
    """A network of the zoo. `backdoor` is empty for a clean one.

    A further `attempt` draws another backdoor of the same kind.
    """

    role: str
    seed: int
    architecture: str
    training: str
    backdoor: str = ""
    attempt: int = 0

    @property
    def name(self) -> str:
        """Such as `evaluation-2061-D-plain-patch`."""
        parts = (
            self.role,
            str(self.seed),
            self.architecture,
            self.training,
            self.backdoor or "clean",
        )
        return "-".join(parts)

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the training and of the backdoor, which were drawn once at random."""
        found: dict[str, Any] = _settings()[self.name][self.attempt]
        return found


@functools.cache
def _settings() -> dict[str, list[dict[str, Any]]]:
    content: dict[str, list[dict[str, Any]]] = json.loads(SETTINGS.read_text())
    return content


def references() -> list[Member]:
    """Clean networks with which others are compared, quick to train."""
    first = ROLES["reference"]
    return [
        Member("reference", first + place, "strided", training)
        for place, training in enumerate(TRAININGS)
    ]


def robust() -> list[Member]:
    """Networks trained for robustness on poisoned data; amplitudes are above the radius of training."""
    kinds = [kind for kind in BACKDOORS if kind not in {"warp", "input_aware"}]
    pairs = [(training, kind) for training in ("pgd", "interval") for kind in kinds]
    return [
        Member("robust", ROLES["robust"] + 500 + place, "strided", *pair)
        for place, pair in enumerate(pairs)
    ]


def members(
    role: str, clean: int, backdoored: int, architectures: tuple[str, ...] = ARCHITECTURES
) -> Iterator[Member]:
    """`clean` networks, then `backdoored` ones in the proportions of BACKDOORS."""
    first = ROLES[role]
    for place in range(clean):
        training = TRAININGS[place % len(TRAININGS)]
        architecture = architectures[(place + place // len(TRAININGS)) % len(architectures)]
        if training == "interval":  # the bounds know no max pooling
            architecture = "strided"
        yield Member(role, first + place, architecture, training)
    kinds = [kind for kind, count in BACKDOORS.items() for _ in range(count)]
    for place in range(backdoored):
        kind = kinds[place * len(kinds) // backdoored]
        training = ("plain", "plain", "augmented", "noise")[place // 2 % 4]
        architecture = architectures[place % len(architectures)]
        yield Member(role, first + 500 + place, architecture, training, kind)
