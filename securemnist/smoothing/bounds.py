"""Settings of randomised smoothing; from counts of draws to a radius, always rounded to the safe side.

Functions of scipy.special are exact to about 1e-12; the margins here are a thousand times wider.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from securemnist.errors import UsageError

LARGEST_SIGMA = 4.0
_MOST_DRAWS = 1_000_000
_LARGEST_ALPHA = 0.05
_ROUNDING = 1e-9


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


def lower_bound(hits: int, n: int, alpha: float) -> float:
    """Lower bound of a probability of which `hits` of `n` independent draws are known.

    It is above the truth with a probability of at most alpha (one-sided; Clopper & Pearson 1934).
    """
    from scipy.special import betaincinv

    if hits <= 0:
        return 0.0
    return float(betaincinv(hits, n - hits + 1, alpha)) * (1 - _ROUNDING)


def radius(share: float, sigma: float) -> float:
    """L2 radius within which a class of at least this share stays the most frequent; 0 for none.

    sigma * Phi^-1(share), where the second class has at most 1 - share (Cohen et al. 2019).
    """
    from scipy.special import ndtri

    if share <= 0.5:
        return 0.0
    found = sigma * float(ndtri(share)) * (1 - _ROUNDING)
    return found if math.isfinite(found) else 0.0


def alpha_of_image(smoothing: Smoothing, images: int) -> float:
    """Failure probability of one of `images` certificates (Bonferroni).

    The sum over all images is alpha, whether or not their draws depend on each other.
    """
    return smoothing.alpha / max(images, 1)


def certified_radius(hits: int, smoothing: Smoothing, images: int) -> float:
    """Radius of an image, one of `images`, of which `hits` of n draws have the class; 0 for none."""
    bound = lower_bound(hits, smoothing.n, alpha_of_image(smoothing, images))
    return radius(bound, smoothing.sigma)


def largest_radius(smoothing: Smoothing, images: int) -> float:
    """Radius of an image, one of `images`, of which every draw has the class."""
    return certified_radius(smoothing.n, smoothing, images)


def needed_hits(least: float, smoothing: Smoothing, images: int) -> int:
    """Fewest hits of n draws that certify a radius of `least`; n + 1 where all of them do not."""
    low, high = 0, smoothing.n + 1
    while low + 1 < high:  # more hits never give a smaller radius
        middle = (low + high) // 2
        found = certified_radius(middle, smoothing, images)
        low, high = (low, middle) if found >= least and found > 0 else (middle, high)
    return high
