"""Proofs: certificates of digits within a threat, and the attack on the weakest of them.

The attack is the control: a certified digit that falls would be an error of ours, and the digits that
were certified by the smallest margin would fall first.
"""

from __future__ import annotations

from typing import Any

import torch

from securemnist._util.hashing import seed_from
from securemnist.attacks.apgd import APGD
from securemnist.attacks.base import Attack
from securemnist.attacks.pgd import PGD
from securemnist.certificates import METHODS, Certificates, certify
from securemnist.errors import MeasureError, NoCertificate
from securemnist.evaluation.context import Lab, Sample
from securemnist.evaluation.doubts import about_answers
from securemnist.evaluation.replay import Replay
from securemnist.referee import SLACK, rule
from securemnist.threats import Threat
from securemnist.types import Images, Labels

# Certified digits of the smallest margin that are attacked anyway, and with what.
WEAKEST = 256
CONTROLS: tuple[Attack, ...] = (PGD(steps=20, loss="margin"), APGD(steps=30))


def prove(
    lab: Lab, x: Images, y: Labels, threat: Threat, *, crown: bool, seed: int, trial: int = 0
) -> Certificates:
    """Certificates of digits within `threat`, the weakest of them attacked.

    NoCertificate for another norm than L-infinity, for a network without known bounds, and for one whose
    answers vary or depend on the batch; MeasureError where a certified digit falls.
    """
    if not threat.certifiable:
        raise NoCertificate(f"expected a ball of L-infinity for certificates, got {threat.norm}")
    if doubts := about_answers(lab):
        raise NoCertificate(
            f"expected an answer that depends on the image alone, got {doubts[0].name}: "
            f"{doubts[0].reason}"
        )
    model = lab.subject.model
    # The referee lets a proposal pass that is this much over.
    eps = threat.eps + SLACK
    found = certify(model, x, y, eps=eps, crown=crown, trial=trial, progress=lab.progress)
    _attack_the_weakest(model, x, y, found, threat, seed)
    return found


def _attack_the_weakest(
    model: torch.nn.Module, x: Images, y: Labels, found: Certificates, threat: Threat, seed: int
) -> None:
    weakest = weakest_of(found)
    if not len(weakest):
        return
    x, y = x[weakest], y[weakest]
    for control in CONTROLS:
        rng = torch.Generator().manual_seed(seed_from(seed, "weakest", control.to_json()))
        proposals = control(model, x, y, threat=threat, rng=rng)
        fooled = rule(model, x, y, proposals, norm=threat.norm, eps=threat.eps).fooled
        if bool(fooled.any()):
            raise MeasureError(
                f"expected certified digits to withstand {control.name}, got {int(fooled.sum())} of "
                f"{len(weakest)} broken; this is an error of the certificates, report it"
            )


def hold_against(
    lab: Lab, replay: Replay, sample: Sample, proved: torch.Tensor, threat: Threat
) -> None:
    """MeasureError where a stored adversarial example breaks a digit that is `proved`, boolean (n,)."""
    if not bool(proved.any()):
        return
    x, y, places = sample.x[proved], sample.y[proved], sample.places[proved.cpu()]
    model = lab.subject.model
    proposals = replay(model, places, x, y, threat)
    fooled = rule(model, x, y, proposals, norm=threat.norm, eps=threat.eps).fooled
    if bool(fooled.any()):
        raise MeasureError(
            f"expected certified digits to withstand stored adversarial examples, got "
            f"{int(fooled.sum())} of {len(x)} broken; this is an error of the certificates, report it"
        )


def weakest_of(found: Certificates) -> torch.Tensor:
    """Places of the certified digits of the smallest margin, WEAKEST at most."""
    places = found.proved.nonzero().squeeze(1)
    return places[found.margins[places].argsort()[:WEAKEST]]


def told(found: Certificates) -> dict[str, Any]:
    """How many digits each method proved, and how many of them were attacked in vain; builtins."""
    settled = {name: found.settled(name) for name in METHODS}
    return {**settled, "attacked": len(weakest_of(found))}


def left_open(bounds: torch.Tensor) -> dict[str, Any]:
    """How far digits are from a proof, by the lower bounds (n,) of their margins; builtins.

    Over 0 a bound is a proof. `asked` are the digits that have a bound at all.
    """
    known = bounds[bounds.isfinite()]
    if not len(known):
        return {"asked": 0}
    marks = {"closest": known.max(), "median": known.quantile(0.5), "farthest": known.min()}
    return {"asked": len(known), **{name: round(float(m), 4) for name, m in marks.items()}}
