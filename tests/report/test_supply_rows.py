"""A row of the supply chain: its checks on the page, and what is wrong in a terminal."""

from __future__ import annotations

from securemnist.report.details import first_places
from securemnist.report.figures import exhibits
from securemnist.results.evidence.supply_chain import SupplyChainEvidence, SupplyCheck
from securemnist.results.findings import Finding, Measurement, Requirement


def finding(broken: int, total: int) -> Finding:
    """A row of which some checks do not hold, the last ones."""
    row = Requirement(
        id="SUPPLY-01", measure="unpinned_dependencies", because="-", at_most=0.0, settings={}
    )
    checks = [
        SupplyCheck(
            name=f"package {k}",
            place=f"uv.lock:{k}",
            expected="a pin",
            found="<b>none</b>",
            holds=k < total - broken,
        )
        for k in range(total)
    ]
    value = float(broken)
    numbers = {"value": value, "low": value, "high": value, "n": total, "seconds": 1.0, "seed": 0}
    evidence = SupplyChainEvidence(checks=checks, about="locks")
    found = Measurement(**numbers, unit="count", complete=True, evidence=evidence)
    return row.judge(found, family="supply_chain")


def test_checks_are_a_table() -> None:
    """Each check is a line, those first that do not hold; of many that hold the first fifty are shown."""
    for broken, total, shown in ((5, 6, 6), (3, 400, 50), (120, 400, 120), (300, 400, 200)):
        (exhibit,) = exhibits(finding(broken, total))
        assert exhibit.table is not None
        last = [row[-1] for row in exhibit.table.rows]
        assert len(last) == shown
        assert last[: min(broken, shown)] == ["NO"] * min(broken, shown)
        assert "Read: locks." in exhibit.caption
        assert (f"do not hold: {broken}" in exhibit.caption) is (shown < total)


def test_what_is_wrong_is_named() -> None:
    """The first checks that do not hold stand below the row with their places, and how many more."""
    places = first_places(finding(5, 6))
    assert places[0] == "package 1 (uv.lock:1): expected a pin, got <b>none</b>"
    assert places[-1] == "and 2 more"
    assert first_places(finding(0, 6)) == ()
