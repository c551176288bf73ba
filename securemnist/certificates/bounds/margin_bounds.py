"""Lower bounds of the margins of samples, by intervals and where these are too loose by CROWN."""

from __future__ import annotations

import torch

from securemnist.certificates.bounds.crown import lower_bounds
from securemnist.certificates.bounds.euclidean import intervals_of
from securemnist.certificates.graph.network import Intervals, Network
from securemnist.certificates.operations.intervals import Box
from securemnist.errors import MeasureError
from securemnist.types import Labels, Logits

INTERVALS, CROWN, BRANCHES = "intervals", "CROWN", "branch and bound"
METHODS = (INTERVALS, CROWN, BRANCHES)
# Smaller probabilities are imprecise because of float32 underflow.
_TINY = 1e-30
# Margins that CROWN bounds at once: so few that their activations fit a processor's cache.
_MARGINS = 32


def smallest_margins(
    network: Network, image: Box, logits: Logits, y: Labels, *, crown: torch.Tensor | bool
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Lower bounds (n,) of the smallest margins in the balls `image`, and the index of their methods.

    `logits` (n, K) are those of the samples that the balls are around. The method is -1 without a
    proof. `crown`, boolean or (n,): where CROWN may be computed; the third value counts where it was.
    """
    intervals = intervals_of(network, image)
    unbounded = torch.full_like(logits, -torch.inf, dtype=torch.float64)
    bounds = _improved(network, intervals, y, unbounded, unbounded < 0, to_image=False)
    clean = clean_margins(logits, y, probabilities=network.probabilities)
    check_bounds(bounds, clean)
    # `amin` propagates NaN, which certifies nothing.
    by = torch.where(bounds.amin(1) > 0, METHODS.index(INTERVALS), -1)
    undecided = (logits.argmax(1) == y) & (by < 0) & crown
    if bool(undecided.any()):
        margins = undecided[:, None] & ~(bounds > 0)
        bounds = _improved(network, intervals, y, bounds, margins, to_image=True)
        check_bounds(bounds, clean)
        by = torch.where((by < 0) & (bounds.amin(1) > 0), METHODS.index(CROWN), by)
    return bounds.amin(1), by, int(undecided.sum())


def _improved(
    network: Network,
    intervals: Intervals,
    y: Labels,
    bounds: torch.Tensor,
    margins: torch.Tensor,
    *,
    to_image: bool,
) -> torch.Tensor:
    """Lower bounds (n, K) of logit[label] - logit[k], infinite at the label.

    They are `bounds`, tightened where `margins`, boolean (n, K), is true; never looser than before.
    """
    improved = bounds.clone()
    improved.scatter_(1, y[:, None], torch.inf)
    samples, classes = (margins & (improved < torch.inf)).nonzero(as_tuple=True)
    eye = torch.eye(network.classes, dtype=bounds.dtype, device=bounds.device)
    size = network.rows_of_batch(_MARGINS)
    for sample, other in zip(samples.split(size), classes.split(size), strict=True):
        weights = eye[y[sample]] - eye[other]
        bound = lower_bounds(network, intervals, sample, weights, to_image=to_image)
        improved[sample, other] = torch.fmax(improved[sample, other], bound)
    return improved


def clean_margins(logits: Logits, y: Labels, *, probabilities: bool) -> torch.Tensor:
    """The margins (n, K) of the clean samples, infinite at the label.

    For probabilities these are margins of logarithms. Values too small for float32 are rounded in
    the direction that makes the margin larger.
    """
    label, others = logits.double().gather(1, y[:, None]), logits.double()
    if probabilities:
        label = label.clamp_min(_TINY).log()
        others = torch.where(others < _TINY, -torch.inf, others.log())
    return (label - others).scatter(1, y[:, None], torch.inf)


def check_bounds(bounds: torch.Tensor, clean: torch.Tensor) -> None:
    """MeasureError for a bound above the clean margin: the clean sample is in the ball."""
    above = bounds > clean
    if bool(above.any()):
        raise MeasureError(
            f"expected bounds below the samples' own margins, got {int(above.sum())} above; "
            "this is an error of the certificates, report it"
        )
