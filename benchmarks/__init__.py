"""Speed beside the peers, in one run: `nox -s bench`, or `python -m benchmarks`."""
