"""From counts of draws to a radius, always rounded to the safe side.

Functions of scipy.special are exact to about 1e-12; the margins here are a thousand times wider.
"""

from __future__ import annotations

import math

from securemnist.smoothing.settings import Smoothing

_ROUNDING = 1e-9


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
