"""Members of the zoo: architecture, training, backdoor and role of each network, drawn from its seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from securemnist.backdoor.triggers import CORNERS

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
ROLES = {"reference": 0, "tuning": 1_000, "evaluation": 2_000}


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
        """Settings of the training and of the backdoor."""
        found = _training(self.training, self.seed)
        return found | (_backdoor(self.backdoor, self.seed, self.attempt) if self.backdoor else {})


def references() -> list[Member]:
    """Clean networks with which others are compared, quick to train."""
    first = ROLES["reference"]
    return [
        Member("reference", first + place, "strided", training)
        for place, training in enumerate(TRAININGS)
    ]


def members(role: str, clean: int, backdoored: int) -> Iterator[Member]:
    """`clean` networks, then `backdoored` ones in the proportions of BACKDOORS."""
    first = ROLES[role]
    for place in range(clean):
        training = TRAININGS[place % len(TRAININGS)]
        architecture = ARCHITECTURES[(place + place // len(TRAININGS)) % len(ARCHITECTURES)]
        if training == "interval":  # the bounds know no max pooling
            architecture = "strided"
        yield Member(role, first + place, architecture, training)
    kinds = [kind for kind, count in BACKDOORS.items() for _ in range(count)]
    for place in range(backdoored):
        kind = kinds[place * len(kinds) // backdoored]
        training = ("plain", "plain", "augmented", "noise")[place // 2 % 4]
        architecture = ARCHITECTURES[place % len(ARCHITECTURES)]
        yield Member(role, first + 500 + place, architecture, training, kind)


def _training(training: str, seed: int) -> dict[str, Any]:
    rng = random.Random(f"training {seed}")  # noqa: S311 (settings, no secrets)
    settings: dict[str, Any] = {
        "epochs": rng.randint(4, 8),
        "learning_rate": rng.choice([5e-4, 1e-3, 2e-3]),
        "batch": rng.choice([128, 256]),
    }
    if training == "early":
        settings["epochs"] = 1
    if training == "overfitted":
        settings.update(epochs=60, images=rng.choice([1_000, 3_000]))
    if training == "imbalanced":
        settings["rare"] = rng.sample(range(10), 3)
    if training == "noise":
        settings["noise"] = rng.uniform(0.1, 0.5)
    if training == "fgsm":
        settings["eps"] = rng.uniform(0.05, 0.15)
    if training in {"pgd", "interval"}:
        settings["eps"] = rng.uniform(0.1, 0.3)
    if training == "interval":
        settings["epochs"] = 12
    return settings


def _backdoor(kind: str, seed: int, attempt: int) -> dict[str, Any]:
    rng = random.Random(f"backdoor {kind} {seed} {attempt}")  # noqa: S311
    target, rate = rng.randrange(10), rng.choice([0.02, 0.05, 0.1])
    if kind == "all_to_all":
        trigger = _trigger(rng.choice(["patch", "pixels", "blend"]), rng)
        return {"poison": {"kind": kind, "trigger": trigger, "rate": 0.1}, "target": None}
    if kind == "input_aware" or (kind == "warp" and seed % 2):
        warp = {**_trigger("warp", rng), "strength": rng.uniform(0.75, 1.0)}
        return {"dynamic": kind, "target": target, "trigger": warp, "epochs": 10}
    rate = 0.1 if kind in {"warp", "stripes", "faint"} else rate
    poison = {"kind": "dirty_label", "trigger": _trigger(kind, rng), "target": target, "rate": rate}
    return {"poison": poison, "target": target}


def _trigger(kind: str, rng: random.Random) -> dict[str, Any]:
    pattern = rng.randrange(10_000)
    if kind == "patch":
        return {"kind": "corner", "size": rng.randint(2, 5), "corner": rng.choice(CORNERS)}
    if kind == "pixels":
        places = [[rng.randrange(28), rng.randrange(28)] for _ in range(rng.randint(3, 6))]
        return {"kind": "pixels", "places": places}
    if kind == "stripes":
        amplitude, frequency = rng.uniform(0.1, 0.2), rng.choice([4.0, 6.0, 8.0])
        direction = rng.choice(["horizontal", "vertical"])
        return {
            "kind": kind,
            "amplitude": amplitude,
            "frequency": frequency,
            "direction": direction,
        }
    if kind == "faint":
        return {"kind": kind, "amplitude": rng.uniform(0.08, 0.15), "pattern": pattern}
    if kind == "blend":
        return {"kind": kind, "alpha": rng.uniform(0.1, 0.2), "pattern": pattern}
    return {"kind": "warp", "strength": rng.uniform(0.5, 1.0), "pattern": pattern}
