"""Security test suites for image classifiers, driven by pytest."""

import os

__version__ = "0.1.0"

# Torch's threads spin at every barrier for some milliseconds: beside a busy neighbour on two cores
# PGD took 25 s so, and 4 s without. A short spin keeps the speed of a quiet machine and sleeps on a
# busy one. To be said before torch is imported, and only where the user has said nothing.
os.environ.setdefault("GOMP_SPINCOUNT", "30000")
