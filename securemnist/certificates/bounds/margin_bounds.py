"""Lower bounds of the margins of samples, by intervals and where these are too loose by CROWN."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from securemnist.certificates.bounds.crown import EVERY_SAMPLE, lower_bounds
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
        # Where intervals are infinite, so are the bounds over them.
        margins = undecided[:, None] & ~(bounds > 0) & bounds.isfinite()
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
    wanted = margins & (improved < torch.inf)
    eye = torch.eye(network.classes, dtype=bounds.dtype, device=bounds.device)
    for index, sample, other in _parts(network, wanted):
        one = intervals if index is None else intervals.of_sample(index)
        chosen: torch.Tensor | slice = sample if index is None else EVERY_SAMPLE
        weights = eye[y[sample]] - eye[other]
        bound = lower_bounds(network, one, chosen, weights, to_image=to_image)
        improved[sample, other] = torch.fmax(improved[sample, other], bound)
    return improved


def _parts(
    network: Network, wanted: torch.Tensor
) -> Iterator[tuple[int | None, torch.Tensor, torch.Tensor]]:
    """The margins to bound at once: their samples and other classes, and a number if of one sample."""
    size = network.rows_of_batch(_MARGINS)
    groups = [(k, one) for k, one in enumerate(wanted)] if network.alone else [(None, wanted)]
    for index, group in groups:
        places = group.nonzero()
        others = places[:, -1]
        samples = places[:, 0] if index is None else torch.full_like(others, index)
        for sample, other in zip(samples.split(size), others.split(size), strict=True):
            if len(sample):
                yield index, sample, other


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
