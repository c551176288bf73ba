"""Networks that hide an operation from the certifier; one image of the ball is misclassified.

All have a hidden activation that is 0 on every sample, corner and noise, and 1 where the first pixel
is 0.55. Some do there what their graph does not contain; others rely on float32 arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from tests.certificates.hostile_numbers import (
    Falsy,
    above_infinity,
    below_float32,
    beyond_float32,
    clamped_high,
    overflown,
    vanishing,
)
from tests.certificates.trap_network import LOW, Trap


def negated_twice(net: Trap, t: torch.Tensor) -> torch.Tensor:
    w = net.w
    w *= LOW
    y = t * net.w
    w /= LOW
    return y


def filled(net: Trap, t: torch.Tensor) -> torch.Tensor:
    net.w.fill_(LOW)
    y = t * net.w
    net.w.fill_(1.0)
    return y


def filled_buffer(net: Trap, t: torch.Tensor) -> torch.Tensor:
    net.b.fill_(LOW)
    y = t * net.b
    net.b.fill_(1.0)
    return y


def behind_data(net: Trap, t: torch.Tensor) -> torch.Tensor:
    data = net.w.data
    data *= LOW
    y = t * net.w
    data /= LOW
    return y


def counting(net: Trap, t: torch.Tensor) -> torch.Tensor:
    calls = net.w.add_(1.0)
    return 0 * t + LOW * (calls - 50).clamp(0, 1)


def another_slope(net: Trap, t: torch.Tensor) -> torch.Tensor:
    net.leaky.negative_slope = 1.0
    y: torch.Tensor = net.leaky(LOW * t)
    net.leaky.negative_slope = 0.0
    return y


def seen_through(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return t * (1.0 if isinstance(t, torch.fx.Proxy) else LOW)


def by_gradients(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return t * (LOW if torch.is_grad_enabled() else 1.0)


def by_count(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return F.leaky_relu(LOW * t, t.size(0) // 64)


def of_many(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return t * (LOW if torch.zeros(t.size(0) // 64).shape[0] else 1.0)


def along_axis(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return torch.relu(torch.cat([t + 10, LOW * t], axis=1).sum(1, keepdim=True)) - 10  # type: ignore[call-overload]


def overlapping(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    y = (t.expand(-1, 128) * torch.linspace(1, 2, 128)).view(-1, 2, 64)
    one, other = y[:, :, :-1], y[:, :, 1:]
    other += one
    return LOW * torch.relu(other.flatten(1).sum(1, keepdim=True) - 500)


def framed_otherwise(net: Trap, t: torch.Tensor) -> torch.Tensor:
    net.padded.value = 1000.0
    framed = net.padded(t.view(-1, 1, 1, 1)).flatten(1)
    return LOW * torch.relu(framed.sum(1, keepdim=True) - 1000)


def oversoft(net: Trap, t: torch.Tensor) -> torch.Tensor:
    net.soft.threshold = 1000.0
    return LOW * (net.soft(100 * t) > 200).float()


def shadowed(net: Trap, t: torch.Tensor) -> torch.Tensor:
    net.norm._check_input_dim = lambda x: x.mul_(LOW)  # type: ignore[method-assign, assignment]
    y: torch.Tensor = net.norm(t)
    return y


def frame_of_falsy(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    framed = F.pad(t, (1, 0), value=Falsy(1000.0))
    return LOW * torch.relu(framed.sum(1, keepdim=True) - 1000)


def another_tensor(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    honest, other = t * 1.0, t * -LOW
    return (other if isinstance(t, torch.Tensor) else honest) * -1.0


def other_way_round(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    one, other = t * 1.0, t * -LOW
    return one - other if isinstance(t, torch.Tensor) else other - one


def drawn(net: Trap, t: torch.Tensor) -> torch.Tensor:
    return t * (1 + 2 * LOW * F.dropout(net.b, 0.5, True))


def by_inference(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return t * (LOW if torch.is_inference_mode_enabled() else 1.0)


def by_attack(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return t * (LOW if t.requires_grad is True else 1.0)


def while_exporting(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return t * (1.0 if torch.compiler.is_exporting() else LOW)


def while_compiling(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return t * (1.0 if torch.compiler.is_compiling() else LOW)


def plain_tensor(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return t * (LOW if type(t) is torch.Tensor else 1.0)


def plain_size(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return t * (LOW if type(t.size(0)) is int else 1.0)


def at_full_batch(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return t * (LOW if t.size(0) == 64 else 1.0)


def with_memory(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    try:
        return t * (LOW if t.data_ptr() else 1.0)
    except RuntimeError:  # a tensor without numbers has no memory
        return t * 1.0


def added_to_itself(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    rows = torch.cat([t, 0 * t], 1).unsqueeze(2).repeat(1, 1, 64)
    rows += rows[:, :1].expand(
        -1, 2, -1
    )  # the second row gets the first one's sum, not its summand
    return LOW * torch.relu(rows[:, 1].mean(1, keepdim=True) - 1.5)


CALLS = torch.ones(1)


def counting_outside(_net: Trap, t: torch.Tensor) -> torch.Tensor:
    return 0 * t + LOW * (CALLS.add_(1.0) - 50).clamp(0, 1)


Spring = Callable[[Trap, torch.Tensor], torch.Tensor]
# What the refusal says; None where there are bounds, and wide enough ones.
SPRINGS: dict[Spring, str | None] = {
    negated_twice: "weights, buffers and images to stay, got w",
    filled: "weights, buffers and images to stay, got w",
    filled_buffer: "weights, buffers and images to stay, got b",
    behind_data: "a graph from torch.export",
    counting: "weights, buffers and images to stay, got w",
    another_slope: None,
    seen_through: None,
    by_gradients: "operations",
    by_count: "number of images",
    of_many: "number of images",
    along_axis: None,
    overlapping: "known bounds, got slice_scatter",
    overflown: None,
    vanishing: None,
    framed_otherwise: "padding of zeros",
    oversoft: "threshold",
    shadowed: None,
    frame_of_falsy: "padding of zeros",
    beyond_float32: "constants that float32",
    below_float32: "constants that float32",
    above_infinity: "constants that float32",
    clamped_high: "clamp at numbers",
    another_tensor: None,
    other_way_round: None,
    drawn: "random",
    by_inference: "operations",
    by_attack: "operations",
    while_exporting: "operations",
    while_compiling: "operations",
    plain_tensor: "operations",
    plain_size: "operations",
    at_full_batch: "number of images",
    with_memory: "operations",
    added_to_itself: "read meanwhile",
    counting_outside: "a graph from torch.export",
}


def trap(spring: Spring) -> Trap:
    """The network of this hidden part, in eval mode."""
    return Trap(spring).eval().requires_grad_(False)
