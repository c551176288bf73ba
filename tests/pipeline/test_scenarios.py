"""The scenarios on networks that should and should not look bad."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest

from securemnist.data import DataSet
from securemnist.measures import robustness
from securemnist.models import loading
from securemnist.models.loading import Subject
from securemnist.pipeline import scenarios
from securemnist.pipeline.documents import Scenario, Summary
from securemnist.pipeline.measuring import Bench
from securemnist.pipeline.sizes import BASELINE, EPS, POISONED, TARGET, Sizes
from securemnist.results.json_model import json_schema
from securemnist.types import silent
from tests.pipeline import example

SIZES = Sizes(training=1, test=60, epochs=1)


def named(spec: str, name: str) -> Subject:
    """A bundled network in the place of one of the pipeline."""
    return dataclasses.replace(loading.resolve(spec), name=name)


@pytest.fixture(scope="module")
def bench(small: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The small splits, without display."""
    return Bench(small, tmp_path_factory.mktemp("bench"), silent)


def rate(scenario: Scenario, network: str) -> float:
    """The attack success rate."""
    found = scenario.find(network, "backdoor_success")
    assert found is not None
    return found.value


def test_poisoned_network_has_a_high_success_rate(small: DataSet, tmp_path: Path) -> None:
    """The trigger succeeds on a poisoned network and not on a clean one, whatever their names are."""
    # The names are swapped.
    networks = {BASELINE: named("poisoned_dirty", BASELINE), POISONED: named("baseline", POISONED)}
    found = scenarios.run("poisoning", Bench(small, tmp_path, silent), networks, SIZES)
    assert rate(found, BASELINE) > 0.9
    assert rate(found, POISONED) < 0.05
    for name in networks:
        clean = found.find(name, "clean_accuracy")
        assert clean is not None
        assert clean.value > 0.95


def test_success_rate_leaves_the_target_class_out(bench: Bench, small: DataSet) -> None:
    """The rate counts images of other classes than the target, as the gate's row does."""
    subject = named("poisoned_dirty", POISONED)
    networks = {BASELINE: subject, POISONED: subject}
    found = scenarios.run("poisoning", bench, networks, SIZES).find(POISONED, "backdoor_success")
    assert found is not None
    assert found.per_class is not None
    assert found.per_class[TARGET] is None
    assert found.n <= int((small.test.labels != TARGET).sum())
    assert bench.pictures[POISONED, "backdoor_success"]


def test_fgsm_is_refereed_and_its_tables_agree(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accuracy under FGSM falls with eps; the matrix has the same images and the same right ones."""
    monkeypatch.setattr(scenarios, "CURVE_EPS", (0.05, EPS))
    # Doubts take most of the time, and change no number.
    monkeypatch.setattr(robustness, "model_doubts", lambda *_, **__: ())
    found = scenarios.run("fgsm", bench, {BASELINE: named("baseline", BASELINE)}, SIZES)
    first, *curve = found.measured
    assert first.confusion is not None
    assert sum(map(sum, first.confusion)) == first.n == SIZES.test
    assert sum(row[k] for k, row in enumerate(first.confusion)) == round(first.value * first.n)
    assert first.clean_confusion is not None
    right = sum(row[k] for k, row in enumerate(first.clean_confusion))
    assert right > 0.9 * first.n
    values = [one.value for one in curve]
    assert values[0] > 0.8 > 0.5 > values[-1]
    assert bench.pictures[BASELINE, "attack_accuracy"]


def test_each_scenario_fits_its_schema(bench: Bench) -> None:
    """A measured scenario, all made-up ones and the summary validate; another form does not."""
    measured = scenarios.run("baseline", bench, {BASELINE: named("baseline", BASELINE)}, SIZES)
    schema = json_schema(Scenario)
    for one in (measured, *example.scenarios().values(), *example.scenarios(timed=False).values()):
        data = json.loads(one.dumps())
        jsonschema.validate(data, schema)
        assert Scenario.from_json(data) == one
    jsonschema.validate(json.loads(example.summary().dumps()), json_schema(Summary))
    data = json.loads(measured.dumps())
    for key, value in (("scenario", "other"), ("colour", "red"), ("measured", [{}])):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**data, key: value}, schema)
        with pytest.raises(ValueError, match=key):
            Scenario.from_json({**data, key: value})
