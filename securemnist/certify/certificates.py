"""Certificates: digits whose class no image of an L-infinity ball can change.

Interval bounds first, for every digit; what they leave open is asked of CROWN, question by question.
Margins must be strictly positive: where two logits can tie, nothing is certified.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from securemnist import denormals
from securemnist.certify.boxes import around
from securemnist.certify.graph import Network, Walk, read
from securemnist.certify.likeness import same_logits, same_operations
from securemnist.certify.linear import lower_bounds
from securemnist.errors import MeasureError, NoCertificate, SecureMnistError, first_line
from securemnist.types import CLASSES, Images, Labels, Logits, Progress, silent

INTERVALS, CROWN = "intervals", "CROWN"
METHODS = (INTERVALS, CROWN)
_BATCH = 100
# Questions answered at a time: so few that what is computed on them stays in a processor's cache.
_QUESTIONS = 32
# Probabilities below it have lost digits to underflow.
_FAINT = 1e-30
# Digits at the corners of whose balls the graph is held against the model, too.
_CORNERS = 8
# Where CROWN settles none of so many digits, it is not asked of the others, unless a trial is named.
TRIAL = 32


@dataclass(frozen=True)
class Certificates:
    """Of digits: the lower bound of the smallest margin, and what gave it.

    `margins` float64 (n,): over 0 is a proof that every image of the ball is read as the label. `by`
    int64 (n,): the index in METHODS of the proof, -1 where there is none.
    """

    margins: torch.Tensor
    by: torch.Tensor

    @property
    def proved(self) -> torch.Tensor:
        """Boolean (n,)."""
        return self.by >= 0

    def settled(self, method: str) -> int:
        """How many digits this method proved."""
        return int((self.by == METHODS.index(method)).sum())


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
    """Certificates of digits `x` (n, 1, 28, 28) with labels `y` (n,) within L-infinity `eps`.

    With a `trial` the others are left open as soon as so many digits were asked and none was proved.

    NoCertificate where the model's graph has a step without known bounds, or computes anything else
    than the model; MeasureError for images that are none, and where a bound contradicts the logits
    themselves, an error of ours.
    """
    if not (eps >= 0 and bool(((x >= 0) & (x <= 1)).all())):
        raise MeasureError(
            f"expected images from 0 to 1 and an eps of 0 or more, got others (eps {eps}); mend the call"
        )
    network = read(model)
    _same_at_corners(network, model, x[:_CORNERS], eps)
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
        except Exception as error:  # a rule that does not fit what it is given
            raise NoCertificate(
                f"expected layers that bounds go through, got {first_line(error):.120}"
            ) from error
        asked += more
        progress("certificates", stop, len(x))
    return Certificates(margins, by)


def _certified(
    network: Network, model: nn.Module, x: Images, y: Labels, eps: float, crown: bool
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Margins and methods of one batch, and of how many digits CROWN was asked."""
    logits = same_logits(network.traced, model, x)
    walk = network.walk(around(x, eps))
    found = _intervals(network, walk, y)
    own = _own_margins(logits, y, probabilities=network.probabilities)
    _check(found, own)
    by = torch.where(_least(found) > 0, METHODS.index(INTERVALS), -1)
    ask = (logits.argmax(1) == y) & (by < 0) & crown
    if bool(ask.any()):
        found = _crown(network, walk, y, found, ask)
        _check(found, own)
        by = torch.where((by < 0) & (_least(found) > 0), METHODS.index(CROWN), by)
    return _least(found), by, int(ask.sum())


def _intervals(network: Network, walk: Walk, y: Labels) -> torch.Tensor:
    """Lower bounds (n, 10) of logit[label] - logit[k], infinite at the label."""
    questions = torch.ones(len(y), CLASSES, dtype=torch.bool, device=y.device)
    nothing = walk.boxes[0].lower.new_full((len(y), CLASSES), -torch.inf)
    return _asked(network, walk, y, nothing, questions, to_image=False)


def _crown(
    network: Network, walk: Walk, y: Labels, found: torch.Tensor, ask: torch.Tensor
) -> torch.Tensor:
    """The bounds with those of CROWN for the digits `ask`, where the intervals leave them open."""
    return _asked(network, walk, y, found, ask[:, None] & ~(found > 0), to_image=True)


def _asked(
    network: Network,
    walk: Walk,
    y: Labels,
    found: torch.Tensor,
    questions: torch.Tensor,
    *,
    to_image: bool,
) -> torch.Tensor:
    """`found` (n, 10), improved where `questions` (n, 10) says so; a bound never becomes looser."""
    improved = found.clone()
    improved.scatter_(1, y[:, None], torch.inf)
    digits, classes = (questions & (improved < torch.inf)).nonzero(as_tuple=True)
    eye = torch.eye(CLASSES, dtype=found.dtype, device=found.device)
    for some, others in zip(digits.split(_QUESTIONS), classes.split(_QUESTIONS), strict=True):
        weights = eye[y[some]] - eye[others]
        bound = lower_bounds(network, walk, some, weights, to_image=to_image)
        improved[some, others] = torch.fmax(improved[some, others], bound)
    return improved


def _least(margins: torch.Tensor) -> torch.Tensor:
    """The smallest margin (n,); NaN, which certifies nothing, where one is NaN."""
    return margins.amin(1)


def _same_at_corners(network: Network, model: nn.Module, x: Images, eps: float) -> None:
    """NoCertificate where the graph computes other logits off the digits, or does other operations."""
    noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)).to(x.device)
    images = torch.cat([x - eps, x + eps, noise]).clamp(0, 1)
    try:
        same_logits(network.traced, model, images)
        same_operations(network.traced, model, images)
    except SecureMnistError:
        raise
    except Exception as error:
        raise NoCertificate(
            f"expected a graph that runs, running it raised {first_line(error):.120}"
        ) from error


def _own_margins(logits: Logits, y: Labels, *, probabilities: bool) -> torch.Tensor:
    """How far the label is before each class (n, 10), infinite at the label.

    Of probabilities it is their logarithms that count; one too small for float32 is taken as such that
    the margin is not less than the true one.
    """
    mine, others = logits.double().gather(1, y[:, None]), logits.double()
    if probabilities:
        mine = mine.clamp_min(_FAINT).log()
        others = torch.where(others < _FAINT, -torch.inf, others.log())
    return (mine - others).scatter(1, y[:, None], torch.inf)


def _check(found: torch.Tensor, own: torch.Tensor) -> None:
    """The digit itself lies in its ball: no bound may be above its own margin."""
    above = found > own
    if bool(above.any()):
        raise MeasureError(
            f"expected bounds below the margins that the digits have, got {int(above.sum())} above; "
            "this is an error of the certificates, report it"
        )
