"""APGD: projected gradient ascent with an automatic step size (Croce & Hein 2020, arXiv 2003.01690).

Momentum alpha = 0.75, first step size 2 eps. At checkpoints the step size of a sample is halved, and
its search continues from its best point, under either condition of section 3: fewer than rho = 75 %
of the steps increased the loss, or neither step size nor best loss changed since the last checkpoint.

In L1 and L0 it is the APGD of these norms, with sparse steps (Croce & Hein 2021, arXiv 2103.01208).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch

from securemnist.attacks.apgd_search import APGDSearch
from securemnist.attacks.apgd_sparse import SparseAPGDSearch
from securemnist.attacks.base import AttackInput, NativeAttack
from securemnist.attacks.losses import (
    SampleLoss,
    cross_entropies,
    dlr,
    nearest_classes,
    targeted_dlr,
)
from securemnist.attacks.targeted_search import TargetedSearch
from securemnist.attacks.validation import attack_name, check_counts, check_setting, check_targets
from securemnist.types import Images, Labels, Progress

LOSSES: dict[str, SampleLoss] = {"ce": cross_entropies, "dlr": dlr}


@final
@dataclass(frozen=True, kw_only=True)
class APGD(NativeAttack):
    """Projected gradient ascent that sets its own step size (Croce & Hein, arXiv 2003.01690).

    `steps` steps on the `loss` (`ce` or `dlr`) from each of `restarts` random starts.
    """

    steps: int = 100
    restarts: int = 1
    loss: str = "ce"

    def __post_init__(self) -> None:
        check_counts(steps=self.steps, restarts=self.restarts)
        check_setting(self.loss in LOSSES, "loss", f"of {', '.join(LOSSES)}", self.loss)

    def _run(self, inputs: AttackInput, progress: Progress) -> Images:
        unused = inputs.y[:, None]  # untargeted losses ignore the target class
        search = search_of(self.steps, self.restarts, inputs, LOSSES[self.loss], unused)
        return search.run(self.name, progress)

    @property
    def name(self) -> str:
        return attack_name(f"APGD-{self.loss.upper()}", self.steps, self.restarts)

    def passes(self) -> float:
        return (self.steps + 1) * self.restarts


@final
@dataclass(frozen=True, kw_only=True)
class APGDT(NativeAttack):
    """`steps` steps on the targeted DLR loss towards each of the `targets` nearest wrong classes.

    With `followed` above 0 these are probes of a tenth of the steps. The classes whose loss is then the
    highest, so many of each sample, get all steps. `python -m benchmarks.followed` compares survivors.
    """

    later_settings: ClassVar[tuple[str, ...]] = ("followed",)
    steps: int = 100
    restarts: int = 1
    targets: int = 9
    followed: int = 0

    def __post_init__(self) -> None:
        check_counts(steps=self.steps, restarts=self.restarts)
        check_targets(self.targets)
        valid = type(self.followed) is int and 0 <= self.followed <= self.targets
        check_setting(valid, "followed", f"from 0 to {self.targets}, the targets", self.followed)

    def _run(self, inputs: AttackInput, progress: Progress) -> Images:
        targets, x_adv = nearest_classes(inputs, self.targets), inputs.x.clone()
        left = torch.arange(len(x_adv), device=x_adv.device)
        if 0 < self.followed < targets.shape[1]:
            probe = search_of(self._probing, 1, inputs, targeted_dlr, targets)
            x_adv = probe.run(self.name, progress)
            left = (~probe.broken).nonzero().squeeze(1)
            highest = probe.highest_loss[left].topk(self.followed, dim=1).indices
            targets = targets[left].gather(1, highest)
        search = search_of(self.steps, self.restarts, inputs.of(left), targeted_dlr, targets)
        x_adv[left] = search.run(self.name, progress)
        return x_adv

    @property
    def _probing(self) -> int:
        return math.ceil(self.steps / 10)

    @property
    def name(self) -> str:
        return attack_name("APGD-DLR-T", self.steps, self.restarts)

    def passes(self) -> float:
        followed = (self.steps + 1) * self.restarts * (self.followed or self.targets)
        return followed + (self._probing + 1) * self.targets * bool(self.followed)


def search_of(
    steps: int, restarts: int, inputs: AttackInput, loss: SampleLoss, targets: Labels
) -> TargetedSearch[Any]:
    """The search of the threat's norm: with sparse steps in L1 and L0, else with momentum."""
    kind = SparseAPGDSearch if inputs.threat.sparse else APGDSearch
    return kind(steps, restarts, inputs, loss, targets)
