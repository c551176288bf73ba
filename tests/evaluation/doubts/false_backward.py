"""Networks with honest predictions whose backward pass is not the derivative."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from tests.evaluation.doubts.impostors import Around

# From the image and the true gradient to the one that is handed back.
Back = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def _inside(x: torch.Tensor) -> torch.Tensor:
    """1 where an image has grey pixels, as inside a ball; 0 for clean images."""
    grey = (x - x.round()).abs().flatten(1).mean(1) > 0.06
    return grey.view(-1, 1, 1, 1).to(x.dtype)


def _few(x: torch.Tensor) -> torch.Tensor:
    """1 for one image in twenty, by the sum of its pixels."""
    ink = (x > 0.5).flatten(1).sum(1)
    return (ink % 20 == 0).view(-1, 1, 1, 1).to(x.dtype)


BACK: dict[str, Back] = {
    "noise": lambda _x, g: torch.randn_like(g) * g.abs().mean(),
    "half noise": lambda _x, g: g + torch.randn_like(g) * g.std(),
    "reversed": lambda _x, g: -g,
    "permuted": lambda _x, g: g.flatten(1)[
        :, torch.randperm(784, generator=torch.Generator().manual_seed(0))
    ].view_as(g),
    "transposed": lambda _x, g: g.transpose(2, 3),
    "another image's": lambda _x, g: g.roll(1, 0),
    "scaled by random": lambda _x, g: g * torch.rand(len(g), 1, 1, 1, dtype=g.dtype) * 2,
    "pixels scaled by random": lambda _x, g: g * torch.rand_like(g) * 2,
    "zero": lambda _x, g: torch.zeros_like(g),
    "NaN": lambda _x, g: g * torch.nan,
    "sign": lambda _x, g: g.sign(),
    "zero inside the ball": lambda x, g: g * (1 - _inside(x)),
    "reversed inside the ball": lambda x, g: g * (1 - 2 * _inside(x)),
    "reversed for few": lambda x, g: g * (1 - 2 * _few(x)),
}


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: torch.Tensor, back: Back) -> torch.Tensor:
        ctx.back = back  # type: ignore[attr-defined]
        ctx.save_for_backward(x)  # type: ignore[attr-defined]
        return x.clone()

    @staticmethod
    def backward(ctx: object, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # type: ignore[override]
        (x,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return ctx.back(x, gradient), None  # type: ignore[attr-defined]


class FalseBackward(Around):
    """The backward pass named `how`; predictions stay."""

    def __init__(self, network: nn.Module, how: str) -> None:
        super().__init__(network)
        self.how = how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(_Step.apply(x, BACK[self.how]))


def _blocks(x: torch.Tensor) -> torch.Tensor:
    """Means of 2x2 pixels in eight levels, as in coarse JPEG."""
    mean = nn.functional.avg_pool2d((7 * x).round() / 7, 2)
    return nn.functional.interpolate(mean, scale_factor=2.0)


STEPS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "4 levels": lambda x: (3 * x).round() / 3,
    "256 levels": lambda x: (255 * x).round() / 255,
    "threshold": lambda x: (x > 0.5).to(x.dtype),
    "blocks": _blocks,
    "sine": lambda x: (x + 0.05 * torch.sin(60 * x)).clamp(0, 1),
}


class StraightThrough(Around):
    """The step named `how` forward, the identity backward."""

    def __init__(self, network: nn.Module, how: str) -> None:
        super().__init__(network)
        self.how = how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x + (STEPS[self.how](x) - x).detach())


class SometimesFalse(Around):
    """A backward pass of noise where `when(number of the gradient pass, batch size)` holds."""

    def __init__(self, network: nn.Module, when: Callable[[int, int], bool]) -> None:
        super().__init__(network)
        self.when, self.passes = when, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.passes += torch.is_grad_enabled()
        false = torch.is_grad_enabled() and self.when(self.passes, len(x))
        return self.network(_Step.apply(x, BACK["noise"]) if false else x)


class Shattered(Around):
    """x + a sin(w x) in front of the network, with its true derivative."""

    def __init__(self, network: nn.Module, a: float, w: float) -> None:
        super().__init__(network)
        self.a, self.w = a, w

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x + self.a * torch.sin(self.w * x))


# Amplitudes and frequencies of shattering steps.
SHATTERING = ((0.03, 200.0), (0.05, 1000.0), (0.02, 5000.0))
# Batches up to these sizes get a false gradient, as those in which a search ends.
SMALL_BATCHES = (64, 20, 8, 1)

LIARS: dict[str, Callable[[nn.Module], nn.Module]] = {
    **{how: lambda net, how=how: FalseBackward(net, how).eval() for how in BACK},  # type: ignore[misc]
    **{
        f"straight through {how}": lambda net, how=how: StraightThrough(net, how).eval()  # type: ignore[misc]
        for how in STEPS
    },
    **{
        f"noise in batches up to {most}": lambda net, most=most: SometimesFalse(  # type: ignore[misc]
            net, lambda _number, size: size <= most
        ).eval()
        for most in SMALL_BATCHES
    },
    **{
        f"shattered, a = {a:g}, w = {w:g}": lambda net, a=a, w=w: Shattered(net, a, w).eval()  # type: ignore[misc]
        for a, w in SHATTERING
    },
}


class InBfloat16(Around):
    """Weights and arithmetic in bfloat16; float64 input fails."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network.to(torch.bfloat16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x.to(torch.bfloat16))


class Autocast(Around):
    """Arithmetic in bfloat16 where autocast selects it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.network(x)


class Float32Only(Around):
    """Casts its input, so that a float64 copy fails."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x.float())


class MappedLogits(Around):
    """Logits changed by a function."""

    def __init__(self, network: nn.Module, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__(network)
        self.change = change

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.change(self.network(x))


HONEST: dict[str, Callable[[nn.Module], nn.Module]] = {
    "float32": lambda net: net,
    "bfloat16": InBfloat16,
    "autocast": Autocast,
    "autocast, log-softmax": lambda net: MappedLogits(
        Autocast(net), lambda z: z.float().log_softmax(1)
    ),
    "float32 only": Float32Only,
    "times 1e-9": lambda net: MappedLogits(net, lambda z: 1e-9 * z),
    "times 1e9": lambda net: MappedLogits(net, lambda z: 1e9 * z),
    "softmax": lambda net: MappedLogits(net, lambda z: z.softmax(1)),
    "log-softmax": lambda net: MappedLogits(net, lambda z: z.log_softmax(1)),
    "plus 1e6": lambda net: MappedLogits(net, lambda z: z.double() + 1e6),
}


def untrained(seed: int) -> dict[str, Callable[[], nn.Module]]:
    """Networks with random weights, of layers with and without kinks."""

    def network_of(*layers: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
        def build() -> nn.Module:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                return nn.Sequential(*(layer() for layer in layers)).eval().requires_grad_(False)

        return build

    return {
        "random, GELU": network_of(
            lambda: nn.Conv2d(1, 8, 5, stride=2), nn.GELU, nn.Flatten, lambda: nn.Linear(1152, 10)
        ),
        "random, max pooling without bias": network_of(
            lambda: nn.Conv2d(1, 8, 5, bias=False),
            nn.ReLU,
            lambda: nn.MaxPool2d(4),
            nn.Flatten,
            lambda: nn.Linear(288, 10, bias=False),
        ),
        "random, batch norm": network_of(
            lambda: nn.Conv2d(1, 8, 5, stride=2),
            lambda: nn.BatchNorm2d(8),
            nn.ReLU,
            nn.Flatten,
            lambda: nn.Linear(1152, 10),
        ),
        "random, linear": network_of(nn.Flatten, lambda: nn.Linear(784, 10)),
    }
