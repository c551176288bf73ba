"""Every requirement of the bundled policy can fail: a saboteur model fails each of them."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
from torch import nn

from securemnist._util import resources
from securemnist.backdoor.scan import searches
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import (
    MEASURES,
    backdoor_scan,
    bind,
    membership,
    membership_references,
    take_measurement,
)
from securemnist.models import loading
from securemnist.results import policy
from securemnist.results.families import SERVICE, STATIC, SUPPLY_CHAIN, THREAT_MODEL
from securemnist.results.findings import Requirement, Verdict
from tests.saboteurs import DATA_SABOTEURS, SABOTEURS

# The saboteurs of a static row are files (tests/static/test_measure.py), those of a service are
# services (tests/service_probes/test_rows.py), those of a threat model, policies (tests/threat_model),
# those of the supply chain, files (tests/supply_chain).
OTHERS = (*STATIC.measures, *SERVICE.measures, *SUPPLY_CHAIN.measures, *THREAT_MODEL.measures)
ROWS = [
    # A busy machine can make a timing undecided.
    pytest.param(
        row,
        id=row.id,
        marks=[pytest.mark.flaky(reruns=2)] if row.measure == "latency_ratio" else [],
    )
    for row in policy.load(resources.POLICY).requirements
    if row.measure not in OTHERS
]
# Enough for a bound far from the threshold, few enough for a test.
IMAGES = 30
# More where a saboteur is near the threshold, fewer where an attack is slow and always succeeds.
OF_ROW = {"BACKDOOR-01": 100}
SLOW = ("ART-02", "ART-04", "DEF-01", "DEF-02", "ADV-02", "ADV-06", "ADV-08", "CERT-03")
OF_ROW |= dict.fromkeys(SLOW, 12) | dict.fromkeys(("ART-01", "ART-03"), 8)
# Of an attack that is slow and succeeds in a part of its steps.
STEPS_OF_ROW = {
    "ART-02": {"max_iter": 10, "binary_search_steps": 2},
    "ART-03": {"max_iter": 6, "max_eval": 300},
}


@pytest.fixture(scope="module")
def context(mnist: DataSet) -> Callable[[Callable[[], nn.Module]], Context]:
    """A function that gives the context of a saboteur, which its rows share as in an assessment."""
    return functools.cache(lambda make: Context(loading.from_model(make(), name="saboteur"), mnist))


@pytest.mark.parametrize("row", ROWS)
def test_saboteur_fails_the_row(
    row: Requirement,
    context: Callable[[Callable[[], nn.Module]], Context],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The row's measure and threshold reject a model built to break it."""
    saboteur = context(SABOTEURS.get(row.id, SABOTEURS[row.measure]))
    settings = dict(row.settings)
    settings.pop("curve", None)
    if row.measure in DATA_SABOTEURS:
        data = DATA_SABOTEURS[row.measure](saboteur.data)
        saboteur = Context(saboteur.subject, data)
    elif "images" in MEASURES[row.measure].settings.model_fields:
        enough = OF_ROW.get(row.id, IMAGES)
        settings["images"] = min(settings.get("images", enough), enough)
    if "seconds" in settings:
        settings["seconds"] = min(settings["seconds"], 3.0)
    if row.measure == "latency_ratio":
        settings |= {"rounds": 11, "batch": min(settings.get("batch", 1), 200)}
    if row.id in STEPS_OF_ROW:
        settings["attack"] = settings["attack"] | STEPS_OF_ROW[row.id]
    # The patch is far smaller than those of clean networks on fewer images and in fewer steps, too.
    monkeypatch.setattr(backdoor_scan, "SEARCHED", 60)
    monkeypatch.setattr(searches, "STEPS", 60)
    # References that know little do: the scores alone tell the images of training.
    monkeypatch.setattr(membership, "REFERENCE_IMAGES", 200)
    monkeypatch.setattr(membership_references, "TAKEN", 400)
    # The saboteur is six times slower; that shows beside other tests, too.
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    measurement = take_measurement(saboteur, row.measure, bind(row.measure, settings), row.seed)
    assert row.judge(measurement).verdict is Verdict.FAIL
