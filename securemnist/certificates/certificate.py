"""Certificates: samples whose class no image of an L-infinity ball can change.

Interval bounds of all samples come first; CROWN is asked for the margins that they leave open.
Margins must be strictly positive: where two logits can tie, nothing is certified.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import nn

from securemnist.certificates.crown import lower_bounds
from securemnist.certificates.equivalence import check, same_logits
from securemnist.certificates.export import check_supported, export
from securemnist.certificates.intervals import ball
from securemnist.certificates.network import Intervals, Network
from securemnist.certificates.reader import Reader
from securemnist.errors import MeasureError, NoCertificate, SecureMnistError, first_line
from securemnist.runtime import denormals
from securemnist.runtime.float32 import exact_float32
from securemnist.types import SHAPE, Images, Labels, Logits, Progress, silent
from securemnist.view import notebook

INTERVALS, CROWN = "intervals", "CROWN"
METHODS = (INTERVALS, CROWN)
_BATCH = 100
# Margins bounded at a time: so few that their activations stay in a processor's cache.
_MARGINS = 32
# Probabilities below it have lost precision to underflow.
_TINY = 1e-30
# Samples whose ball's corners the graph is compared with the model on, too.
_CORNERS = 8
# Where CROWN proves none of so many samples it is not asked for the others, if no trial is given.
TRIAL = 32
# Networks by their model, as long as it exists. Each is compared with its model at every use.
_NETWORKS: WeakKeyDictionary[nn.Module, Network] = WeakKeyDictionary()


@dataclass(frozen=True, repr=False)
class Certificates:
    """Lower bounds of each sample's smallest margin, and the method that proves it.

    `margins` float64 (n,): above 0 it is a proof that every image of the ball is classified as the
    label. `by` int64 (n,): the proof's index in METHODS, -1 where there is none.
    """

    margins: torch.Tensor
    by: torch.Tensor

    @property
    def proved(self) -> torch.Tensor:
        """Boolean (n,)."""
        return self.by >= 0

    def count(self, method: str) -> int:
        """How many samples this method proved."""
        return int((self.by == METHODS.index(method)).sum())

    def __repr__(self) -> str:
        by = ", ".join(f"{self.count(method):,} by {method}" for method in METHODS)
        return (
            f"<Certificates: {int(self.proved.sum()):,} of {len(self.by):,} samples proved, {by}>"
        )

    def _repr_html_(self) -> str:
        proved, n = int(self.proved.sum()), len(self.by)
        facts = {method: f"{self.count(method):,} samples" for method in METHODS}
        return notebook.card(f"{proved:,} of {n:,} samples proved", facts)


@exact_float32()
@denormals.kept()
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
) -> Certificates:
    """Certificates of samples `x` (n, ...) in [0, 1] with labels `y` (n,) within L-infinity `eps`.

    With a `trial` of t, certification stops where none of the first t samples is proved.

    NoCertificate where the model's graph has an operation without known bounds, or computes anything
    else than the model. MeasureError for images outside [0, 1] or a negative `eps`, and where a
    bound contradicts the logits themselves, which is an error of this package.
    """
    if not (eps >= 0 and bool(((x >= 0) & (x <= 1)).all())):
        raise MeasureError(
            f"expected images from 0 to 1 and an eps of 0 or more, got others (eps {eps}); fix the call"
        )
    network = network_of(model, _corners(x[:_CORNERS], eps))
    margins = torch.full((len(y),), -torch.inf, dtype=torch.float64, device=x.device)
    by, asked = torch.full_like(y, -1), 0
    few = trial or TRIAL
    starts = [0, *range(few, len(x), _BATCH)]
    for start, stop in zip(starts, [*starts[1:], len(x)], strict=True):
        crown = crown and (asked < few or bool((by == METHODS.index(CROWN)).any()))
        if trial and start and not (by >= 0).any():
            break
        part = slice(start, stop)
        try:
            margins[part], by[part], more = _certified(network, model, x[part], y[part], eps, crown)
        except SecureMnistError:
            raise
        except Exception as error:  # a rule that does not fit its operation's arguments
            raise NoCertificate(
                f"expected operations that bounds go through, got {first_line(error):.120}"
            ) from error
        asked += more
        progress("certificates", stop, len(x))
    return Certificates(margins, by)


def network_of(model: nn.Module, images: Images) -> Network:
    """The model's network, compared with the model on `images` (n, ...) and kept for the next time.

    It is exported anew where the model has changed; NoCertificate where it has no network.
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

    NoCertificate in one sentence where torch.export captures no graph, or an operation has no bounds.
    """
    exported = export(model, shape)
    return Network(Reader(exported).read(), exported)


def _corners(x: Images, eps: float) -> Images:
    """Opposite corners of the samples' balls, and noise."""
    noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)).to(x.device)
    return torch.cat([x - eps, x + eps, noise]).clamp(0, 1)


def _certified(
    network: Network, model: nn.Module, x: Images, y: Labels, eps: float, crown: bool
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Margins and methods of one batch, and for how many samples CROWN was asked."""
    logits = same_logits(network, model, x)
    intervals = network.intervals(ball(x, eps))
    found = _by_intervals(network, intervals, y)
    own = _own_margins(logits, y, probabilities=network.probabilities)
    _check(found, own)
    by = torch.where(_smallest(found) > 0, METHODS.index(INTERVALS), -1)
    ask = (logits.argmax(1) == y) & (by < 0) & crown
    if bool(ask.any()):
        open_margins = ask[:, None] & ~(found > 0)
        found = _improved(network, intervals, y, found, open_margins, to_image=True)
        _check(found, own)
        by = torch.where((by < 0) & (_smallest(found) > 0), METHODS.index(CROWN), by)
    return _smallest(found), by, int(ask.sum())


def _by_intervals(network: Network, intervals: Intervals, y: Labels) -> torch.Tensor:
    """Lower bounds (n, K) of logit[label] - logit[k], infinite at the label."""
    shape = (len(y), network.classes)
    nothing = intervals.boxes[0].lower.new_full(shape, -torch.inf)
    every = torch.ones(shape, dtype=torch.bool, device=y.device)
    return _improved(network, intervals, y, nothing, every, to_image=False)


def _improved(
    network: Network,
    intervals: Intervals,
    y: Labels,
    found: torch.Tensor,
    wanted: torch.Tensor,
    *,
    to_image: bool,
) -> torch.Tensor:
    """`found` (n, K), bounded anew where `wanted` (n, K) says so; a bound never becomes looser."""
    improved = found.clone()
    improved.scatter_(1, y[:, None], torch.inf)
    samples, classes = (wanted & (improved < torch.inf)).nonzero(as_tuple=True)
    eye = torch.eye(network.classes, dtype=found.dtype, device=found.device)
    for some, others in zip(samples.split(_MARGINS), classes.split(_MARGINS), strict=True):
        weights = eye[y[some]] - eye[others]
        bound = lower_bounds(network, intervals, some, weights, to_image=to_image)
        improved[some, others] = torch.fmax(improved[some, others], bound)
    return improved


def _smallest(margins: torch.Tensor) -> torch.Tensor:
    """The smallest margin (n,); NaN, which certifies nothing, where one is NaN."""
    return margins.amin(1)


def _own_margins(logits: Logits, y: Labels, *, probabilities: bool) -> torch.Tensor:
    """The margins (n, K) of the samples themselves, infinite at the label.

    Of probabilities those of the logarithms. One too small for float32 is rounded such that the
    margin is not less than the true one.
    """
    label, others = logits.double().gather(1, y[:, None]), logits.double()
    if probabilities:
        label = label.clamp_min(_TINY).log()
        others = torch.where(others < _TINY, -torch.inf, others.log())
    return (label - others).scatter(1, y[:, None], torch.inf)


def _check(found: torch.Tensor, own: torch.Tensor) -> None:
    """The sample itself lies in its ball: no bound may be above its own margin."""
    above = found > own
    if bool(above.any()):
        raise MeasureError(
            f"expected bounds below the samples' own margins, got {int(above.sum())} above; "
            "this is an error of the certificates, report it"
        )
