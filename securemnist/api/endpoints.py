"""Lines about an endpoint, printed before anything is measured."""

from __future__ import annotations

import sys

from securemnist.evaluation.context import Context
from securemnist.measures.announcement import announcement
from securemnist.sanitize import terminal
from securemnist.types import Progress


def print_endpoint(context: Context, progress: Progress | bool, queries: int) -> None:
    """Print on stderr what the probe found and how many queries follow, where progress is displayed."""
    if progress is True:
        for text in announcement(context, queries):
            print(terminal(text), file=sys.stderr)
