"""Pictures that set a row's subject beside reference models, or one gallery beside another."""

from __future__ import annotations

import pytest

from securemnist.report.figures import exhibits
from tests.report import made_up
from tests.report.figure_rows import ROBUST, with_evidence


def test_references_stand_beside_the_subject() -> None:
    """A curve names each reference model, in the picture and in its table."""
    curve = next(e for e in exhibits(ROBUST) if e.kind == "curve")
    assert curve.table is not None
    for name in ("hardened", "baseline", "network_c"):
        assert f">{name}</text>" in curve.panels[0].picture
        assert sum(row[0] == name for row in curve.table.rows) == len(made_up.EPS)


@pytest.mark.parametrize(("places", "shown"), [(slice(0, 3), False), (slice(2, 14), True)])
def test_no_gallery_is_shown_twice(places: slice, shown: bool) -> None:
    """The last to fall are shown where they are not all among the images shown before."""
    samples = made_up.gallery(14)
    fields = {"gallery": samples, "last_to_fall": samples[places]}
    assert ("last" in [exhibit.kind for exhibit in exhibits(with_evidence(fields))]) is shown
