"""Speed beside the peers, in one run: `nox -s bench`, or `python -m benchmarks`."""

from securemnist.runtime.openmp import short_spin

short_spin()  # before torch is loaded
