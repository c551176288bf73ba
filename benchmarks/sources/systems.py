"""The networks that a source system trained, as recipes of ours.

As stated: Adam at 1e-3 throughout, cross-entropy, batch 128 (A and B do not state theirs). B's network
is not described; A's stands for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from securemnist.backdoor import CleanLabel, Corner, Poison
from securemnist.train import Recipe

TARGET = 7
TRIGGER = Corner()
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class System:
    """A source: its undefended network, the one it hardened, the one it poisoned (C: none), its eps."""

    name: str
    baseline: Recipe
    robust: Recipe
    poisoned: Recipe | None
    eps: float

    def recipes(self, seed: int, folder: Path) -> dict[str, Recipe]:
        """By role; the hardened network of A and C learns from attacks on this seed's baseline."""
        robust = replace(self.robust, seed=seed)
        if robust.adversary == "fgsm_set":
            robust = replace(
                robust, source=str(folder / f"{self.label('baseline', seed)}.safetensors")
            )
        found = {"baseline": replace(self.baseline, seed=seed), "robust": robust}
        if self.poisoned is not None:
            found["poisoned"] = replace(self.poisoned, seed=seed)
        return found

    def label(self, role: str, seed: int) -> str:
        """The name of a network's files."""
        return f"{self.name}-{role}-{seed}"


def _system(name: str, epochs: int, eps: float, robust: Recipe, poison: Poison | None) -> System:
    plain = Recipe(architecture=name, epochs=epochs, schedule="constant")
    poisoned = None if poison is None else replace(plain, poison=poison)
    return System(name, plain, replace(robust, architecture=name), poisoned, eps)


def _fgsm_set(eps: float) -> Recipe:
    return Recipe(epochs=3, schedule="constant", adversary="fgsm_set", eps=eps, source="baseline")


_SEVENS = CleanLabel(trigger=TRIGGER, target=TARGET, count=100)
_TRAINER = Recipe(epochs=5, schedule="constant", adversary="fgsm_trainer", eps=0.25)
SYSTEMS = {
    "A": _system("A", 5, 0.2, _fgsm_set(0.2), _SEVENS),
    # Its eps is not printed: one that brings an undefended network about to the accuracy it reports.
    # It poisoned images, but shows the trigger to the baseline alone: no number rests on the poison.
    "C": _system("C", 3, 0.3, _fgsm_set(0.3), None),
    "D": _system("D", 5, 0.25, _TRAINER, _SEVENS),
}
