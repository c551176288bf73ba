"""For every test in this checkout: one torch thread a process of several, less garbage collection."""

import gc
import os

# Two processes with two threads each on two cores wait for each other at every layer: measured ten
# times slower than one thread each. To be set before torch is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"
gc.disable()  # until all is imported, which leaves next to no garbage


def pytest_collection_finish() -> None:
    """Keep what is imported out of later collections: a sixth of the time of some tests."""
    gc.freeze()
    gc.enable()
