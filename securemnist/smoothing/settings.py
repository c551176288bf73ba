"""Settings of randomised smoothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from securemnist.errors import UsageError

LARGEST_SIGMA = 4.0
_MOST_DRAWS = 1_000_000
_LARGEST_ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class Smoothing:
    """`sigma`: standard deviation of the noise, in pixel units. UsageError for a value out of range.

    `n0` draws choose the class of an image, `n` other draws estimate its share. `alpha` is the failure
    probability of all images of a call together: the probability that any certificate is wrong.
    """

    sigma: float
    n0: int = 100
    n: int = 10_000
    alpha: float = 0.001

    def __post_init__(self) -> None:
        for name in ("n0", "n"):
            draws = getattr(self, name)
            if type(draws) is not int or not 1 <= draws <= _MOST_DRAWS:
                raise UsageError(
                    f"expected {name} from 1 to {_MOST_DRAWS}, got {draws!r}; change the draws"
                )
        for name, most in (("sigma", LARGEST_SIGMA), ("alpha", _LARGEST_ALPHA)):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and math.isfinite(value) and 0 < value <= most):
                raise UsageError(f"expected 0 < {name} <= {most:g}, got {value!r}; change {name}")
