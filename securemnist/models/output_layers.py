"""Last layers of wrapped networks: outputs of other forms as logits or probabilities (n, K)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import nn

from securemnist.errors import ModelError
from securemnist.types import Images, Logits


class _Wrapped(nn.Module):
    """A network behind which something happens to its outputs."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network


@final
class BinarySigmoid(_Wrapped):
    """Logits (0, z) of one logit z, or probabilities (1 - p, p) of one probability p."""

    def __init__(self, network: nn.Module, probability: bool) -> None:
        super().__init__(network)
        self.probability = probability

    def forward(self, x: Images) -> Logits:
        z: torch.Tensor = self.network(x)
        if z.dim() == 0 and len(x) == 1:  # `squeeze()` removes the dimension of a single image, too
            z = z.reshape(1)
        if tuple(z.shape[1:]) not in ((), (1,)) or z.dim() == 0:
            raise ModelError(
                f"expected one output a sample, got {tuple(z.shape)}; remove binary_sigmoid"
            )
        z = z.reshape(z.shape[0], 1)
        if not self.probability:
            # 0 as a product: certificates have bounds for it, and it is exact.
            return torch.cat((z * 0.0, z), 1)
        if bool(((z < 0) | (z > 1)).any()):
            raise ModelError("expected a probability, got one outside [0, 1]; omit `probability`")
        p = z.double()  # float64 keeps 1 - p apart from 1
        return torch.cat((1 - p, p), 1)

    def extra_repr(self) -> str:
        return f"probability={self.probability}"


@final
class Output(_Wrapped):
    """One part of several outputs."""

    def __init__(self, network: nn.Module, key: int | str) -> None:
        super().__init__(network)
        self.key = key

    def forward(self, x: Images) -> Logits:
        outputs: Any = self.network(x)
        try:
            named = isinstance(self.key, str) and not isinstance(outputs, Mapping)
            part: Logits = getattr(outputs, str(self.key)) if named else outputs[self.key]
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ModelError(
                f"expected a part {self.key!r} of the outputs, got {type(outputs).__name__} without; "
                "name another"
            ) from error
        return part

    def extra_repr(self) -> str:
        return repr(self.key)


@final
class Probabilities(_Wrapped):
    """Scores of 0 or more, divided by their sum, in float64."""

    def forward(self, x: Images) -> Logits:
        scores: torch.Tensor = self.network(x).double()
        total = scores.sum(1, keepdim=True)
        if bool((scores < 0).any() | (total <= 0).any()):
            raise ModelError("expected scores of 0 or more, got others; remove from_probabilities")
        return scores / total


@final
class SelectClasses(_Wrapped):
    """Some outputs of many, in a given order."""

    def __init__(self, network: nn.Module, classes: Sequence[int]) -> None:
        super().__init__(network)
        self.classes = [int(each) for each in classes]
        if len(set(self.classes)) < max(len(self.classes), 2) or min(self.classes) < 0:
            raise ModelError(
                f"expected two or more different outputs from 0, got {self.classes!s:.40}; list "
                "one for each class"
            )

    def forward(self, x: Images) -> Logits:
        outputs: Logits = self.network(x)
        if max(self.classes) >= outputs.shape[-1]:
            raise ModelError(
                f"expected outputs below {outputs.shape[-1]}, got {max(self.classes)}; list others"
            )
        # Slices, for which certificates have bounds.
        return torch.cat([outputs[:, each : each + 1] for each in self.classes], 1)

    def extra_repr(self) -> str:
        return str(self.classes)


@final
class HalfPrecision(_Wrapped):
    """A network in float16, between float32 images and float32 logits."""

    def forward(self, x: Images) -> Logits:
        logits: Logits = self.network(x.half()).float()
        return logits
