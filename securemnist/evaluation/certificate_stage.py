"""Certificates as a ladder stage, with an attack on the certified images of the smallest margin.

The attack is a control: a certified image that it breaks proves an error in the certificates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from securemnist._util.random_numbers import generator
from securemnist.attacks.apgd import APGD
from securemnist.attacks.base import Attack
from securemnist.attacks.patch_search import PatchSearch
from securemnist.attacks.pgd import PGD
from securemnist.attacks.refereed import attempt
from securemnist.attacks.sparse_rs import SparseRS
from securemnist.certificates import CROWN, INTERVALS, Certificates, certify
from securemnist.errors import MeasureError, NoCertificate, NoGraph
from securemnist.evaluation.context import Context, Sample
from securemnist.evaluation.doubts import prediction_doubts
from securemnist.evaluation.replay import Replay
from securemnist.referee import SLACK, Ruling
from securemnist.results.evidence.certificates import OpenMargins
from securemnist.threats import Threat
from securemnist.types import Images, Labels

# Certified images of the smallest margin that are attacked where a verdict depends on them, and the
# attacks by the form of the threat.
WEAKEST = 256
CONTROLS: Mapping[str, tuple[Attack, ...]] = {
    "ball": (PGD(steps=20, loss="margin"), APGD(steps=30)),
    "pixels": (APGD(steps=20), SparseRS(queries=100)),
    "square": (PatchSearch(places=10, steps=10), SparseRS(queries=100)),
}
# Key of a refusal in the context: an export takes a second or two, and would fail in every row again.
_NO_GRAPH = "why the model has no graph"


def certify_and_attack(
    context: Context,
    x: Images,
    y: Labels,
    threat: Threat,
    *,
    crown: bool,
    seed: int,
    trial: int = 0,
    controlled: int = WEAKEST,
) -> Certificates:
    """Certificates of images `x` (n, C, H, W) within `threat`, controlled by an attack.

    The attack runs on the `controlled` certified images of the smallest margin.
    Raises NoCertificate for a threat without certificates, and for a network without known bounds.
    Raises it, too, for a model whose predictions vary or depend on the batch. Raises MeasureError
    where the attack breaks a certified image.
    """
    check_certifiable(context, threat)
    model = context.subject.model
    # The referee accepts perturbations larger than eps by this tolerance.
    eps = threat.eps + SLACK
    if reason := context.cache.get(_NO_GRAPH):
        raise NoCertificate(reason)
    try:
        certificates = certify(
            *(model, x, y),
            eps=eps,
            norm=threat.norm,
            crown=crown,
            trial=trial,
            progress=context.progress,
        )
    except NoGraph as error:
        context.cache[_NO_GRAPH] = str(error)
        raise
    attack_weakest(
        context, x, y, threat, certificates.margins, certificates.proved, seed, most=controlled
    )
    return certificates


def check_certifiable(context: Context, threat: Threat) -> None:
    """NoCertificate for a threat without certificates, and for predictions that vary."""
    if not threat.certifiable:
        raise NoCertificate(
            f"expected linf, l2, a patch or one pixel of l0 for certificates, got {threat}"
        )
    if doubts := prediction_doubts(context):
        raise NoCertificate(
            f"expected an answer that depends on the image alone, got {doubts[0].name}: "
            f"{doubts[0].reason}"
        )


def attack_weakest(
    context: Context,
    x: Images,
    y: Labels,
    threat: Threat,
    margins: torch.Tensor,
    proved: torch.Tensor,
    seed: int,
    *,
    most: int = WEAKEST,
) -> None:
    """Attack at most `most` `proved` images of the smallest margin; MeasureError where one breaks."""
    model, weakest = context.subject.model, smallest_margins(margins, proved)[:most]
    x, y = x[weakest], y[weakest]
    for control in CONTROLS[threat.form] if len(weakest) else ():
        rng = generator(seed, "weakest", control.to_json())
        _check_unbroken(attempt(control, model, model, x, y, threat=threat, rng=rng), control.name)


def check_against_replay(
    context: Context, replay: Replay, sample: Sample, proved: torch.Tensor, threat: Threat
) -> None:
    """Raise MeasureError where a stored example breaks an image that is `proved`, boolean (n,)."""
    if not bool(proved.any()):
        return
    x, y, places = sample.x[proved], sample.y[proved], sample.places[proved.cpu()]
    attempted = replay(context.subject.model, places, x, y, threat)
    _check_unbroken(attempted, "stored adversarial examples")


def _check_unbroken(attempted: tuple[Images, Ruling], attack: str) -> None:
    """Raise MeasureError where the attack on certified images broke one of them."""
    fooled = attempted[1].fooled
    if bool(fooled.any()):
        raise MeasureError(
            f"expected certified images to withstand {attack}, got {int(fooled.sum())} of "
            f"{len(fooled)} broken; this is an error of the certificates, report it"
        )


def smallest_margins(margins: torch.Tensor, proved: torch.Tensor) -> torch.Tensor:
    """Indices of the `proved` images of the smallest margin, at most WEAKEST."""
    places = proved.nonzero().squeeze(1)
    return places[margins[places].argsort()[:WEAKEST]]


def certificate_counts(certificates: Certificates) -> dict[str, Any]:
    """Number of images that each method certified, and number of those that were attacked."""
    count = {name: certificates.count(name) for name in (INTERVALS, CROWN)}
    weakest = smallest_margins(certificates.margins, certificates.proved)
    return {**count, "attacked": len(weakest)}


def bound_summary(bounds: torch.Tensor) -> OpenMargins:
    """Closest, median and farthest of the lower bounds (n,) of margins, in logits.

    A bound above 0 is a certificate. `asked` counts the images with a finite bound.
    """
    finite = bounds[bounds.isfinite()]
    if not len(finite):
        return OpenMargins()
    marks = {"closest": finite.max(), "median": finite.quantile(0.5), "farthest": finite.min()}
    rounded = {name: round(float(mark), 4) for name, mark in marks.items()}
    return OpenMargins(asked=len(finite), **rounded)
