"""Robustness certificates: proofs that a sample's class is the same for all images of a threat.

Interval bounds are computed for all samples, CROWN bounds for the margins that intervals leave
undecided. A certificate needs strictly positive margins, so a possible tie is not certified.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import nn

from securemnist.certificates.bounds.euclidean import ball_of
from securemnist.certificates.bounds.margin_bounds import BRANCHES, CROWN, METHODS, smallest_margins
from securemnist.certificates.bounds.places import square_margins
from securemnist.certificates.bounds.squares import SQUARES, check_square
from securemnist.certificates.graph.equivalence import check, same_logits
from securemnist.certificates.graph.export import check_supported, export
from securemnist.certificates.graph.network import Network, known_bounds
from securemnist.certificates.graph.reader import Reader
from securemnist.errors import MeasureError, NoCertificate, NoGraph
from securemnist.runtime import denormals
from securemnist.runtime.float32 import exact_float32
from securemnist.types import SHAPE, Images, Labels, Progress, silent
from securemnist.view import notebook

NORMS = ("linf", "l2", *SQUARES)
# Number of samples whose ball corners are also used to compare graph and model.
_CORNERS = 8
# CROWN is dropped if it certifies none of this many samples (default of `trial`).
TRIAL = 32
_ADVICE = "write it with supported operations (docs/robustness.md)"
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

    `norm` "linf" or "l2": the ball of radius `eps`, clipped to [0, 1]. "patch": a square with a side of
    `eps` pixels, at any place of images (n, C, H, W). "l0" with an `eps` of 1: one pixel.

    With a `trial` of t, certification stops if none of the first t samples is certified.

    NoCertificate if the model's graph has an operation without known bounds, or if graph and model
    compute different logits. MeasureError for images outside [0, 1] and for a negative `eps`; also for
    a bound above the margin of the sample itself, which is an error of this package.
    """
    network = checked_network(model, x, eps, norm)
    margins = torch.full((len(y),), -torch.inf, dtype=torch.float64, device=x.device)
    by, crown_samples = torch.full_like(y, -1), 0
    first = trial or TRIAL
    size = 1 if norm in SQUARES else network.samples_of_batch
    starts = [0, *range(size, min(first, len(x)), size), *range(first, len(x), size)]
    for start, stop in zip(starts, [*starts[1:], len(x)], strict=True):
        crown = crown and (crown_samples < first or bool((by == METHODS.index(CROWN)).any()))
        if trial and start >= first and not (by >= 0).any():
            break
        part = slice(start, stop)
        with known_bounds():
            margins[part], by[part], count = _certified(
                network, model, x[part], y[part], (eps, norm), crown=crown
            )
        crown_samples += count
        progress("certificates", stop, len(x))
    return Certificates(margins, by)


def _certified(
    network: Network,
    model: nn.Module,
    x: Images,
    y: Labels,
    within: tuple[float, str],
    *,
    crown: bool,
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Smallest margins and methods of one batch, and the number of samples with CROWN bounds."""
    eps, norm = within
    if norm in SQUARES:
        return square_margins(network, model, x, y, int(eps), crown=crown)
    logits = same_logits(network, model, x)
    return smallest_margins(network, ball_of(x, eps, norm), logits, y, crown=crown)


def checked_network(model: nn.Module, x: Images, eps: float, norm: str) -> Network:
    """The model's network, compared with the model in the balls; errors as from `certify`."""
    if norm not in NORMS:
        raise MeasureError(
            f"expected one of the norms {', '.join(NORMS)}, got {norm!r}; fix the call"
        )
    if norm in SQUARES:
        check_square(x, eps, norm)
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
        text = str(error)
        raise NoGraph(text if "; " in text else f"{text}; {_ADVICE}") from error


def _corners(x: Images, eps: float) -> Images:
    """Two opposite corners of each sample's ball, and uniform noise."""
    noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)).to(x.device)
    return torch.cat([x - eps, x + eps, noise]).clamp(0, 1)
