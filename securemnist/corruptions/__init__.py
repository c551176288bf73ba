"""Corruptions: changes of an image as cameras, scanners and weather make them, without an adversary.

`mnist-c`: the fifteen kinds of Mu and Gilmer 2019 (arXiv 1906.02337). `cifar-10-c`: those of Hendrycks
and Dietterich 2019 (arXiv 1903.12261) that need no picture files; frost does. Strengths are those of
the authors' code. Where that has no levels (stripe, lines, edges) they are ours, and the published one
is among them.

The images are not those of the published data sets. Random numbers differ, and glass blur and fog are
computed in another way. Edges and motion blur follow the definition and not one library. MNIST-C has a
single strength of each kind. So compare models by this measure, not with published numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from securemnist._util.hashing import seed_from
from securemnist.corruptions.table import CORRUPTIONS, MOST_SEVERE, Kind
from securemnist.errors import UsageError
from securemnist.types import Images

__all__ = ["CORRUPTIONS", "MOST_SEVERE", "Corruption", "Kind", "benchmark_for", "kinds_for"]

_LEVELS = 255


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """One kind of a benchmark at a severity of 1 to 5, called with images; UsageError for others."""

    kind: str
    severity: int = MOST_SEVERE
    benchmark: str = "mnist-c"

    def __post_init__(self) -> None:
        if self.benchmark not in CORRUPTIONS:
            raise _unknown("a benchmark", CORRUPTIONS, self.benchmark, "benchmark")
        if self.kind not in CORRUPTIONS[self.benchmark]:
            raise _unknown(
                f"corruptions of {self.benchmark}", CORRUPTIONS[self.benchmark], self.kind, "kinds"
            )
        if type(self.severity) is not int or not 1 <= self.severity <= MOST_SEVERE:
            raise UsageError(
                f"expected a severity of 1 to {MOST_SEVERE}, got {self.severity!r:.40}; "
                "change `severities`"
            )

    def __call__(self, x: Images, places: Sequence[int], seed: int = 0) -> Images:
        """Corrupted copies of images (n, C, H, W) in [0, 1], float32, rounded to 255 levels.

        Random numbers depend on the seed, the corruption and the image's number in `places` (n,). So an
        image has the same corruption in every sample.
        """
        self.check_fits(x.shape[1])
        kind = CORRUPTIONS[self.benchmark][self.kind]
        base = seed_from(seed, self.benchmark, self.kind, self.severity)
        corrupted = np.empty(x.shape, np.float32)
        for number, (image, place) in enumerate(
            zip(x.cpu().numpy().astype(np.float64), places, strict=True)
        ):
            rng = np.random.Generator(np.random.Philox(key=[base, place]))
            changed = kind.apply(image, self.severity, rng)
            corrupted[number] = np.rint(np.clip(changed, 0, 1) * _LEVELS) / _LEVELS
        return torch.from_numpy(corrupted).to(x.device)

    def check_fits(self, channels: int) -> None:
        """UsageError where the kind does not apply to images of so many channels."""
        if reason := CORRUPTIONS[self.benchmark][self.kind].refusal(channels):
            raise UsageError(f"{self.kind} {reason}; leave it out of `kinds`")


def benchmark_for(channels: int) -> str:
    """The usual benchmark: "mnist-c" for one or two channels, "cifar-10-c" for colour."""
    return "mnist-c" if channels < len("RGB") else "cifar-10-c"


def kinds_for(benchmark: str, channels: int) -> tuple[list[str], dict[str, str]]:
    """The kinds that apply to images of so many channels, and for each other one why it does not."""
    refusals = {name: kind.refusal(channels) for name, kind in CORRUPTIONS[benchmark].items()}
    applying = [name for name, reason in refusals.items() if not reason]
    return applying, {name: reason for name, reason in refusals.items() if reason}


def _unknown(what: str, known: Iterable[str], got: object, key: str) -> UsageError:
    return UsageError(f"expected {what} of {', '.join(known)}, got {got!r:.60}; change `{key}`")
