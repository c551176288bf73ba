"""Pictures with an axis stay readable whatever their numbers are."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from securemnist.report import bars

SHARES = st.lists(st.floats(0, 1), min_size=10, max_size=10)


@given(values=SHARES, limit=st.floats(0.001, 1))
def test_no_line_goes_through_a_number(values: list[float], limit: float) -> None:
    """The dashed line of what is allowed passes above or below the number of every bar."""
    drawn = [bars.Bar(str(label), value) for label, value in enumerate(values)]
    picture = bars.shares(drawn, limit, alt="bars")
    dashed = re.search(r'd="M4 ([\d.]+)L[^"]*"[^>]*stroke-dasharray', picture)
    numbers = re.findall(r'<text class="fill-ink halo" x="[\d.]+" y="([\d.]+)"', picture)
    assert len(numbers) == 10
    assert dashed is not None
    line = float(dashed[1])
    # Figures of 11 pixels stand 8 above their base line.
    assert all(not float(base) - 8 <= line <= float(base) for base in numbers)
