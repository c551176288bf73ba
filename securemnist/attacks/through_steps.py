"""An attack through discrete steps: the same attack on straight-through gradients of the model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, final

from securemnist.attacks.base import Attack, AttackInput, NativeAttack
from securemnist.defences.straight_through import StraightThrough
from securemnist.types import Images, Progress


@final
@dataclass(frozen=True, kw_only=True)
class ThroughSteps(NativeAttack):
    """`attack` on a copy with straight-through gradients (BPDA; Athalye et al., arXiv 1802.00420).

    The copy answers as the model does; its gradients pass through rounding, comparisons and indices.
    """

    attack: NativeAttack

    def _run(self, inputs: AttackInput, progress: Progress) -> Images:
        model = StraightThrough(inputs.model)  # type: ignore[arg-type]
        return self.attack._run(dataclasses.replace(inputs, model=model), progress)

    @property
    def name(self) -> str:
        return f"straight-through {self.attack.name}"

    def passes(self) -> float:
        return self.attack.passes()

    def longer(self) -> Attack | None:
        longer = self.attack.longer()
        return ThroughSteps(attack=longer) if isinstance(longer, NativeAttack) else None

    def to_json(self) -> dict[str, Any]:
        return {"use": "ThroughSteps", "attack": self.attack.to_json()}
