"""Time estimates for a model: seconds of one pass, and shares of images that each stage processes.

An image that is broken or certified early costs little; a survivor costs every step of every
attack. Both are measured on a few images.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import torch

from securemnist.attacks.base import BATCH
from securemnist.attacks.losses import cross_entropies, loss_and_gradient
from securemnist.attacks.pgd import PGD
from securemnist.certificates import certify
from securemnist.errors import NoCertificate
from securemnist.evaluation.context import Context
from securemnist.models.predictions import is_wrong
from securemnist.threats import Linf, Threat

PROBED = 64  # images
# Cost of the certificates of one image in passes; measured on the bundled certified models.
INTERVAL_PASSES, CROWN_PASSES = 3, 70
_SCOUT = PGD(steps=10)
_BALL = Linf(0.1)
_ROUNDS = 3
_PASSES = 3  # cost of a forward and backward pass in forward passes


@dataclass(frozen=True)
class Shares:
    """Shares of all images: `unproved` by interval bounds, `surviving` a short attack, and `undecided`.

    `undecided` images survive that attack and have no certificate, so that every stage processes
    them.
    """

    unproved: float = 1.0
    surviving: float = 1.0
    undecided: float = 1.0


@dataclass(frozen=True)
class Pace:
    """`seconds` of one forward and backward pass of one image, and shares by the text of the threat.

    `test_images`: images of a row that measures the whole test set. `classes`: those of the data.
    """

    seconds: float = 2e-4  # network A on two cores in float32
    by_threat: Mapping[str, Shares] = field(default_factory=dict)
    test_images: int = 10_000  # MNIST
    classes: int = 10

    def shares(self, threat: Threat) -> Shares:
        """The shares within this threat; 1.0 where it was not measured."""
        return self.by_threat.get(str(threat), Shares())


DEFAULT_PACE = Pace()


def measure_pace(context: Context, threats: Iterable[Threat]) -> Pace:
    """The pace of the subject, from one to two seconds of work on the first test images.

    Of an endpoint the probe has measured it.
    """
    of_data = partial(Pace, test_images=len(context.data.test), classes=context.data.spec.classes)
    if (remote := context.subject.remote) is not None:
        # A query costs about half of a forward and backward pass (`Attack.passes`).
        return of_data(2 * remote.facts.seconds_an_image)
    samples = context.data.test[:BATCH]
    x, y = samples.images().to(context.subject.device), samples.labels.to(context.subject.device)
    try:
        seconds = _seconds(lambda: loss_and_gradient(context.target, x, y, cross_entropies))
    except Exception:  # no gradients: the rows that need them say so
        forward = _seconds(lambda: torch.no_grad()(context.subject.model)(x))
        return of_data(_PASSES * forward / len(x))
    shares = {
        str(threat): _probe_threat(context, threat, x[:PROBED], y[:PROBED]) for threat in threats
    }
    return of_data(seconds / len(x), shares)


def _seconds(call: Callable[[], object]) -> float:
    """The shortest duration of a call."""
    durations = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        call()
        durations.append(time.perf_counter() - began)
    return min(durations)


def _probe_threat(context: Context, threat: Threat, x: torch.Tensor, y: torch.Tensor) -> Shares:
    rng = torch.Generator().manual_seed(0)
    x_adv = _SCOUT.propose(context.target, x, y, threat=threat, rng=rng)
    surviving = ~is_wrong(context.logits(x_adv), y)
    proved, crown = torch.zeros_like(surviving), torch.zeros_like(surviving)
    searched = surviving.nonzero().squeeze(1)  # a broken image has no certificate
    # Proofs for a square need CROWN at few places where intervals prove much of a ball.
    ball = threat if threat.form == "ball" else _BALL
    certified = partial(certify, context.subject.model, eps=ball.eps, norm=ball.norm)
    if threat.certifiable and len(searched):
        try:
            bounds = certified(x[searched], y[searched], crown=False)
            proved[searched] = bounds.proved
            searched = searched[~bounds.proved]
            if ball is threat and bool(proved.any()) and len(searched):
                crown[searched] = certified(x[searched], y[searched]).proved
        except NoCertificate:
            pass  # no certificates for this network: every image is searched
    # Add half an image: a share of 0 among few images does not mean 0 of ten thousand.
    # The ladders of patches and pixels compute no certificates.
    undecided = surviving & ~proved & ~crown if ball is threat else surviving
    kinds = ~proved, surviving, undecided
    return Shares(*((int(kind.sum()) + 0.5) / (len(x) + 1) for kind in kinds))
