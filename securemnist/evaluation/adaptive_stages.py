"""Further stages for a model that hides its gradients, so that the doubt leads to an answer.

First attacks on straight-through gradients, then on a network trained from the model's answers. The
referee asks the model itself. Where only rounding hides the gradient, survivors of these attacks count
as others do (`evaluation.doubts.rounding`); else the doubt stays.
"""

from __future__ import annotations

from securemnist.attacks.apgd import APGD, APGDT
from securemnist.attacks.base import Attack
from securemnist.attacks.pgd import PGD
from securemnist.attacks.surrogate import Surrogate
from securemnist.attacks.through_steps import ThroughSteps

# The doubt that calls for these stages.
GRADIENTS = "gradients"
STAGES: tuple[Attack, ...] = (
    ThroughSteps(attack=PGD(steps=40, loss="margin")),
    ThroughSteps(attack=APGD(steps=50)),
    ThroughSteps(attack=APGDT(steps=50, targets=3)),
    ThroughSteps(attack=PGD(steps=100, restarts=3, loss="margin")),
    Surrogate(rounds=3, updates=30),
)
