"""Each row of the family passes on our own service, and fails without its control."""

from __future__ import annotations

import pytest

from securemnist._util import resources
from securemnist.data import DataSet
from securemnist.errors import PolicyError
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.results import policy
from securemnist.results.evidence.service import ServiceEvidence
from securemnist.results.findings import Requirement, Verdict
from securemnist.service_probes import body_cap, own
from securemnist.service_probes.reply import HONEST
from securemnist.service_probes.table import PROBES
from securemnist.view.row_words import CONTROLS
from tests.serve.hosts import Toy
from tests.service_probes.saboteurs import MODELS, OFF, PATCHES

# A busy machine can exceed the limits of time of a service.
pytestmark = pytest.mark.flaky(reruns=2)
ROWS = {
    row.settings["control"]: row
    for row in policy.load(resources.POLICY).requirements
    if row.measure == "service_violations"
}


def judged(row: Requirement, data: DataSet, model: type) -> tuple[Verdict, ServiceEvidence]:
    """The verdict of a row on a service of a model."""
    context = Context(loading.from_model(model(), name="subject"), data)
    settings = bind(row.measure, row.settings)
    measured = take_measurement(context, row.measure, settings, row.seed)
    assert isinstance(measured.evidence, ServiceEvidence)
    return row.judge(measured).verdict, measured.evidence


def test_every_control_has_a_row_and_a_saboteur() -> None:
    """Probes, rows, words and saboteurs name the same controls, and no row names another."""
    assert set(PROBES) == set(ROWS) == set(CONTROLS)
    with pytest.raises(PolicyError, match="expected a control of authentication, "):
        bind("service_violations", {"control": "firewall"})
    assert set(PROBES) == set(OFF) | set(PATCHES) | set(MODELS)


@pytest.mark.parametrize("control", ROWS)
def test_own_service_passes(control: str, mnist: DataSet) -> None:
    """Our own service passes the row, and no check is left out."""
    verdict, evidence = judged(ROWS[control], mnist, Toy)
    assert evidence.checks
    assert [check for check in evidence.checks if not check.holds] == []
    assert verdict is Verdict.PASS


@pytest.mark.parametrize("control", ROWS)
def test_saboteur_fails(control: str, mnist: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service without the control fails the row by a check of its own."""
    settings = {**own.SETTINGS.get(control, {}), **OFF.get(control, {})}
    monkeypatch.setattr(own, "SETTINGS", {control: settings})
    # Time and bytes that a service without the control would take to the end.
    monkeypatch.setattr(own, "TIMEOUT", 2.0)
    monkeypatch.setattr(body_cap, "_CAP", 8 << 20)
    PATCHES.get(control, lambda _: None)(monkeypatch)
    verdict, evidence = judged(ROWS[control], mnist, MODELS.get(control, Toy))
    assert verdict is Verdict.FAIL
    assert [c for c in evidence.checks or () if not c.holds and c.name != HONEST]
