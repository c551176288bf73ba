"""Calibration of the doubts on data other than MNIST, by honest networks and known impostors.

Two honest networks must raise no doubt. Each impostor must raise its own. Every doubt gets the smallest
factor of MNIST's limits for which both hold; one for which no factor does stays uncalibrated.
"""

from securemnist.calibration.measured import calibrate, check_data
from securemnist.calibration.references import trained

__all__ = ["calibrate", "check_data", "trained"]
