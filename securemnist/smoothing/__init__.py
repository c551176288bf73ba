"""Randomised smoothing: the answers of a classifier under Gaussian noise, with an L2 certificate.

The smoothed classifier answers the class that the model gives most often to an image with Gaussian
noise of deviation sigma (Cohen et al. 2019, arXiv 1902.02918). Its answer cannot change within an L2
radius that follows from the share of that class. The share is estimated from random draws, so a
certificate can be wrong: with a probability of at most alpha, over all images of a call together. What
is certified is the smoothed classifier. The model without noise may still be broken within the radius.
"""

from __future__ import annotations

from securemnist.smoothing.bounds import Smoothing, largest_radius
from securemnist.smoothing.certification import Certified, certify

__all__ = ["Certified", "Smoothing", "certify", "largest_radius"]
