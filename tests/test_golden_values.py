"""Values of the reference models, against those that an earlier version measured."""

from __future__ import annotations

import copy
import json

import pytest
import torch

from benchmarks import golden
from securemnist._util import resources
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.results import policy

RECORDED = json.loads(golden.FILE.read_bytes())
ROWS = {row.id: row for row in policy.load(resources.POLICY).requirements}
# The gate's own run compares all rows of `certified`: `.ci/run`.
QUICK = {
    "baseline": ("CLEAN-02", "BACKDOOR-01"),
    "certified_mnist": ("CLEAN-02",),
    "hardened": ("ADV-01",),
}


@pytest.mark.parametrize("model", QUICK)
def test_the_values_of_a_reference_model_are_those_recorded(model: str, mnist: DataSet) -> None:
    """Quick rows of the bundled policy have the recorded verdicts and values."""
    context = Context(loading.resolve(model), mnist)
    rows = {}
    for name in QUICK[model]:
        row = ROWS[name]
        settings = bind(row.measure, row.settings, tier=row.tier)
        measurement = take_measurement(context, row.measure, settings, row.seed)
        rows[name] = [str(row.judge(measurement).verdict), measurement.value]
    measured = {
        "processor": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "rows": rows,
    }
    assert golden.differences(measured, RECORDED[model]) == []


def test_a_row_without_a_number_is_found() -> None:
    """A row that became an ERROR differs from the recorded one, and no assessment is no comparison."""
    recorded = {"processor": "p", "torch": "1", "rows": {"A": ["PASS", 0.9]}}
    row = {"id": "A", "measure": "clean_accuracy", "settings": {}}
    finding = {"requirement": row, "measurement": None, "verdict": "ERROR", "in_scope": True}
    environment = {"processor": "p", "packages": {"torch": "1"}}
    document = {"environment": environment, "findings": [finding]}
    assert len(golden.differences(golden.values(document), recorded)) == 1
    document["environment"]["processor"] = "another"
    assert len(golden.differences(golden.values(document), recorded)) == 1
    out_of_scope = document | {"findings": [finding | {"in_scope": False}]}
    assert golden.values(out_of_scope)["rows"] == {}
    assert golden.main([]) == 1


def test_a_changed_value_is_found() -> None:
    """One sample more or less on the recording processor, or two percent elsewhere, is a difference."""
    recorded = RECORDED["certified"]
    changed = copy.deepcopy(recorded)
    changed["rows"]["CLEAN-01"][1] += 0.0001
    assert len(golden.differences(changed, recorded)) == 1
    changed["processor"] = "another"
    assert golden.differences(changed, recorded) == []
    changed["rows"]["CLEAN-01"][1] += 0.02
    assert len(golden.differences(changed, recorded)) == 1
    assert {"ADV-03", "CERT-01", *QUICK["hardened"]} <= set(recorded["rows"]) <= set(ROWS)
