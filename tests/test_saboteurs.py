"""Every requirement of the bundled policy can fail: a saboteur model fails each of them."""

from __future__ import annotations

import pytest

from securemnist._util import resources
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import MEASURES, bind, take_measurement
from securemnist.models import loading
from securemnist.results import policy
from securemnist.results.families import SERVICE, STATIC, SUPPLY_CHAIN, THREAT_MODEL
from securemnist.results.findings import Requirement, Verdict
from tests.saboteurs import DATA_SABOTEURS, SABOTEURS

# The saboteurs of a static row are files (tests/static/test_measure.py), those of a service are
# services (tests/service_probes/test_rows.py), those of a threat model, policies (tests/threat_model),
# those of the supply chain, files (tests/supply_chain).
OTHERS = (*STATIC.measures, *SERVICE.measures, *SUPPLY_CHAIN.measures, *THREAT_MODEL.measures)
ROWS = [r for r in policy.load(resources.POLICY).requirements if r.measure not in OTHERS]
# Enough for a bound far from the threshold, few enough for a test.
IMAGES = 100


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_saboteur_fails_the_row(
    row: Requirement, mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row's measure and threshold reject a model built to break it."""
    subject = loading.from_model(SABOTEURS.get(row.id, SABOTEURS[row.measure])(), name="saboteur")
    settings = dict(row.settings)
    settings.pop("curve", None)
    data = DATA_SABOTEURS.get(row.measure, lambda clean: clean)(mnist)
    if data is mnist and "images" in MEASURES[row.measure].settings.model_fields:
        settings["images"] = min(settings.get("images", IMAGES), IMAGES)
    if "seconds" in settings:
        settings["seconds"] = min(settings["seconds"], 3.0)
    if row.measure == "latency_ratio":
        settings |= {"rounds": 7, "batch": min(settings.get("batch", 1), 200)}
    # The saboteur is six times slower; that shows beside other tests, too.
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    measurement = take_measurement(
        Context(subject, data), row.measure, bind(row.measure, settings), row.seed
    )
    assert row.judge(measurement).verdict is Verdict.FAIL
