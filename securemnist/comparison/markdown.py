"""The comparison as a comment on a pull request: short, and no outside text acts in it."""

from __future__ import annotations

from pathlib import Path

from securemnist.comparison import wording
from securemnist.comparison.comparison import Comparison
from securemnist.view import jinja
from securemnist.view.count import counts

_TEMPLATES = Path(__file__).parent / "templates"


def render(comparison: Comparison) -> bytes:
    """The comment; equal comparisons give equal bytes."""
    inside = comparison.changes_in_scope
    return jinja.comment(
        "compare.md.j2",
        _TEMPLATES,
        comparison=comparison,
        words=wording,
        headline=wording.headline(comparison),
        counts=counts((change.word for change in inside), wording.SYMBOLS),
        own=wording.own(comparison),
        rest=[change for change in inside if not change.blocks],
    )
