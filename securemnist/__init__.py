"""Security test suites for image classifiers, driven by pytest."""

import os

__version__ = "0.1.0"

# Torch's threads otherwise spin at every barrier for a core that a neighbour has taken. On two busy cores
# PGD took 25 s with spinning and 4.4 s without; on quiet ones there is no difference to be seen. To be
# said before torch is imported, and only where the user has said nothing.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
