"""`python -m securemnist`."""

from securemnist.cli import main

main(prog_name="securemnist")
