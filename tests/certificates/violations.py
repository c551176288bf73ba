"""Points of a ball, and the number of them that violate a bound."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import fx, nn

from securemnist.attacks.losses import loss_and_gradient, margins
from securemnist.certificates import certify
from securemnist.certificates.bounds.crown import lower_bounds
from securemnist.certificates.bounds.euclidean import l2_ball, l2_intervals
from securemnist.certificates.certificate import network_of
from securemnist.certificates.graph.network import Intervals
from securemnist.certificates.operations.intervals import Box, ball
from securemnist.referee import SLACK
from securemnist.threats import L2
from securemnist.threats.base import max_norm

SAMPLES = 3


def points(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor, eps: float, norm: str = "linf"
) -> list[torch.Tensor]:
    """Images of the ball: inside, in random directions, and those that the gradient points to."""
    if norm == "l2":
        return l2_points(model, x, y, eps)
    steps = [torch.rand_like(x) * 2 - 1 for _ in range(2)]
    steps += [torch.randn_like(x).sign() for _ in range(2)]
    steps += [0 * x, torch.ones_like(x), -torch.ones_like(x)]
    for start in (x, x + eps * steps[0]):
        steps.append(loss_and_gradient(model, start, y, margins)[1].sign())
    return [(x + eps * step).clamp(0, 1) for step in steps]


def l2_points(model: nn.Module, x: torch.Tensor, y: torch.Tensor, eps: float) -> list[torch.Tensor]:
    """Images of the L2 ball: in random directions of all and of few pixels, and by the gradient."""
    steps = [torch.randn_like(x) * (torch.rand_like(x) < share) for share in (1, 0.1, 0.01) * 2]
    for start in (x, x + eps * steps[0] / steps[0].flatten(1).norm(dim=1).amax()):
        gradient = loss_and_gradient(model, start.clamp(0, 1), y, margins)[1]
        steps += [gradient, gradient.sign()]
    threat = L2(eps)
    return [threat.project(x, x + 1e3 * (step / max_norm(step))) for step in steps]


def violations(
    model: nn.Module,
    eps: float,
    seed: int = 0,
    shape: tuple[int, ...] = (1, 28, 28),
    norm: str = "linf",
) -> int:
    """Activations outside their box, and margins below their certificate, over points of a ball."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.rand(SAMPLES, *shape, generator=rng)
    logits = model(x)
    y = logits.argmax(1)
    y[-1] = (y[-1] + 1) % logits.shape[1]  # a misclassified sample has a negative margin
    return outside_boxes(model, x, y, eps, norm=norm) + below_margins(model, x, y, eps, norm)


def outside_boxes(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    eps: float,
    bounds: Callable[[Box], Intervals] | None = None,
    norm: str = "linf",
) -> int:
    """Activations outside their box, of `bounds` or of intervals, over points of the balls."""
    network = network_of(model, x)
    if norm == "l2":
        boxes = l2_intervals(network, l2_ball(x, eps)).boxes
    else:
        boxes = (bounds or network.intervals)(ball(x, eps)).boxes
    functional = network.exported.functional
    assert isinstance(functional, fx.GraphModule)
    # Of several steps of one operation the last one has its values.
    box_of = dict(zip((step.name for step in network.steps), boxes[1:], strict=True))
    count = 0
    for image in points(model, x, y, eps - SLACK, norm):
        recorded = _Recorded(functional)
        recorded.run(image)
        for name, box in box_of.items():
            value = recorded.values[name].double()
            count += int(((value < box.lower) | (value > box.upper)).sum())
    return count


class _Recorded(fx.Interpreter):
    """Keeps the output of every node of a graph, of several outputs the first."""

    def run_node(self, n: fx.Node) -> object:
        value = super().run_node(n)
        first = value[0] if isinstance(value, tuple) else value
        shape = getattr(n.meta.get("val"), "shape", ())
        # Boxes have the samples first.
        batch = [k for k, size in enumerate(shape) if isinstance(size, torch.SymInt)]
        first = first.movedim(batch[0], 0) if batch else first
        self.__dict__.setdefault("values", {})[n.name] = first
        return value


def below_margins(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor, eps: float, norm: str = "linf"
) -> int:
    """Margins below their certificate, over points of the balls.

    A bound by CROWN is at least that of the intervals, so that both are tested.
    """
    count, probabilities = 0, network_of(model, x).probabilities
    bounds = certify(model, x, y, eps=eps, norm=norm).margins
    for image in points(model, x, y, eps - SLACK, norm):
        logits = model(image).double()
        logits = logits.log() if probabilities else logits
        right = logits.gather(1, y[:, None]).squeeze(1)
        wrong = logits.scatter(1, y[:, None], -torch.inf).amax(1)
        count += int((right - wrong < bounds).sum())
    return count


def crown_margin(model: nn.Module, x: torch.Tensor, label: int, eps: float) -> float:
    """CROWN's bound of the smallest margin of one sample, also if intervals certify it."""
    network = network_of(model, x)
    eye = torch.eye(network.classes, dtype=torch.float64)
    questions = torch.stack([eye[label] - eye[k] for k in range(len(eye)) if k != label])
    samples = torch.zeros(len(questions), dtype=torch.long)
    with torch.no_grad():
        intervals = network.intervals(ball(x, eps))
        return float(lower_bounds(network, intervals, samples, questions, to_image=True).min())
