"""Robustness certificates: proofs that a sample's class is the same in its whole L-infinity or L2 ball.

Interval bounds are computed for all samples, CROWN bounds for the margins that intervals leave
undecided. A certificate needs strictly positive margins, so a possible tie is not certified.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import nn

from securemnist.certificates.crown import lower_bounds
from securemnist.certificates.equivalence import check, same_logits
from securemnist.certificates.euclidean import ball_of, intervals_of
from securemnist.certificates.export import check_supported, export
from securemnist.certificates.network import Intervals, Network, known_bounds
from securemnist.certificates.reader import Reader
from securemnist.errors import MeasureError, NoCertificate, NoGraph
from securemnist.runtime import denormals
from securemnist.runtime.float32 import exact_float32
from securemnist.types import SHAPE, Images, Labels, Logits, Progress, silent
from securemnist.view import notebook

INTERVALS, CROWN, BRANCHES = "intervals", "CROWN", "branch and bound"
METHODS = (INTERVALS, CROWN, BRANCHES)
# Smaller probabilities are imprecise because of float32 underflow.
_TINY = 1e-30
# Number of samples whose ball corners are also used to compare graph and model.
_CORNERS = 8
# CROWN is dropped if it certifies none of this many samples (default of `trial`).
TRIAL = 32
# Margins that CROWN bounds at once: so few that their activations fit a processor's cache.
_MARGINS = 32
# Cache of networks by model. A cached network is compared with its model at every use.
_NETWORKS: WeakKeyDictionary[nn.Module, Network] = WeakKeyDictionary()


@dataclass(frozen=True, repr=False)
class Certificates:
    """Lower bounds of each sample's smallest margin, and the method of each certificate.

    `margins` float64 (n,): a value above 0 proves that every image of the ball is classified as the
    label. `by` int64 (n,): index of the method in METHODS, -1 without a certificate.
    """

    margins: torch.Tensor
    by: torch.Tensor

    @property
    def proved(self) -> torch.Tensor:
        """Boolean (n,): which samples are certified."""
        return self.by >= 0

    def count(self, method: str) -> int:
        """The number of samples that this method certified."""
        return int((self.by == METHODS.index(method)).sum())

    def _counts(self) -> dict[str, int]:
        """Samples by method; without branch and bound where it certified none."""
        counts = {method: self.count(method) for method in METHODS}
        return {method: n for method, n in counts.items() if n or method != BRANCHES}

    def __repr__(self) -> str:
        by = ", ".join(f"{n:,} by {method}" for method, n in self._counts().items())
        return (
            f"<Certificates: {int(self.proved.sum()):,} of {len(self.by):,} samples proved, {by}>"
        )

    def _repr_html_(self) -> str:
        proved, n = int(self.proved.sum()), len(self.by)
        facts = {method: f"{n:,} samples" for method, n in self._counts().items()}
        return notebook.card(f"{proved:,} of {n:,} samples proved", facts)


@exact_float32()
@denormals.preserved()
@torch.no_grad()
def certify(
    model: nn.Module,
    x: Images,
    y: Labels,
    *,
    eps: float,
    crown: bool = True,
    trial: int = 0,
    progress: Progress = silent,
    norm: str = "linf",
) -> Certificates:
    """Certificates of samples `x` (n, ...) in [0, 1] with labels `y` (n,) within `eps`.

    The ball is that of `norm`, "linf" or "l2", clipped to [0, 1].

    With a `trial` of t, certification stops if none of the first t samples is certified.

    NoCertificate if the model's graph has an operation without known bounds, or if graph and model
    compute different logits. MeasureError for images outside [0, 1] and for a negative `eps`; also for
    a bound above the margin of the sample itself, which is an error of this package.
    """
    if norm not in ("linf", "l2"):
        raise MeasureError(f"expected the norm linf or l2, got {norm!r}; fix the call")
    network = checked_network(model, x, eps)
    margins = torch.full((len(y),), -torch.inf, dtype=torch.float64, device=x.device)
    by, crown_samples = torch.full_like(y, -1), 0
    first = trial or TRIAL
    size = network.samples_of_batch
    starts = [0, *range(size, min(first, len(x)), size), *range(first, len(x), size)]
    for start, stop in zip(starts, [*starts[1:], len(x)], strict=True):
        crown = crown and (crown_samples < first or bool((by == METHODS.index(CROWN)).any()))
        if trial and start >= first and not (by >= 0).any():
            break
        part = slice(start, stop)
        with known_bounds():
            margins[part], by[part], count = _certified(
                network, model, x[part], y[part], eps, crown, norm
            )
        crown_samples += count
        progress("certificates", stop, len(x))
    return Certificates(margins, by)


def checked_network(model: nn.Module, x: Images, eps: float) -> Network:
    """The model's network, compared with the model in the balls; errors as from `certify`."""
    if not eps >= 0:
        raise MeasureError(f"expected an eps of 0 or more, got {eps}; fix the call")
    if not ((x >= 0) & (x <= 1)).all():
        raise MeasureError("expected images from 0 to 1, got others; scale them")
    return network_of(model, _corners(x[:_CORNERS], eps))


def network_of(model: nn.Module, images: Images) -> Network:
    """The model's network, cached, and compared with the model on `images` (n, ...).

    A changed model is exported again; NoCertificate for a model that cannot be exported.
    """
    check_supported(model)
    if model in _NETWORKS:
        try:
            check(_NETWORKS[model], model, images)
            return _NETWORKS[model]
        except NoCertificate:
            del _NETWORKS[model]
    network = read(model, tuple(images.shape[1:]))
    check(network, model, images)
    _NETWORKS[model] = network
    return network


def read(model: nn.Module, shape: tuple[int, ...] = SHAPE) -> Network:
    """The network of a model in eval mode for samples of this shape.

    NoGraph in one sentence if torch.export fails, or an operation has no known bounds.
    """
    try:
        exported = export(model, shape)
        return Network(Reader(exported).read(), exported)
    except NoCertificate as error:
        raise NoGraph(str(error)) from error


def _corners(x: Images, eps: float) -> Images:
    """Two opposite corners of each sample's ball, and uniform noise."""
    noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)).to(x.device)
    return torch.cat([x - eps, x + eps, noise]).clamp(0, 1)


def _certified(
    network: Network, model: nn.Module, x: Images, y: Labels, eps: float, crown: bool, norm: str
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Smallest margins and methods of one batch, and the number of samples with CROWN bounds."""
    logits = same_logits(network, model, x)
    intervals = intervals_of(network, ball_of(x, eps, norm))
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
