"""For every test in this checkout: one torch thread a process where several processes run."""

import os

# Two processes with two threads each on two cores wait for each other at every layer: measured ten
# times slower than one thread each. To be set before torch is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"
