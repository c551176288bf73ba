"""Whether there is time left for a search."""

from collections.abc import Callable

InTime = Callable[[], bool]


def always() -> bool:
    """The default of `in_time`: no limit on the time."""
    return True
