"""`python -m securemnist`."""

import sys

# Python puts the working folder first: a click.py there must not run in place of the library.
if not sys.flags.safe_path:
    sys.path.append(sys.path.pop(0))

from securemnist.cli import main

main(prog_name="securemnist")
