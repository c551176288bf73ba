"""Stored curves of the reference models, and the role of a reference model."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, cast

import pytest

from securemnist._util import resources
from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import bind
from securemnist.measures.attack_run import RobustSettings, curve
from securemnist.models import loading
from securemnist.models.loading import Subject
from securemnist.references import curves
from securemnist.results import policy
from securemnist.train import RECIPES

MISSING = f"expected the curves of today's weights, rows and attacks; run {curves.COMMAND}"
KEPT = json.loads(curves.FILE.read_bytes())["curves"]
BUNDLED = set(loading.with_role("curve"))


def rows() -> list[tuple[RobustSettings, int]]:
    """The rows of the bundled policy with a curve, bound, with their seeds."""
    found = policy.load(resources.POLICY).requirements
    return [
        (cast(RobustSettings, bind(row.measure, row.settings, tier=row.tier)), row.seed)
        for row in found
        if row.settings.get("curve")
    ]


def context(name: str, images: DataSet) -> Context:
    """A context of a reference model on MNIST."""
    return Context(loading.resolve(name), images)


def test_stored_curves_complete(mnist: DataSet) -> None:
    """Every bundled reference model has a curve of its current weights for each row with a curve."""
    assert rows(), "expected a row with a curve in the bundled policy, got none"
    stranger = Context(
        loading.from_model(context("network_d", mnist).subject.model, name="x"), mnist
    )
    stranger = dataclasses.replace(stranger, subject=_renamed(stranger.subject))
    for settings, _ in rows():
        found = curves.stored(stranger, settings.ladder.attacks, settings.threat["norm"])
        assert {entry.model for entry in found} == BUNDLED, MISSING
        for entry in found:
            assert [point.eps for point in entry.points] == settings.curve, MISSING


def _renamed(subject: Subject) -> Subject:
    """A model with weights other than those of any reference model."""
    model = loading.resolve("network_d").model
    next(iter(model.parameters())).data += 1e-3
    return dataclasses.replace(subject, model=model)


def test_stored_curve_reproducible(mnist: DataSet) -> None:
    """A stored point is measured again with the same value (on another processor nearly)."""
    settings, seed = rows()[0]
    few = settings.model_copy(update={"curve": [0.0, 0.3]})
    points = curve(context("baseline", mnist), few, seed)
    (kept,) = (entry for entry in KEPT if entry["model"] == "baseline")
    stored = {point["eps"]: point for point in kept["points"]}
    for point in points:
        assert stored[point.eps]["n"] == point.n
        assert abs(stored[point.eps]["accuracy"] - point.accuracy) <= 0.004, MISSING


@pytest.mark.parametrize("key", ["weights", "attack", "data", "norm"])
def test_stored_curve_of_other_inputs_omitted(
    key: str, mnist: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A curve of other weights, attacks, data or another norm is not shown."""
    settings, _ = rows()[0]
    changed = [
        {**entry, key: "0" * 64} if entry["model"] == "baseline" else entry for entry in KEPT
    ]
    file = tmp_path / "curves.json"
    file.write_bytes(curves.dumps(changed))
    monkeypatch.setattr(curves, "FILE", file)
    found = curves.stored(
        context("hardened", mnist), settings.ladder.attacks, settings.threat["norm"]
    )
    assert {entry.model for entry in found} == BUNDLED - {"baseline", "hardened"}


def test_own_stored_curve_omitted(mnist: DataSet) -> None:
    """The model's own stored curve is omitted, and other attacks have none."""
    settings, _ = rows()[0]
    evaluated = context("baseline", mnist)
    names = [e.model for e in curves.stored(evaluated, settings.ladder.attacks, "linf")]
    assert "baseline" not in names
    assert "hardened" in names
    assert curves.stored(evaluated, [PGD(steps=3)], "linf") == []


def test_no_stored_curves_without_file(
    mnist: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the file there are no stored curves, and measurements are unchanged."""
    monkeypatch.setattr(curves, "FILE", tmp_path / "none.json")
    settings, _ = rows()[0]
    assert curves.stored(context("baseline", mnist), settings.ladder.attacks, "linf") == []


@pytest.mark.parametrize("name", loading.reference_names())
def test_reference_model_role_recorded(name: str) -> None:
    """An assessment of a reference model has its description and whether it is a red control."""
    phrase: dict[str, Any] = loading.resolve(name).to_json()
    assert phrase["about"] == RECIPES[name].about != ""
    assert phrase["red_control"] is (name in loading.with_role(loading.RED_CONTROL))


def test_manifests_have_the_roles_of_their_recipes() -> None:
    """A reference model that is trained again keeps its roles; the clean ones have no planted trigger."""
    for name in loading.reference_names():
        for role in ("clean", "curve", "transfer", "red control"):
            assert (name in loading.with_role(role)) is (role in RECIPES[name].roles)
    assert all(RECIPES[name].poison is None for name in loading.with_role("clean"))


def test_other_model_has_no_role() -> None:
    """A user's model with the name of a reference model has no role."""
    model = loading.resolve("network_d").model
    assert "red_control" not in loading.from_model(model, name="poisoned_dirty").to_json()
